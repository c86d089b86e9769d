//! Slurm, as far as Ressenti needs it. It knows scripts, jobs and what becomes of them, and nothing of
//! stages: a task is a command with a name.
//!
//! - [`Batch`]: tasks that one `sbatch` submits, and the script for it; pure
//! - [`Slurm`]: submits, asks, cancels, by Slurm's own programs
//! - [`Record`]: the folder where jobs of an artifacts folder leave what became of them: the
//!   [`Submission`]s, the [`Event`]s that jobs write themselves, their logs
//! - [`Watch`]: the command that watches over a task's own within a job
//! - [`tail`]: the end of a log: how far a job is, or why it failed
//! - [`Standing`]: where a task stands, from all of these; pure
//! - [`Monitored`]: a submitted job, monitored until it ends

mod answers;
mod batch;
mod client;
mod error;
mod monitor;
mod record;
mod standing;
pub mod tail;
mod task;
mod watch;

pub use answers::{Accounted, Queued};
pub use batch::{Batch, Task, after_ok, quoted};
pub use client::Slurm;
pub use error::SlurmError;
pub use monitor::{Monitored, Snapshot};
pub use record::{Event, Record, Submission, What};
pub use standing::{Course, Standing};
pub use task::TaskId;
pub use watch::Watch;
