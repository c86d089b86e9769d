//! Kills stages with SIGKILL at many moments: the next run repeats only that stage.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant, UNIX_EPOCH};

use artifact::StageName;
use testkit::Project;

use crate::common::{
    ALL, artifact, check_store, finished, identities, ressenti, split_step, steps, succeed,
};

/// Starts a step in a separate process group and kills the group after `wait`. Returns whether the step
/// succeeded before.
fn kill_after(project: &Project, step: &str, wait: Duration) -> bool {
    let (stage, variant) = split_step(step);
    // The report has no name to select it by.
    let selection = ["run", "--only", stage.as_str(), "--model", variant];
    let shared = if stage == StageName::Report { 3 } else { 5 };
    let mut command = ressenti(project, &selection[..shared]);
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
fn a_killed_run_resumes() {
    let project = Project::tiny();
    let mut all_kills = 0;
    for (position, step) in ALL.iter().enumerate() {
        let mut wait = Duration::from_millis(8);
        let mut kills = 0;
        while !kill_after(&project, step, wait) {
            kills += 1;
            assert!(kills < 20, "`{step}` does not end");
            check_store(&project);
            let plan = succeed(&project, &["plan"]);
            let fresh = steps(&plan, "fresh");
            let at_most = &ALL[..=position];
            assert_eq!(
                fresh[..position],
                ALL[..position],
                "finished steps stay fresh"
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
        "a kill does not change the outputs"
    );
    check_store(&project);
}

#[test]
fn a_killed_forced_step_keeps_the_old_output() {
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
    // SAFETY: `killpg` accepts any number; the group belongs to our child.
    unsafe { libc::killpg(group, libc::SIGKILL) };
    child.wait().expect("our own child");
    check_store(&project);
    assert_eq!(
        artifact(&project, "train lstm").identity(),
        before.identity()
    );
    assert_eq!(steps(&succeed(&project, &["run"]), "fresh"), ALL);
}

/// The number in an environment variable, or the default.
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Kills the pipeline at random moments until it succeeds, and repeats this until there were enough kills: 20,
/// or the number in `RESSENTI_KILLS` (`cargo xtask soak`).
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the seed of a failure, and what a soak is run for"
)]
fn a_pipeline_killed_at_random_instants_gives_the_same_results() {
    let kills = number("RESSENTI_KILLS", 20);
    let now = UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos() as u64);
    let seed = number("RESSENTI_SEED", now);
    println!("{kills} kills, seed {seed}: again with RESSENTI_SEED={seed}");
    let mut random = seed | 1;
    let arguments = ["run", "--set", "run.checkpoint.steps=1"];
    let mut whole = std::collections::BTreeMap::new();
    // The fastest of three runs, because the machine may be busy.
    let times = [(); 3].map(|()| {
        let project = Project::tiny();
        let clock = Instant::now();
        succeed(&project, &arguments);
        let time = clock.elapsed();
        whole = identities(&project);
        time
    });
    let undisturbed = times.into_iter().min().expect("there are three");
    // Long enough for the longest step, even on a slow machine.
    let longest = (undisturbed.as_millis() as u64 / 4).max(800);
    let mut instant = || {
        // Xorshift (Marsaglia 2003); the quality of the random numbers does not matter here.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        Duration::from_millis(5 + random % longest)
    };

    let (mut done, mut runs, mut spent) = (0, 0, Duration::ZERO);
    while done < kills {
        let project = Project::tiny();
        loop {
            let clock = Instant::now();
            let ended = run_for(&project, &arguments, instant());
            spent += clock.elapsed();
            if ended {
                break;
            }
            done += 1;
            assert!(done < kills + 500, "there is no progress");
            check_store(&project);
        }
        runs += 1;
        assert_eq!(
            identities(&project),
            whole,
            "a kill changed the outputs, seed {seed}"
        );
    }
    let lost = spent.saturating_sub(undisturbed * runs) / u32::try_from(done).expect("few");
    println!("{done} kills over {runs} runs of {undisturbed:.2?}, {lost:.2?} lost for each");
    // A kill loses the work since the last checkpoint and a start. Here a checkpoint follows each training step, so
    // this is less than a whole run.
    assert!(
        lost < undisturbed,
        "{lost:?} lost for each kill of {undisturbed:?}"
    );
}

/// Runs in a separate process group and kills the group after `wait`. Returns whether the run succeeded before.
fn run_for(project: &Project, arguments: &[&str], wait: Duration) -> bool {
    let mut child = ressenti(project, arguments)
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let end = Instant::now() + wait;
    let status = loop {
        match child.try_wait().expect("our own child") {
            None if Instant::now() < end => sleep(Duration::from_millis(2)),
            other => break other,
        }
    };
    let group = i32::try_from(child.id()).expect("a process id");
    // SAFETY: `killpg` takes any number; the group is our own child's, and has nothing to kill where
    // the child has ended.
    unsafe { libc::killpg(group, libc::SIGKILL) };
    child.wait().expect("our own child");
    if let Some(status) = status {
        assert!(
            status.success(),
            "a run that was not killed fails: {status}"
        );
    }
    status.is_some()
}
