//! SIGKILL at any instant of any stage: the next run redoes that stage and nothing else.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use testkit::Project;

use crate::common::{
    ALL, artifact, check_store, finished, identities, parts, ressenti, steps, succeed,
};

/// Starts a step in a process group of its own and kills the whole group after a while. Says
/// whether the step ended well before that.
fn killed_after(project: &Project, step: &str, wait: Duration) -> bool {
    let (stage, variant) = parts(step);
    let mut command = ressenti(
        project,
        &["run", "--only", stage.as_str(), "--variant", variant],
    );
    let mut child = command
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let group = i32::try_from(child.id()).expect("a process id");
    sleep(wait);
    let ended = child
        .try_wait()
        .expect("our own child")
        .is_some_and(|status| status.success());
    // SAFETY: `killpg` takes any number; the group is our own child's, which is not waited for yet
    // or has left nothing to kill.
    unsafe { libc::killpg(group, libc::SIGKILL) };
    child.wait().expect("our own child");
    ended
}

#[test]
fn a_run_killed_at_any_instant_goes_on_where_it_was() {
    let project = Project::tiny();
    let mut all_kills = 0;
    for (position, step) in ALL.iter().enumerate() {
        let mut wait = Duration::from_millis(8);
        let mut kills = 0;
        while !killed_after(&project, step, wait) {
            kills += 1;
            assert!(kills < 20, "`{step}` does not end");
            check_store(&project);
            let plan = succeed(&project, &["plan"]);
            let fresh = steps(&plan, "fresh");
            let at_most = &ALL[..=position];
            assert_eq!(
                fresh[..position],
                ALL[..position],
                "what was finished stays"
            );
            assert!(fresh.len() <= at_most.len());
            wait += wait / 2;
        }
        all_kills += kills;
    }
    assert!(
        all_kills >= ALL.len(),
        "{all_kills} kills are too few to have met every stage at work"
    );
    assert_eq!(steps(&succeed(&project, &["run"]), "fresh"), ALL);
    assert_eq!(
        identities(&project),
        identities(&finished()),
        "a kill leaves no trace in what is made"
    );
    check_store(&project);
}

#[test]
fn a_forced_step_that_is_killed_keeps_what_was_there() {
    let project = finished();
    let before = artifact(&project, "train lstm").manifest().clone();
    let mut command = ressenti(
        &project,
        &["run", "--only", "train", "--variant", "lstm", "--force"],
    );
    let mut child = command
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    sleep(Duration::from_millis(60));
    let group = i32::try_from(child.id()).expect("a process id");
    // SAFETY: as above.
    unsafe { libc::killpg(group, libc::SIGKILL) };
    child.wait().expect("our own child");
    check_store(&project);
    assert_eq!(
        artifact(&project, "train lstm").identity(),
        before.identity()
    );
    assert_eq!(steps(&succeed(&project, &["run"]), "fresh"), ALL);
}
