//! The state of a task, combined from the queue, the events of its jobs, and Slurm accounting.

use crate::parse::KILLED;
use crate::{AccountingEntry, Event, EventKind, QueueEntry, TaskId};

/// The state of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// In the queue, with Slurm's reason.
    Pending(String),
    /// In the queue, but will never run: a job that it depends on has failed.
    DependencyFailed,
    /// Running.
    Running,
    /// Its program has ended.
    Ended {
        /// Exit code.
        code: u8,
        /// The exit code or signal, for people.
        reason: String,
    },
    /// Cancelled.
    Cancelled,
    /// Ended by Slurm, with Slurm's state: `OUT_OF_MEMORY`, `NODE_FAIL`, `TIMEOUT` ...
    Lost(String),
    /// Not in the queue any more, and Slurm does not report how it ended.
    Unknown,
}

/// The state of a task, and facts about its runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatus {
    /// Its state.
    pub state: JobState,
    /// The node of its last run; empty before the first.
    pub node: String,
    /// Number of starts of its program.
    pub starts: u32,
    /// Its memory limit in MiB, from Slurm accounting.
    pub memory: Option<u64>,
}

impl JobStatus {
    /// The status of the task of a job. `events` may include events of other jobs of the task.
    pub fn of(
        job: TaskId,
        queued: Option<&QueueEntry>,
        events: &[Event],
        accounting: Option<&AccountingEntry>,
    ) -> Self {
        let own: Vec<&Event> = events.iter().filter(|event| event.job == job).collect();
        let is_start = |event: &&&Event| matches!(event.kind, EventKind::Started { .. });
        let running = queued.filter(|queued| queued.state == JobState::Running);
        let accounted_node = accounting.map(|entry| entry.node.as_str());
        let node = running
            .map(|queued| queued.node.as_str())
            .or(own.last().map(|event| event.node.as_str()))
            .or(accounted_node.filter(|node| *node != "None assigned"));
        let end = accounting.map(|entry| entry.state.as_str());
        Self {
            state: job_state(queued, own.last().map(|event| &event.kind), end),
            node: node.unwrap_or_default().to_owned(),
            starts: own.iter().filter(is_start).count() as u32,
            memory: accounting.and_then(|entry| entry.memory),
        }
    }

    /// Whether the task ended with a transient error, such as a lost node, and can be submitted again.
    pub fn is_transient(&self) -> bool {
        const TRANSIENT: [&str; 4] = ["NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"];
        match &self.state {
            JobState::Lost(name) => self.ran_out_of_memory() || TRANSIENT.contains(&name.as_str()),
            state => *state == JobState::Unknown,
        }
    }

    /// Whether the task was ended for its use of memory, so more memory may help.
    pub fn ran_out_of_memory(&self) -> bool {
        matches!(&self.state, JobState::Lost(state) if matches!(state.as_str(), "OUT_OF_MEMORY" | KILLED))
    }
}

fn job_state(queued: Option<&QueueEntry>, last: Option<&EventKind>, end: Option<&str>) -> JobState {
    // The end of the program counts, also while Slurm still cleans up the job.
    if let Some(EventKind::Ended { code, reason }) = last {
        let (code, reason) = (*code, reason.clone());
        return JobState::Ended { code, reason };
    }
    if let Some(queued) = queued {
        return queued.state.clone();
    }
    match end {
        Some("CANCELLED") => JobState::Cancelled,
        // States of a job that ended after a stop request.
        Some("COMPLETED" | "FAILED") if last == Some(&EventKind::Stopped) => JobState::Cancelled,
        // The job wrote no event of its end: its program could not be started.
        Some("COMPLETED" | "PENDING" | "RUNNING" | "REQUEUED") | None => match last {
            Some(EventKind::Stopped) => JobState::Cancelled,
            _ => JobState::Unknown,
        },
        Some(state) => JobState::Lost(state.to_owned()),
    }
}

#[cfg(test)]
mod tests;
