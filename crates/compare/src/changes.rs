//! What is different between the steps of two runs: data, settings, code, machine.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::run::Step;

/// The differences, in words; each list is empty where nothing differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Files from outside.
    pub data: Vec<Change>,
    /// Settings of steps that both have, and steps that one has alone.
    pub settings: Vec<Change>,
    /// Versions of stages and of what they are built of.
    pub code: Vec<Change>,
    /// Cores and devices: they change how training rounds.
    pub machine: Vec<Change>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it is about, for example `train gru: training.epochs`.
    pub what: String,
    /// What it was; nothing where it was not there.
    pub before: Option<String>,
    /// What it is; nothing where it is not there any more.
    pub after: Option<String>,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        [&self.data, &self.settings, &self.code, &self.machine]
            .iter()
            .all(|list| list.is_empty())
    }

    /// The differences of two lists of steps.
    pub fn between(before: &[Step], after: &[Step]) -> Self {
        let mut changes = Self::default();
        let pair = |step: &Step| (step.stage.clone(), step.variant.clone());
        let mut later: BTreeMap<_, &Step> = after.iter().map(|step| (pair(step), step)).collect();
        let mut gone = Vec::new();
        for was in before {
            match later.remove(&pair(was)) {
                Some(is) => changes.add(was, is),
                None => gone.push(was),
            }
        }
        let alone = |step: &Step| format!("{} {}", step.stage, step.variant);
        changes.settings.extend(gone.into_iter().map(|step| Change {
            what: alone(step),
            before: Some("there".to_owned()),
            after: None,
        }));
        let new = after.iter().filter(|step| later.contains_key(&pair(step)));
        changes.settings.extend(new.map(|step| Change {
            what: alone(step),
            before: None,
            after: Some("there".to_owned()),
        }));
        changes
    }

    /// Adds the differences of one step.
    fn add(&mut self, was: &Step, is: &Step) {
        let step = if was.variant == "reviews" {
            was.stage.clone()
        } else {
            format!("{} {}", was.stage, was.variant)
        };
        let named = |name: &str| format!("{step}: {name}");
        self.data
            .extend(differences(&was.sources, &is.sources, &named));
        self.settings
            .extend(differences(&was.settings, &is.settings, &named));
        let versions = |step: &Step| {
            let mut versions = vec![("stage version".to_owned(), step.stage_version.to_string())];
            versions.extend(step.versions.iter().cloned());
            versions
        };
        // What all steps share is said once.
        let shared = |name: &str| match name {
            "stage version" => format!("{}: {name}", was.stage),
            name => name.to_owned(),
        };
        for change in differences(&versions(was), &versions(is), &shared) {
            if !self.code.contains(&change) {
                self.code.push(change);
            }
        }
        let machine = |step: &Step| {
            let mut facts = vec![("cores".to_owned(), step.cores.to_string())];
            facts.extend(
                step.device
                    .clone()
                    .map(|device| ("device".to_owned(), device)),
            );
            facts
        };
        for change in differences(&machine(was), &machine(is), &|name| name.to_owned()) {
            if !self.machine.contains(&change) {
                self.machine.push(change);
            }
        }
    }
}

/// What differs between two lists of names and values.
fn differences(
    before: &[(String, String)],
    after: &[(String, String)],
    named: &dyn Fn(&str) -> String,
) -> Vec<Change> {
    let value = |list: &[(String, String)], name: &str| {
        let found = list.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    let new = after
        .iter()
        .filter(|(name, _)| value(before, name).is_none());
    let names = before.iter().chain(new).map(|(name, _)| name);
    names
        .map(|name| Change {
            what: named(name),
            before: value(before, name),
            after: value(after, name),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(stage: &str, variant: &str, settings: &[(&str, &str)]) -> Step {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            list.iter().map(pair).collect()
        };
        Step {
            stage: stage.to_owned(),
            variant: variant.to_owned(),
            stage_version: 2,
            identity: "ab".to_owned(),
            settings: pairs(settings),
            sources: pairs(&[("reviews.csv", "1f")]),
            started: 0,
            cores: 2,
            device: Some("cpu".to_owned()),
            versions: pairs(&[("ressenti", "0.1.0")]),
            ..Step::default()
        }
    }

    fn told(changes: &[Change]) -> Vec<String> {
        let told = |change: &Change| {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            format!(
                "{} {} {}",
                change.what,
                side(&change.before),
                side(&change.after)
            )
        };
        changes.iter().map(told).collect()
    }

    #[test]
    fn equal_steps_have_no_differences() {
        let steps = [step("clean", "reviews", &[("lowercase", "true")])];
        assert!(Changes::between(&steps, &steps).is_empty());
        assert!(Changes::between(&[], &[]).is_empty());
    }

    #[test]
    fn each_difference_stands_where_it_belongs() {
        let before = [
            step("ingest", "reviews", &[]),
            step("train", "gru", &[("epochs", "3"), ("hidden", "64")]),
            step("train", "old", &[]),
        ];
        let mut after = [
            step("ingest", "reviews", &[]),
            step("train", "gru", &[("epochs", "4"), ("dropout", "0.5")]),
            step("train", "new", &[]),
        ];
        after[0].sources[0].1 = "2e".to_owned();
        for step in &mut after {
            step.stage_version = 3;
            step.cores = 16;
            step.versions[0].1 = "0.2.0".to_owned();
        }
        let changes = Changes::between(&before, &after);
        assert_eq!(told(&changes.data), ["ingest: reviews.csv 1f 2e"]);
        assert_eq!(
            told(&changes.settings),
            [
                "train gru: epochs 3 4",
                "train gru: hidden 64 -",
                "train gru: dropout - 0.5",
                "train old there -",
                "train new - there",
            ]
        );
        assert_eq!(
            told(&changes.code),
            [
                "ingest: stage version 2 3",
                "ressenti 0.1.0 0.2.0",
                "train: stage version 2 3"
            ]
        );
        assert_eq!(told(&changes.machine), ["cores 2 16"]);
    }
}
