//! Differences between the steps of two runs: data, settings, code, machine.

use serde::Serialize;

use crate::run::Step;

/// The value of a [`Change`] for a step or name that a run has, if there is no value to compare.
pub(crate) const PRESENT: &str = "present";

/// The differences by kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Source files.
    pub data: Vec<Change>,
    /// Settings of steps in both runs, and steps that only one run has.
    pub settings: Vec<Change>,
    /// Versions of stages and of their dependencies.
    pub code: Vec<Change>,
    /// Cores and devices: they change the rounding errors of training.
    pub machine: Vec<Change>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What changed, for example `train gru: training.epochs`.
    #[serde(rename = "what")]
    pub name: String,
    /// Its value in the earlier run, if the run has it.
    pub before: Option<String>,
    /// Its value in the later run, if the run has it.
    pub after: Option<String>,
}

impl Changes {
    /// Whether nothing differs.
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
        let find = |steps: &[Step], step: &Step| -> Option<Step> {
            let is_same = |it: &&Step| (&it.stage, &it.variant) == (&step.stage, &step.variant);
            steps.iter().find(is_same).cloned()
        };
        for step in before {
            if let Some(later) = find(after, step) {
                changes.add(step, &later);
            }
        }
        let present = |run: &[Step], step: &Step| find(run, step).map(|_| PRESENT.to_owned());
        for step in before.iter().chain(after) {
            let change = Change {
                name: format!("{} {}", step.stage, step.variant),
                before: present(before, step),
                after: present(after, step),
            };
            if change.before != change.after {
                changes.settings.push(change);
            }
        }
        changes
    }

    /// Adds the differences of one step.
    fn add(&mut self, before: &Step, after: &Step) {
        let step = match before.variant.as_str() {
            "reviews" => before.stage.clone(),
            variant => format!("{} {variant}", before.stage),
        };
        let in_step = |name: &str| format!("{step}: {name}");
        let steps = [before, after];
        let sources = steps.map(|step| step.sources.clone());
        add_differences(&mut self.data, sources, in_step);
        let settings = steps.map(|step| step.settings.clone());
        add_differences(&mut self.settings, settings, in_step);
        let versions = |step: &Step| {
            let own = ("stage version".to_owned(), step.stage_version.to_string());
            [&[own], &*step.versions].concat()
        };
        let code_name = |name: &str| match name {
            "stage version" => format!("{}: {name}", before.stage),
            name => name.to_owned(),
        };
        add_differences(&mut self.code, steps.map(versions), code_name);
        let machine = |step: &Step| {
            let cores = ("cores".to_owned(), step.cores.to_string());
            let device = step.device.clone().map(|it| ("device".to_owned(), it));
            Vec::from_iter([cores].into_iter().chain(device))
        };
        add_differences(&mut self.machine, steps.map(machine), str::to_owned);
    }
}

/// Adds the differences between two lists of names and values; a change that several steps share is added once.
fn add_differences(
    changes: &mut Vec<Change>,
    [before, after]: [Vec<(String, String)>; 2],
    describe: impl Fn(&str) -> String,
) {
    let value = |list: &[(String, String)], name: &str| {
        let pair = list.iter().find(|(other, _)| other == name);
        pair.map(|(_, value)| value.clone())
    };
    for (name, _) in before.iter().chain(&after) {
        let change = Change {
            name: describe(name),
            before: value(&before, name),
            after: value(&after, name),
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

    fn lines(changes: &[Change]) -> Vec<String> {
        let line = |change: &Change| {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            format!(
                "{} {} {}",
                change.name,
                side(&change.before),
                side(&change.after)
            )
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn equal_steps_have_no_differences() {
        let steps = [step("clean", "reviews", &[("lowercase", "true")])];
        assert!(Changes::between(&steps, &steps).is_empty());
        assert!(Changes::between(&[], &[]).is_empty());
    }

    #[test]
    fn differences_are_sorted_by_kind() {
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
        assert_eq!(lines(&changes.data), ["ingest: reviews.csv 1f 2e"]);
        assert_eq!(
            lines(&changes.settings),
            [
                "train gru: epochs 3 4",
                "train gru: hidden 64 -",
                "train gru: dropout - 0.5",
                "train old present -",
                "train new - present",
            ]
        );
        assert_eq!(
            lines(&changes.code),
            [
                "ingest: stage version 2 3",
                "ressenti 0.1.0 0.2.0",
                "train: stage version 2 3"
            ]
        );
        assert_eq!(lines(&changes.machine), ["cores 2 16"]);
    }
}
