//! `[engine]`: where steps run, and the resources of their jobs.

use artifact::{Failure, StageName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting_path::SettingPath;

/// Where steps run. Changing these settings rebuilds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// Where steps run.
    pub kind: EngineKind,
    /// Resources of every job. The tables of the stages override single settings.
    pub resources: Resources,
    /// Seconds before the time limit at which Slurm asks a job to save its state and queue again. Slurm may do so
    /// up to a minute earlier.
    #[schemars(extend("default" = 120))]
    pub save_before: Option<u32>,
    /// Resources of `ingest` jobs.
    pub ingest: Resources,
    /// Resources of `clean` jobs.
    pub clean: Resources,
    /// Resources of `tokenize` jobs.
    pub tokenize: Resources,
    /// Resources of `embed` jobs.
    pub embed: Resources,
    /// Resources of `train` jobs.
    pub train: Resources,
    /// Resources of `evaluate` jobs.
    pub evaluate: Resources,
    /// Resources of `report` jobs.
    pub report: Resources,
    /// Resources of the jobs of `ressenti predict --shards`.
    pub predict: Resources,
}

/// Where steps run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// On this machine.
    #[default]
    Local,
    /// As jobs of a Slurm cluster.
    Slurm,
}

/// Resources of a Slurm job. Settings that are absent have the defaults of the cluster, except `cpus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Number of CPU cores, and of threads that the stage uses.
    #[schemars(extend("default" = 1))]
    pub cpus: Option<u32>,
    /// Memory, for example `4G` or `500M`.
    pub memory: Option<String>,
    /// Number of GPUs.
    pub gpus: Option<u32>,
    /// Time limit: `HH:MM:SS`, `D-HH:MM` or minutes. A training that takes longer saves its state, queues again
    /// and resumes.
    pub time: Option<String>,
    /// Slurm partition.
    pub partition: Option<String>,
    /// Slurm account that is charged.
    pub account: Option<String>,
    /// Further options of `sbatch`, for example `["--qos=low", "--constraint=a100"]`.
    pub flags: Option<Vec<String>>,
}

impl Resources {
    /// These resources; absent settings are those of `base`.
    fn with_defaults(&self, base: &Self) -> Self {
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
}

impl EngineSettings {
    /// Seconds before the time limit at which a job saves its state.
    pub fn save_before(&self) -> u32 {
        self.save_before.unwrap_or(120)
    }

    /// Resources of a job of a stage.
    pub fn resources_for_stage(&self, stage: StageName) -> Resources {
        let mut tables = self.tables().into_iter();
        let own = tables.find(|(name, _)| *name == stage.as_str());
        own.map_or(&self.resources, |(_, own)| own)
            .with_defaults(&self.resources)
    }

    /// Resources of a job of `ressenti predict --shards`.
    pub fn resources_for_predict(&self) -> Resources {
        self.predict.with_defaults(&self.resources)
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

type IsValid = fn(&str) -> bool;

/// Checks the resources. Their values become lines of a batch script, so values with line breaks or with options
/// of `sbatch` are refused.
///
/// # Errors
/// A value does not have the required format.
pub fn check_engine(engine: &EngineSettings) -> Result<(), Failure> {
    for (table, resources) in engine.tables() {
        let key = SettingPath::new("engine").join(table);
        key.require_positive(&[("cpus", resources.cpus.unwrap_or(1))])?;
        let name = "a name without spaces";
        let size = "a size such as `4G` or `500M`";
        let time = "`HH:MM:SS`, `D-HH:MM` or minutes";
        let flag = "an option of `sbatch` that begins with `--`";
        let flags = resources.flags.as_deref().unwrap_or_default();
        let texts: [(_, _, IsValid, _); 5] = [
            ("memory", resources.memory.as_slice(), is_size, size),
            ("time", resources.time.as_slice(), is_time, time),
            ("partition", resources.partition.as_slice(), is_name, name),
            ("account", resources.account.as_slice(), is_name, name),
            ("flags", flags, is_flag, flag),
        ];
        for (setting, values, is_valid, expected) in texts {
            for value in values {
                let problem = format!("is {value:?} and must be {expected}");
                key.join(setting).require(is_valid(value), problem)?;
            }
        }
    }
    Ok(())
}

fn is_size(text: &str) -> bool {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    text.len() - digits.len() <= 1 && is_number(digits)
}

/// The formats of `sbatch --time`: minutes, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`.
fn is_time(text: &str) -> bool {
    let (days, rest) = text.split_once('-').unwrap_or(("0", text));
    is_number(days) && rest.split(':').count() <= 3 && rest.split(':').all(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let is_invalid = |it: char| it.is_whitespace() || it.is_control();
    !text.is_empty() && !text.starts_with('-') && !text.contains(is_invalid)
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
    fn stages_override_the_common_resources() {
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
    }

    #[test]
    fn invalid_resources_are_refused() {
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
                "`engine.train.memory` is \"4 GB\" and must be a size such as `4G` or `500M`",
            ),
            ("train = { time = \"an hour\" }", "must be `HH:MM:SS`"),
            (
                "train = { partition = \"a\\n#SBATCH --x\" }",
                "a name without spaces",
            ),
            ("train = { account = \"--x\" }", "a name without spaces"),
            ("train = { flags = [\"qos=low\"] }", "an option of `sbatch`"),
            (
                "train = { flags = [\"--a\\nrm\"] }",
                "an option of `sbatch`",
            ),
        ] {
            let problem = problem(bad).unwrap_or_else(|| panic!("{bad} was accepted"));
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
