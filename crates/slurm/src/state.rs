//! Where a task stands: what the queue says, what its jobs have said themselves, and what Slurm's books
//! say of its end, put together.

use crate::parse::KILLED;
use crate::{AccountingEntry, Event, EventKind, QueueEntry, TaskId};

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// In the queue, for Slurm's reason.
    Pending(String),
    /// In the queue for ever: what it depends on has failed.
    DependencyFailed,
    /// It runs.
    Running,
    /// Its program has ended by itself.
    Ended {
        /// Exit code.
        code: u8,
        /// The same in words.
        reason: String,
    },
    /// Somebody has cancelled it.
    Cancelled,
    /// Slurm ended it, in Slurm's words: `OUT_OF_MEMORY`, `NODE_FAIL`, `TIMEOUT` ...
    Lost(String),
    /// It is not in the queue any more, and nobody knows how it ended.
    Unknown,
}

/// Where a task stands and what it went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatus {
    /// Where it stands.
    pub state: JobState,
    /// The node of its last run; empty before the first.
    pub node: String,
    /// How often its program was started.
    pub starts: u32,
    /// The memory that it had, in MiB, as far as Slurm's books say.
    pub memory: Option<u64>,
}

impl JobStatus {
    /// Where the task of a job stands. `events` may hold those of its other jobs, too.
    pub fn of(
        job: TaskId,
        queued: Option<&QueueEntry>,
        events: &[Event],
        accounted: Option<&AccountingEntry>,
    ) -> Self {
        let own: Vec<&Event> = events.iter().filter(|event| event.job == job).collect();
        let is_start = |event: &&&Event| matches!(event.kind, EventKind::Started { .. });
        let running = queued.filter(|queued| queued.state == JobState::Running);
        let ended_on = accounted.map(|it| it.node.as_str());
        let node = running
            .map(|queued| queued.node.as_str())
            .or(own.last().map(|event| event.node.as_str()))
            .or(ended_on.filter(|node| *node != "None assigned"));
        Self {
            state: state(queued, own.last().map(|event| &event.kind), accounted),
            node: node.unwrap_or_default().to_owned(),
            starts: own.iter().filter(is_start).count() as u32,
            memory: accounted.and_then(|accounted| accounted.memory),
        }
    }

    /// Whether its end does not say that it would end so again: memory that ran out beside others, a node
    /// that was lost.
    pub fn is_transient(&self) -> bool {
        const PASSING: [&str; 4] = ["NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"];
        match &self.state {
            JobState::Lost(state) => self.ran_out_of_memory() || PASSING.contains(&state.as_str()),
            state => *state == JobState::Unknown,
        }
    }

    /// Whether more memory may help.
    pub fn ran_out_of_memory(&self) -> bool {
        matches!(&self.state, JobState::Lost(state) if matches!(state.as_str(), "OUT_OF_MEMORY" | KILLED))
    }
}

fn state(
    queued: Option<&QueueEntry>,
    last: Option<&EventKind>,
    end: Option<&AccountingEntry>,
) -> JobState {
    // What its program has ended with stands, even while Slurm still cleans up after it.
    if let Some(EventKind::Ended { code, reason }) = last {
        return JobState::Ended {
            code: *code,
            reason: reason.clone(),
        };
    }
    if let Some(queued) = queued {
        return queued.state.clone();
    }
    match end.map(|end| end.state.as_str()) {
        Some("CANCELLED") => JobState::Cancelled,
        // What a job that was told to end answers with.
        Some("COMPLETED" | "FAILED") if last == Some(&EventKind::Stopped) => JobState::Cancelled,
        // It never came to say so itself: its program could not be started.
        Some("COMPLETED" | "PENDING" | "RUNNING" | "REQUEUED") | None => match last {
            Some(EventKind::Stopped) => JobState::Cancelled,
            _ => JobState::Unknown,
        },
        Some(state) => JobState::Lost(state.to_owned()),
    }
}

#[cfg(test)]
mod tests;
