//! `[engine]`: where steps run, and what each may use there.

use artifact::{Failure, StageName};
use serde::{Deserialize, Serialize};

use crate::key::{Checked, Key};

/// `[engine]`. Changing it rebuilds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// On this machine, or as jobs of a cluster.
    pub kind: EngineKind,
    /// What every job asks for, unless its stage says otherwise.
    pub resources: Resources,
    /// Seconds before its time limit at which a job is told to save and begin again. Slurm may say so
    /// up to a minute early.
    pub save_before: Option<u32>,
    /// Of `ingest`.
    pub ingest: Resources,
    /// Of `clean`.
    pub clean: Resources,
    /// Of `tokenize`.
    pub tokenize: Resources,
    /// Of `embed`.
    pub embed: Resources,
    /// Of `train`.
    pub train: Resources,
    /// Of `evaluate`.
    pub evaluate: Resources,
    /// Of `report`.
    pub report: Resources,
    /// Of `ressenti predict --shards`.
    pub predict: Resources,
}

/// Where steps run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// On this machine.
    #[default]
    Local,
    /// As jobs of a Slurm cluster.
    Slurm,
}

/// What a job asks for. What is not said is left to the site's defaults, but for the cores: one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Cores; the stage uses as many threads.
    pub cpus: Option<u32>,
    /// Memory, as `4G` or `500M`.
    pub memory: Option<String>,
    /// GPUs.
    pub gpus: Option<u32>,
    /// The longest it may run, as `HH:MM:SS`, `D-HH:MM` or minutes. A training that takes longer saves
    /// its state, queues again and goes on.
    pub time: Option<String>,
    /// The partition.
    pub partition: Option<String>,
    /// Whom it is charged to.
    pub account: Option<String>,
    /// Further options of `sbatch`, as `["--qos=low", "--constraint=a100"]`.
    pub flags: Option<Vec<String>>,
}

impl Resources {
    /// These, and what they leave open as in `base`.
    fn over(&self, base: &Self) -> Self {
        let (own, base) = (self.clone(), base.clone());
        Self {
            cpus: own.cpus.or(base.cpus),
            memory: own.memory.or(base.memory),
            gpus: own.gpus.or(base.gpus),
            time: own.time.or(base.time),
            partition: own.partition.or(base.partition),
            account: own.account.or(base.account),
            flags: own.flags.or(base.flags),
        }
    }

    /// The same with so much memory, in MiB.
    pub fn with_memory(&self, mebibytes: u64) -> Self {
        Self {
            memory: Some(format!("{mebibytes}M")),
            ..self.clone()
        }
    }
}

impl EngineSettings {
    /// Seconds before its time limit at which a job is told to save: 120 where nothing is said.
    pub fn save_before(&self) -> u32 {
        self.save_before.unwrap_or(120)
    }

    /// What a job of a stage asks for.
    pub fn resources_for_stage(&self, stage: StageName) -> Resources {
        let mut tables = self.tables().into_iter();
        let own = tables.find(|(name, _)| *name == stage.as_str());
        own.map_or(&self.resources, |(_, own)| own)
            .over(&self.resources)
    }

    /// What a job of `ressenti predict --shards` asks for.
    pub fn resources_for_predict(&self) -> Resources {
        self.predict.over(&self.resources)
    }

