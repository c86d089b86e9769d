//! What can go wrong with Slurm.

use std::io;

use artifact::Failure;

/// Slurm is not there, or does not do what it is asked. Each names the program that was called.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// One of Slurm's programs is not on the PATH.
    #[error("Slurm's program `{0}` is not on the PATH")]
    NoProgram(&'static str),
    /// One of Slurm's programs cannot be started.
    #[error("Failed to start `{0}`")]
    Start(&'static str, #[source] io::Error),
    /// Slurm says no, in its own words.
    #[error("Slurm's `{0}` refused: {1}")]
    Refused(&'static str, String),
    /// A line that is not understood.
    #[error("`{0}` answered what is not understood: `{1}`")]
    Answer(&'static str, String),
}

impl SlurmError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoProgram(_) | Self::Start(..) => {
                "Run this on a machine from which jobs can be submitted (a login node), or run here with `--engine local`"
            }
            Self::Refused(_, message) => hint_of(message),
            Self::Answer(..) => return None,
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

/// What fixes the refusals that people meet most.
fn hint_of(message: &str) -> &'static str {
    let says = |words: &str| message.contains(words);
    if says("partition") {
        "`sinfo` lists the partitions; name one with `--set engine.resources.partition=NAME`"
    } else if says("account") || says("qos") {
        "`sacctmgr show associations user=$USER` lists your accounts; name one with `--set engine.resources.account=NAME`"
    } else if says("node configuration") || says("CPU count") || says("memory") {
        "`sinfo --format '%P %c %m %G'` says what nodes have; ask for less with `--set engine.resources.cpus=N` or `.memory=SIZE`"
    } else if says("time limit") {
        "`sinfo --format '%P %l'` says how long jobs may take; ask for less with `--set engine.resources.time=HH:MM:SS`"
    } else {
        "`scontrol ping` says whether the controller answers; `ressenti plan --format slurm` shows what is submitted"
    }
}
