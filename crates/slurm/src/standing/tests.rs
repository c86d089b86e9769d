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
