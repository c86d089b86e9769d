//! Errors of Slurm and their hints.

use std::io;

use artifact::Failure;

/// Slurm is not available or rejected a request. Each variant names the program that was called.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// A program of Slurm is not on the PATH.
    #[error("Slurm's program `{0}` is not on the PATH")]
    NoProgram(&'static str),
    /// A program of Slurm cannot be started.
    #[error("Failed to start `{0}`")]
    Start(&'static str, #[source] io::Error),
    /// Slurm rejected the request, with Slurm's message.
    #[error("Slurm's `{0}` failed: {1}")]
    Rejected(&'static str, String),
    /// A line that cannot be parsed.
    #[error("Slurm's `{0}` printed an unexpected line: `{1}`")]
    UnexpectedOutput(&'static str, String),
}

impl SlurmError {
    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoProgram(_) | Self::Start(..) => {
                "Run this on a machine that can submit jobs (a login node), or run on this machine with `--engine local`"
            }
            Self::Rejected(_, message) => rejection_hint(message),
            Self::UnexpectedOutput(..) => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<SlurmError> for Failure {
    fn from(error: SlurmError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}

/// How to fix the most common rejections.
fn rejection_hint(message: &str) -> &'static str {
    let mentions = |words: &str| message.contains(words);
    if mentions("partition") {
        "List the partitions with `sinfo`, and choose one with `--set engine.resources.partition=NAME`"
    } else if mentions("account") || mentions("qos") {
        "List your accounts with `sacctmgr show associations user=$USER`, and choose one with `--set engine.resources.account=NAME`"
    } else if mentions("node configuration") || mentions("CPU count") || mentions("memory") {
        "List the resources of the nodes with `sinfo --format '%P %c %m %G'`, and request less with `--set engine.resources.cpus=N` or `--set engine.resources.memory=SIZE`"
    } else if mentions("time limit") {
        "List the time limits with `sinfo --format '%P %l'`, and request less with `--set engine.resources.time=HH:MM:SS`"
    } else {
        "Check that the controller answers with `scontrol ping`, and read the submitted scripts with `ressenti plan --format slurm`"
    }
}
