use super::*;

fn id() -> TaskId {
    "12_3".parse().expect("a number")
}

fn queued(state: JobState, node: &str) -> QueueEntry {
    QueueEntry {
        state,
        node: node.to_owned(),
    }
}

fn accounted(state: &str) -> AccountingEntry {
    AccountingEntry {
        state: state.to_owned(),
        node: "node2".to_owned(),
        memory: Some(1000),
    }
}

fn events(whats: &[EventKind]) -> Vec<Event> {
    let event = |what: &EventKind| Event::now(id(), "node1", what.clone());
    whats.iter().map(event).collect()
}

fn started() -> EventKind {
    EventKind::Started { process: 1 }
}

fn requeued(fault: bool) -> EventKind {
    EventKind::Requeued {
        reason: "x".to_owned(),
        fault,
    }
}

fn ended(code: u8) -> EventKind {
    EventKind::Ended {
        code,
        reason: format!("exit code {code}"),
    }
}

#[track_caller]
fn check(queue: Option<QueueEntry>, whats: &[EventKind], books: Option<&str>, expected: JobState) {
    let books = books.map(accounted);
    let status = JobStatus::of(id(), queue.as_ref(), &events(whats), books.as_ref());
    assert_eq!(status.state, expected);
}

#[test]
fn the_course_of_a_task_is_told_from_all_sources() {
    let waits = || Some(queued(JobState::Pending("Priority".to_owned()), ""));
    let runs = || Some(queued(JobState::Running, "node1"));
    check(waits(), &[], None, JobState::Pending("Priority".to_owned()));
    check(runs(), &[started()], None, JobState::Running);
    check(
        waits(),
        &[started(), requeued(false)],
        None,
        JobState::Pending("Priority".to_owned()),
    );
    // Preempted: it was told to end, and is in the queue again.
    check(
        waits(),
        &[started(), EventKind::Stopped],
        None,
        JobState::Pending("Priority".to_owned()),
    );
    check(
        None,
        &[started(), EventKind::Stopped],
        Some("CANCELLED"),
        JobState::Cancelled,
    );
    check(
        None,
        &[started(), EventKind::Stopped],
        None,
        JobState::Cancelled,
    );
    let done = JobState::Ended {
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
        Some(queued(JobState::DependencyFailed, "")),
        &[],
        None,
        JobState::DependencyFailed,
    );
    for lost in ["OUT_OF_MEMORY", "NODE_FAIL", "TIMEOUT", "FAILED"] {
        check(
            None,
            &[started()],
            Some(lost),
            JobState::Lost(lost.to_owned()),
        );
    }
    check(None, &[started()], None, JobState::Unknown);
    check(None, &[], Some("CANCELLED"), JobState::Cancelled);
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
    let status = JobStatus::of(id(), None, &events, None);
    assert_eq!(status.starts, 2);
    assert_eq!(status.node, "node1");
    assert!(status.is_transient());
    let accounted = accounted("TIMEOUT");
    assert!(!JobStatus::of(id(), None, &events, Some(&accounted)).is_transient());
}
