//! Slurm: batch scripts, submission, the queue, accounting and the record of jobs. This crate knows nothing of stages:
//! a task is a command with a name.
//!
//! - [`Batch`]: tasks that one call of `sbatch` submits, and its script; pure
//! - [`Slurm`]: submits and cancels jobs, and reads the queue and the accounting, with Slurm's programs
//! - [`Record`]: the folder with the [`Submission`]s of an artifacts folder, the [`Event`]s that jobs write, and their
//!   logs
//! - [`JobWrapper`]: the command `ressenti job`, which runs the program of a task inside a job
//! - [`tail`]: the end of a log: the progress of a job, or why it failed
//! - [`JobState`]: the state of a task, from all of these; pure
//! - [`MonitoredJob`]: a submitted job, polled until it ends

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
