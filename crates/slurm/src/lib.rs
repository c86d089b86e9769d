//! Slurm, as far as Ressenti needs it. It knows scripts, jobs and what becomes of them, and nothing of
//! stages: a task is a command with a name.
//!
//! - [`Batch`]: tasks that one `sbatch` submits, and the script for it; pure
//! - [`Slurm`]: submits, asks, cancels, by Slurm's own programs
//! - [`Record`]: the folder where jobs of an artifacts folder leave what became of them: the
//!   [`Submission`]s, the [`Event`]s that jobs write themselves, their logs
//! - [`Watch`]: the command that watches over a task's own within a job
//! - [`tail`]: the end of a log: how far a job is, or why it failed
//! - [`JobState`]: where a task stands, from all of these; pure
//! - [`MonitoredJob`]: a submitted job, monitored until it ends

mod batch;
mod client;
mod error;
mod monitor;
mod parse;
mod record;
mod state;
pub mod tail;
mod task;
mod wrapper;

pub use batch::{Batch, Task, after_ok, shell_quoted};
pub use client::Slurm;
pub use error::SlurmError;
pub use monitor::{MonitoredJob, Snapshot};
pub use parse::{AccountingEntry, QueueEntry};
pub use record::{Event, EventKind, Record, Submission};
pub use state::{JobState, JobStatus};
pub use task::TaskId;
pub use wrapper::JobWrapper;
