//! Where a task stands: what the queue says, what its jobs have said themselves, and what Slurm's books
//! say of its end, put together.

use crate::answers::KILLED;
use crate::{Accounted, Event, Queued, TaskId, What};

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In the queue, for Slurm's reason.
    Waits(String),
    /// In the queue for ever: what it depends on has failed.
    NeverRuns,
    /// It runs.
    Runs,
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
pub struct Course {
    /// Where it stands.
    pub standing: Standing,
    /// The node of its last run; empty before the first.
    pub node: String,
    /// How often its program was started.
    pub starts: u32,
    /// The memory that it had, in MiB, as far as Slurm's books say.
    pub memory: Option<u64>,
}

impl Course {
    /// Where the task of a job stands. `events` may hold those of its other jobs, too.
    pub fn of(
        job: TaskId,
        queued: Option<&Queued>,
        events: &[Event],
        accounted: Option<&Accounted>,
    ) -> Self {
        let own: Vec<&Event> = events.iter().filter(|event| event.job == job).collect();
        let is_start = |event: &&&Event| matches!(event.what, What::Started { .. });
        let running = queued.filter(|queued| queued.standing == Standing::Runs);
        let ended_on = accounted.map(|it| it.node.as_str());
        let node = running
            .map(|queued| queued.node.as_str())
            .or(own.last().map(|event| event.node.as_str()))
            .or(ended_on.filter(|node| *node != "None assigned"));
        Self {
            standing: standing(queued, own.last().map(|event| &event.what), accounted),
            node: node.unwrap_or_default().to_owned(),
            starts: own.iter().filter(is_start).count() as u32,
            memory: accounted.and_then(|accounted| accounted.memory),
        }
    }

    /// Whether its end does not say that it would end so again: memory that ran out beside others, a node
    /// that was lost.
    pub fn may_pass(&self) -> bool {
        const PASSING: [&str; 4] = ["NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"];
        match &self.standing {
            Standing::Lost(state) => self.wants_memory() || PASSING.contains(&state.as_str()),
            standing => *standing == Standing::Unknown,
        }
    }

    /// Whether more memory may help.
    pub fn wants_memory(&self) -> bool {
        matches!(&self.standing, Standing::Lost(state) if matches!(state.as_str(), "OUT_OF_MEMORY" | KILLED))
    }
}

fn standing(queued: Option<&Queued>, last: Option<&What>, end: Option<&Accounted>) -> Standing {
    // What its program has ended with stands, even while Slurm still cleans up after it.
    if let Some(What::Ended { code, reason }) = last {
        return Standing::Ended {
            code: *code,
            reason: reason.clone(),
        };
    }
    if let Some(queued) = queued {
        return queued.standing.clone();
    }
    match end.map(|end| end.state.as_str()) {
        Some("CANCELLED") => Standing::Cancelled,
        // What a job that was told to end answers with.
        Some("COMPLETED" | "FAILED") if last == Some(&What::Stopped) => Standing::Cancelled,
        // It never came to say so itself: its program could not be started.
        Some("COMPLETED" | "PENDING" | "RUNNING" | "REQUEUED") | None => match last {
            Some(What::Stopped) => Standing::Cancelled,
            _ => Standing::Unknown,
        },
        Some(state) => Standing::Lost(state.to_owned()),
    }
}

#[cfg(test)]
mod tests;
