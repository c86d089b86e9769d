//! SIGKILL at any instant of any stage: the next run redoes that stage and nothing else.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant, UNIX_EPOCH};

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

/// A variable that is a number, else what stands for it.
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// The whole pipeline, killed at random instants of its life until it is done, and begun anew until
/// there were enough kills: 20, or as many as `RESSENTI_KILLS` says (`cargo xtask soak`).
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the seed of a failure, and what a soak is run for"
)]
fn the_pipeline_killed_at_random_instants_ends_as_one_that_was_not() {
    let kills = number("RESSENTI_KILLS", 20);
    let now = UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos() as u64);
    let seed = number("RESSENTI_SEED", now);
    println!("{kills} kills, seed {seed}: again with RESSENTI_SEED={seed}");
    let mut random = seed | 1;
    let arguments = ["run", "--set", "run.checkpoint.steps=1"];
    let mut whole = std::collections::BTreeMap::new();
    // The quickest of three, because others are at work on this machine.
    let times = [(); 3].map(|()| {
        let project = Project::tiny();
        let clock = Instant::now();
        succeed(&project, &arguments);
        let time = clock.elapsed();
        whole = identities(&project);
        time
    });
    let undisturbed = times.into_iter().min().expect("there are three");
    // Long enough for the longest step to end, where the disk or the machine is slow.
    let longest = (undisturbed.as_millis() as u64 / 4).max(800);
    let mut instant = || {
        // Xorshift (Marsaglia 2003): any spread of instants will do.
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
            assert!(done < kills + 500, "it does not get on");
            check_store(&project);
        }
        runs += 1;
        assert_eq!(
            identities(&project),
            whole,
            "a kill leaves a trace, seed {seed}"
        );
    }
    let lost = spent.saturating_sub(undisturbed * runs) / u32::try_from(done).expect("few");
    println!("{done} kills over {runs} runs of {undisturbed:.2?}, {lost:.2?} lost for each");
    // A kill costs the steps since the last checkpoint, which is after each here, and a start: for
    // this pipeline always less than the whole.
    assert!(
        lost < undisturbed,
        "{lost:?} lost for each kill of {undisturbed:?}"
    );
}

/// Runs in a process group of its own and kills the group after a while. Says whether the run ended
/// well before that.
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
