//! Injected faults in a training, and how a run handles them.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use artifact::StageName;
use testkit::{ProgramOutput, Project, fault_injection_program};

use crate::common::{check_store, finished, identities, steps, succeed};
use crate::processes::Programs;

/// Programs with a training program that injects faults.
pub(crate) fn programs_with_faults(project: &Project, plan: &str) -> Programs {
    let folder = project.folder().display();
    let script = format!(
        "export RESSENTI_FAULTS='{plan}' RESSENTI_FAULTS_DONE='{folder}'\nexec '{}' \"$@\"",
        fault_injection_program().display()
    );
    Programs::with(&[(StageName::Train, &script)])
}

const OFTEN: [&str; 3] = ["run", "--set", "run.checkpoint.steps=1"];

fn run(project: &Project, plan: &str, arguments: &[&str]) -> ProgramOutput {
    programs_with_faults(project, plan).call(project, &[&OFTEN[..], arguments].concat())
}

#[test]
fn after_a_device_failure_training_resumes_from_the_last_checkpoint() {
    let project = Project::tiny();
    let screen = run(&project, "device@3,device@8", &[]);
    assert_eq!(screen.code, Some(0), "{}{}", screen.stdout, screen.stderr);
    let again = "transient error (exit code 75); retrying in 1.0 s";
    assert!(screen.stderr.contains(again), "{}", screen.stderr);
    assert_eq!(identities(&project), identities(&finished()));
    check_store(&project);

    // If the device stays lost, the run ends with the exit code of the stage and a hint.
    let project = Project::tiny();
    let screen = run(&project, "device@3", &["--set", "run.retries=0"]);
    assert_eq!(screen.code, Some(75), "{}{}", screen.stdout, screen.stderr);
    assert!(
        screen.stderr.contains("run.device=cpu"),
        "{}",
        screen.stderr
    );
    assert_eq!(steps(&screen, "failed"), ["train naive"]);
}

#[test]
fn a_stage_that_hangs_is_restarted() {
    let project = Project::tiny();
    let clock = Instant::now();
    let screen = run(&project, "stall@3", &["--set", "run.stall_timeout=8"]);
    assert_eq!(screen.code, Some(0), "{}{}", screen.stdout, screen.stderr);
    assert!(
        screen
            .stderr
            .contains("(stopped: no progress for 8 s); retrying"),
        "{}",
        screen.stderr
    );
    assert!(
        screen.stderr.contains("resumes after step"),
        "{}",
        screen.stderr
    );
    assert!(clock.elapsed() < Duration::from_secs(120));
    assert_eq!(identities(&project), identities(&finished()));
}

#[test]
fn status_distinguishes_running_and_interrupted_steps() {
    let project = Project::tiny();
    let long = ["--set", "run.stall_timeout=600"];
    let programs = programs_with_faults(&project, "stall@3");
    let mut child = programs
        .ressenti(&project, testkit::programs(), &[&OFTEN[..], &long].concat())
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let stalls = project.folder().join("stall@3");
    let clock = Instant::now();
    while !stalls.exists() {
        assert!(clock.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(20));
    }
    let while_it_runs = succeed(&project, &["status"]).stdout;
    let group = i32::try_from(child.id()).expect("a process id");
    // SAFETY: `killpg` takes any number; the group is our own child's.
    unsafe { libc::killpg(group, libc::SIGKILL) };
    child.wait().expect("our own child");
    assert!(
        while_it_runs.contains("\ntrain naive is being built by process "),
        "{while_it_runs}"
    );
    assert!(!while_it_runs.contains("interrupted"), "{while_it_runs}");
    // The process of the stage ends a little later, because it is not a child of this one.
    let clock = Instant::now();
    let after = loop {
        let status = succeed(&project, &["status"]).stdout;
        if !status.contains("is being built") {
            break status;
        }
        assert!(clock.elapsed() < Duration::from_secs(60), "{status}");
        sleep(Duration::from_millis(20));
    };
    assert!(after.contains("train naive was interrupted"), "{after}");
}

#[test]
fn status_shows_where_an_interrupted_step_resumes() {
    let project = Project::tiny();
    let screen = run(&project, "term@4", &[]);
    assert_eq!(screen.code, Some(130), "{}{}", screen.stdout, screen.stderr);
    let status = succeed(&project, &["status"]);
    let line = "train naive was interrupted: it resumes after training step 5\n";
    assert!(status.stdout.contains(line), "{}", status.stdout);
    let json = succeed(&project, &["status", "--json"]);
    assert!(
        json.stdout.contains("resumes after training step 5"),
        "{}",
        json.stdout
    );

    let screen = succeed(&project, &["run"]);
    assert!(
        screen.stderr.contains("resumes after step 5"),
        "{}",
        screen.stderr
    );
    let status = succeed(&project, &["status"]);
    assert!(!status.stdout.contains("interrupted"), "{}", status.stdout);
    assert_eq!(identities(&project), identities(&finished()));
}
