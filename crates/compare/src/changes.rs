//! What is different between the steps of two runs: data, settings, code, machine.

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
        self.kinds().iter().all(|(_, list)| list.is_empty())
    }

    /// The lists with their names.
    pub(crate) fn kinds(&self) -> [(&'static str, &[Change]); 4] {
        [
            ("data", &self.data),
            ("settings", &self.settings),
            ("code", &self.code),
            ("machine", &self.machine),
        ]
    }

    /// The differences of two lists of steps.
    pub fn between(before: &[Step], after: &[Step]) -> Self {
        let mut changes = Self::default();
        let of = |steps: &[Step], step: &Step| -> Option<Step> {
            let is_same = |it: &&Step| (&it.stage, &it.variant) == (&step.stage, &step.variant);
            steps.iter().find(is_same).cloned()
        };
        for was in before {
            if let Some(is) = of(after, was) {
                changes.add(was, &is);
            }
        }
        let there = |side: &[Step], step: &Step| of(side, step).map(|_| "there".to_owned());
        for step in before.iter().chain(after) {
            let change = Change {
                what: format!("{} {}", step.stage, step.variant),
                before: there(before, step),
                after: there(after, step),
            };
            if change.before != change.after {
                changes.settings.push(change);
            }
        }
        changes
    }

    /// Adds the differences of one step.
    fn add(&mut self, was: &Step, is: &Step) {
        let step = match was.variant.as_str() {
            "reviews" => was.stage.clone(),
            variant => format!("{} {variant}", was.stage),
        };
        let of_step = |name: &str| format!("{step}: {name}");
        add_differences(&mut self.data, &was.sources, &is.sources, of_step);
        add_differences(&mut self.settings, &was.settings, &is.settings, of_step);
        let versions = |step: &Step| {
            let own = ("stage version".to_owned(), step.stage_version.to_string());
            [&[own], &*step.versions].concat()
        };
        let of_code = |name: &str| match name {
            "stage version" => format!("{}: {name}", was.stage),
            name => name.to_owned(),
        };
        add_differences(&mut self.code, &versions(was), &versions(is), of_code);
        let machine = |step: &Step| {
            let cores = ("cores".to_owned(), step.cores.to_string());
            let device = step.device.clone().map(|it| ("device".to_owned(), it));
            Vec::from_iter([cores].into_iter().chain(device))
        };
        add_differences(
            &mut self.machine,
            &machine(was),
            &machine(is),
            str::to_owned,
        );
    }
}

/// Adds what differs between two lists of names and values; what several steps share is said once.
fn add_differences(
    changes: &mut Vec<Change>,
    before: &[(String, String)],
    after: &[(String, String)],
    describe: impl Fn(&str) -> String,
) {
    let value = |list: &[(String, String)], name: &str| {
        let found = list.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    for (name, _) in before.iter().chain(after) {
        let change = Change {
            what: describe(name),
            before: value(before, name),
            after: value(after, name),
        };
        if change.before != change.after && !changes.contains(&change) {
            changes.push(change);
        }
    }
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
