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
mod tests {
    use super::*;

    fn id() -> TaskId {
        "12_3".parse().expect("a number")
    }

    fn queued(standing: Standing, node: &str) -> Queued {
        Queued {
            standing,
            node: node.to_owned(),
        }
    }

    fn accounted(state: &str) -> Accounted {
        Accounted {
            state: state.to_owned(),
            node: "node2".to_owned(),
            memory: Some(1000),
        }
    }

    fn events(whats: &[What]) -> Vec<Event> {
        let event = |what: &What| Event::now(id(), "node1", what.clone());
        whats.iter().map(event).collect()
    }

    fn started() -> What {
        What::Started { process: 1 }
    }

    fn requeued(fault: bool) -> What {
        What::Requeued {
            reason: "x".to_owned(),
            fault,
        }
    }

    fn ended(code: u8) -> What {
        What::Ended {
            code,
            reason: format!("exit code {code}"),
        }
    }

    #[track_caller]
    fn check(queue: Option<Queued>, whats: &[What], books: Option<&str>, expected: Standing) {
        let books = books.map(accounted);
        let course = Course::of(id(), queue.as_ref(), &events(whats), books.as_ref());
        assert_eq!(course.standing, expected);
    }

    #[test]
    fn the_course_of_a_task_is_told_from_all_sources() {
        let waits = || Some(queued(Standing::Waits("Priority".to_owned()), ""));
        let runs = || Some(queued(Standing::Runs, "node1"));
        check(waits(), &[], None, Standing::Waits("Priority".to_owned()));
        check(runs(), &[started()], None, Standing::Runs);
        check(
            waits(),
            &[started(), requeued(false)],
            None,
            Standing::Waits("Priority".to_owned()),
        );
        // Preempted: it was told to end, and is in the queue again.
        check(
            waits(),
            &[started(), What::Stopped],
            None,
            Standing::Waits("Priority".to_owned()),
        );
        check(
            None,
            &[started(), What::Stopped],
            Some("CANCELLED"),
            Standing::Cancelled,
        );
        check(None, &[started(), What::Stopped], None, Standing::Cancelled);
        let done = Standing::Ended {
            code: 0,
            reason: "exit code 0".to_owned(),
        };
        check(runs(), &[started(), ended(0)], None, done.clone());
        check(
            None,
            &[started(), requeued(true), started(), ended(0)],
            Some("COMPLETED"),
            done,
        );
        check(
            Some(queued(Standing::NeverRuns, "")),
            &[],
            None,
            Standing::NeverRuns,
        );
        for lost in ["OUT_OF_MEMORY", "NODE_FAIL", "TIMEOUT", "FAILED"] {
            check(
                None,
                &[started()],
                Some(lost),
                Standing::Lost(lost.to_owned()),
            );
        }
        check(None, &[started()], None, Standing::Unknown);
        check(None, &[], Some("CANCELLED"), Standing::Cancelled);
    }

    #[test]
    fn starts_are_counted_within_one_job() {
        let mut events = events(&[
            started(),
            requeued(true),
            started(),
            requeued(false),
            started(),
        ]);
        events[0].job = "7".parse().expect("a number");
        let course = Course::of(id(), None, &events, None);
        assert_eq!(course.starts, 2);
        assert_eq!(course.node, "node1");
        assert!(course.may_pass());
        let accounted = accounted("TIMEOUT");
        assert!(!Course::of(id(), None, &events, Some(&accounted)).may_pass());
    }
}
