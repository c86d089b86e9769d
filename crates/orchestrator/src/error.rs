//! What can keep the orchestrator from its work, beside a stage that failed.

use std::io;
use std::path::PathBuf;

use artifact::{ArtifactError, Failure, StageName};
use settings::{SettingsError, StepId, suggest};
use slurm::SlurmError;

/// What went wrong. [`OrchestratorError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorError {
    /// The pipeline file or an override of it is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The artifacts folder or a source cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// No table of the pipeline file has this name.
    #[error("There is no variant `{name}` in the pipeline file")]
    UnknownVariant {
        /// The name given.
        name: String,
        /// The names that are there.
        known: Vec<String>,
    },
    /// No sweep of the pipeline file has this name.
    #[error("There is no sweep `{name}` in the pipeline file")]
    UnknownSweep {
        /// The name given.
        name: String,
        /// The names that are there.
        known: Vec<String>,
    },
    /// `--only` was asked for, and what the stage reads is not there.
    #[error("`{step}` reads `{input}`, which {problem}")]
    InputNotReady {
        /// The step to run.
        step: StepId,
        /// The input.
        input: StepId,
        /// What is wrong with it, as the rest of the sentence.
        problem: String,
    },
    /// Two artifacts that meet in one step contradict each other.
    #[error(transparent)]
    Misfit(Box<Misfit>),
    /// One of our programs is neither beside `ressenti` nor on the PATH.
    #[error("The program `{name}` is neither beside `ressenti` nor on the PATH")]
    NoProgram {
        /// Its name.
        name: &'static str,
    },
    /// A stage's program is there and cannot be started.
    #[error("Could not start `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The baseline is not there.
    #[error("There is no baseline `{}`", path.display())]
    NoBaseline {
        /// The file as given.
        path: PathBuf,
    },
    /// Something is to be deleted, and nobody can be asked.
    #[error("There is no terminal to ask whether to delete what was found")]
    NobodyToAsk,
    /// `--detach` was asked for, and this machine is where the steps run.
    #[error("`--detach` leaves jobs to a cluster, and the engine is this machine")]
    NothingToDetach,
    /// A picture of jobs was asked for, and none was ever started.
    #[error("No job of this artifacts folder was ever started")]
    NoJobs,
    /// Slurm is not there or refuses.
    #[error(transparent)]
    Slurm(#[from] SlurmError),
    /// Jobs of other settings are still to run.
    #[error(
        "{} are in the queue for other settings than the present ones",
        listed(jobs)
    )]
    OtherJobs {
        /// Their steps' names and their numbers.
        jobs: Vec<(String, String)>,
    },
    /// A stage ended well and its output is not there.
    #[error("`{step}` ended without an error, and its output is not there")]
    NoOutput {
        /// The step.
        step: StepId,
    },
}

/// Two artifacts that meet in one step and contradict each other.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{step}` cannot put `{one}` and `{two}` together: the former has {one_has}, the latter {two_has}"
)]
pub struct Misfit {
    /// Where they meet.
    pub step: StepId,
    /// One side.
    pub one: StepId,
    /// What it says.
    pub one_has: String,
    /// The other side.
    pub two: StepId,
    /// What it says.
    pub two_has: String,
}

impl OrchestratorError {
    /// What to do about it, with a command that exists.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::Artifact(error) => error.hint(),
            Self::UnknownVariant { name, known } | Self::UnknownSweep { name, known } => {
                Some(suggest(name, known))
            }
            Self::InputNotReady { input, .. } => Some(format!(
                "Leave out `--only` to run all that is needed, or build it first with `--only {} --variant {}`",
                input.stage, input.variant
            )),
            Self::Misfit(misfit) => Some(format!(
                "Set `{}` to one made for the other, or rebuild `{}` with `--only {} --variant {} --force`",
                reference_of(&misfit.step),
                misfit.two,
                misfit.two.stage,
                misfit.two.variant
            )),
            Self::NoProgram { .. } => Some("Build the programs with `cargo build`".to_owned()),
            Self::Start { .. } => Some("Build the stages again with `cargo build`".to_owned()),
            Self::NoBaseline { .. } => {
                Some("A baseline is the `metrics.json` of an earlier run, in its `report/reviews` folder".to_owned())
            }
            Self::NobodyToAsk => {
                Some("Say so beforehand with `ressenti gc --yes`, or only look with `ressenti gc --dry-run`".to_owned())
            }
            Self::NothingToDetach => {
                Some("Add `--engine slurm`, or set `[engine] kind = \"slurm\"` in the pipeline file".to_owned())
            }
            Self::NoJobs => Some("`ressenti run --engine slurm` submits the steps as jobs".to_owned()),
            Self::Slurm(error) => error.hint(),
            Self::OtherJobs { .. } => Some(
                "End them with `ressenti cancel`, or wait for them: two of one name would take turns in replacing each other".to_owned(),
            ),
            Self::NoOutput { .. } => Some(
                "Build the stages and `ressenti` from the same sources with `cargo build`: they may differ in version"
                    .to_owned(),
            ),
        }
    }
}

/// Jobs by name and number, the first few of them.
fn listed(jobs: &[(String, String)]) -> String {
    const SHOWN: usize = 5;
    let names = jobs.iter().take(SHOWN);
    let mut names: Vec<String> = names
        .map(|(name, job)| format!("`{name}` (job {job})"))
        .collect();
    if let Some(more) = jobs.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// The setting that says what a step's model reads.
fn reference_of(step: &StepId) -> String {
    match step.stage {
        StageName::Embed => format!("embedding.{}.tokenizer", step.variant),
        _ => format!("model.{}.embedding", step.variant),
    }
}

impl From<OrchestratorError> for Failure {
    fn from(error: OrchestratorError) -> Self {
        let hint = error.hint();
        // The settings' and artifacts' own errors keep their chain, and say nothing twice.
        match error {
            OrchestratorError::Settings(error) => error.into(),
            OrchestratorError::Artifact(error) => error.into(),
            OrchestratorError::Slurm(error) => Self::from_error(error).with_hint(hint),
            error => Self::from_error(error).with_hint(hint),
        }
    }
}
