//! What can go wrong with Slurm.

use std::io;

/// Slurm is not there, or does not do what it is asked. [`SlurmError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// One of Slurm's programs is not on the PATH.
    #[error("Slurm's program `{program}` is not on the PATH")]
    NoProgram {
        /// Its name.
        program: &'static str,
    },
    /// One of Slurm's programs cannot be started.
    #[error("Could not start `{program}`")]
    Start {
        /// Its name.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Slurm says no.
    #[error("Slurm's `{program}` refused: {message}")]
    Refused {
        /// Which program.
        program: &'static str,
        /// What it said.
        message: String,
    },
    /// An answer that is not understood.
    #[error("`{program}` answered what is not understood: `{answer}`")]
    Answer {
        /// Which program.
        program: &'static str,
        /// The line.
        answer: String,
    },
}

impl SlurmError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoProgram { .. } | Self::Start { .. } => Some(
                "Run this on a machine from which jobs can be submitted (a login node), or run here with `--engine local`"
                    .to_owned(),
            ),
            Self::Refused { message, .. } => Some(hint_of(message).to_owned()),
            Self::Answer { .. } => None,
        }
    }
}

/// What mends the refusals that people meet most.
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