    fn tables(&self) -> [(&'static str, &Resources); 9] {
        [
            ("resources", &self.resources),
            ("ingest", &self.ingest),
            ("clean", &self.clean),
            ("tokenize", &self.tokenize),
            ("embed", &self.embed),
            ("train", &self.train),
            ("evaluate", &self.evaluate),
            ("report", &self.report),
            ("predict", &self.predict),
        ]
    }
}

/// Values become lines of a script: what would end the line, or be taken for another option, is refused.
///
/// # Errors
/// A value that does not fit.
pub fn check_engine(engine: &EngineSettings) -> Result<(), Failure> {
    for (table, resources) in engine.tables() {
        let key = Key::of("engine").at(table);
        key.require_positive(&[("cpus", resources.cpus.unwrap_or(1))])?;
        let name = "a name without spaces";
        let times = "as `HH:MM:SS`, `D-HH:MM` or minutes";
        let texts: [(_, _, Form, _); 4] = [
            ("memory", &resources.memory, is_size, "as `4G` or `500M`"),
            ("time", &resources.time, is_time, times),
            ("partition", &resources.partition, is_name, name),
            ("account", &resources.account, is_name, name),
        ];
        for (setting, value, fits, form) in texts {
            if let Some(value) = value {
                check_text(&key.at(setting), value, fits, form)?;
            }
        }
        for flag in resources.flags.iter().flatten() {
            let form = "a list of options of `sbatch`, as `[\"--qos=low\"]`";
            check_text(&key.at("flags"), flag, is_flag, form)?;
        }
    }
    Ok(())
}

/// Whether a text has the form of a setting.
type Form = fn(&str) -> bool;

fn check_text(key: &Key, value: &str, fits: Form, form: &str) -> Checked {
    key.require(fits(value), format!("is {value:?}, and must be {form}"))
}

fn is_size(text: &str) -> bool {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    text.len() - digits.len() <= 1 && is_number(digits)
}

/// The forms of `sbatch --time`: minutes, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`.
fn is_time(text: &str) -> bool {
    let (days, rest) = text.split_once('-').unwrap_or(("0", text));
    is_number(days) && rest.split(':').count() <= 3 && rest.split(':').all(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.contains(|sign: char| sign.is_whitespace() || sign.is_control())
}

fn is_flag(text: &str) -> bool {
    text.starts_with("--") && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(text: &str) -> EngineSettings {
        toml::from_str(text).expect("an engine")
    }

    #[test]
    fn a_stage_says_what_differs_from_the_rest() {
        let engine = engine(
            "kind = \"slurm\"\nresources = { cpus = 4, time = \"01:00:00\" }\n\
             train = { gpus = 1, time = \"1-00\" }",
        );
        assert_eq!(engine.kind, EngineKind::Slurm);
        let train = engine.resources_for_stage(StageName::Train);
        assert_eq!(
            (train.cpus, train.gpus, train.time.as_deref()),
            (Some(4), Some(1), Some("1-00"))
        );
        let clean = engine.resources_for_stage(StageName::Clean);
        assert_eq!(
            (clean.gpus, clean.time.as_deref()),
            (None, Some("01:00:00"))
        );
        assert_eq!(engine.resources_for_predict().cpus, Some(4));
        assert_eq!(clean.with_memory(3000).memory.as_deref(), Some("3000M"));
    }

    #[test]
    fn what_sbatch_would_misread_is_refused() {
        let problem = |text: &str| {
            check_engine(&engine(text))
                .err()
                .map(|error| error.to_string())
        };
        for good in [
            "train = { time = \"90\" }",
            "train = { time = \"1-00:30:00\", memory = \"500M\" }",
            "resources = { flags = [\"--comment=two words\"] }",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
        for (bad, expected) in [
            (
                "train = { cpus = 0 }",
                "`engine.train.cpus` must be at least 1",
            ),
            (
                "train = { memory = \"4 GB\" }",
                "`engine.train.memory` is \"4 GB\", and must be as `4G` or `500M`",
            ),
            ("train = { time = \"an hour\" }", "must be as `HH:MM:SS`"),
            (
                "train = { partition = \"a\\n#SBATCH --x\" }",
                "a name without spaces",
            ),
            ("train = { account = \"--x\" }", "a name without spaces"),
            ("train = { flags = [\"qos=low\"] }", "a list of options"),
            ("train = { flags = [\"--a\\nrm\"] }", "a list of options"),
        ] {
            let problem = problem(bad).unwrap_or_else(|| panic!("{bad} was taken"));
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
