//! Simultaneous runs, and stages that fail, are missing or are interrupted.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use artifact::StageName;
use testkit::{ProgramOutput, Project, copy_program, program, write_script};

use crate::common::{ALL, call, check_store, finished, ressenti, steps, succeed};

#[test]
fn two_simultaneous_runs_share_the_work() {
    let project = Project::tiny();
    let start = || {
        let mut command = ressenti(&project, &["run"]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    };
    let children = [start(), start()];
    let screens =
        children.map(|child| ProgramOutput::from(child.wait_with_output().expect("it ends")));
    for screen in &screens {
        assert_eq!(screen.code, Some(0), "{}{}", screen.stdout, screen.stderr);
        let mut seen = [steps(screen, "fresh"), steps(screen, "done")].concat();
        seen.sort_by_key(|step| ALL.iter().position(|known| known == step));
        assert_eq!(seen, ALL);
    }
    let mut done: Vec<String> = screens
        .iter()
        .flat_map(|screen| steps(screen, "done"))
        .collect();
    done.sort_by_key(|step| ALL.iter().position(|known| known == step));
    assert_eq!(done, ALL, "every step is done once, by one of the two");
    assert_eq!(steps(&succeed(&project, &["run"]), "fresh"), ALL);
    check_store(&project);
}

/// A folder with `ressenti` and shell scripts that replace stage programs.
pub(crate) struct Programs {
    folder: tempfile::TempDir,
}

impl Programs {
    pub(crate) fn with(scripts: &[(StageName, &str)]) -> Self {
        let programs = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        copy_program(&program("ressenti"), &programs.path("ressenti"));
        for (stage, script) in scripts {
            let path = programs.path(stage.binary());
            write_script(&path, &format!("#!/bin/sh\n{script}\n"));
        }
        programs
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A `ressenti` command; stages without a script are found on the PATH.
    pub(crate) fn ressenti(&self, project: &Project, path: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("ressenti"));
        let search =
            std::env::join_paths([path, Path::new("/usr/bin"), Path::new("/bin")]).expect("paths");
        command
            .args(arguments)
            .current_dir(project.folder())
            .env("PATH", search);
        command
    }

    pub(crate) fn call(&self, project: &Project, arguments: &[&str]) -> ProgramOutput {
        self.ressenti(project, testkit::programs(), arguments)
            .output()
            .expect("it starts")
            .into()
    }
}

#[test]
fn a_missing_program_is_named_with_its_build_command() {
    let project = Project::tiny();
    let nowhere = project.folder().join("none");
    let screen: ProgramOutput = Programs::with(&[])
        .ressenti(&project, &nowhere, &["run"])
        .output()
        .expect("it starts")
        .into();
    assert_eq!(
        screen.with_placeholders(project.folder()),
        "exit code 1\n----- stderr\n\
         error: Failed to find the program `ressenti-ingest`: it is neither beside `ressenti` nor on the PATH\n  \
         hint: Build the programs with `cargo build`\n"
    );
}

#[test]
fn a_failed_stage_blocks_its_dependents_and_passes_on_its_exit_code() {
    let project = finished();
    let failing = Programs::with(&[(StageName::Train, "echo 'error: it broke' >&2; exit 7")]);
    let change = ["--set", "training.batch_size=5"];
    let screen = failing.call(&project, &[&["run"], &change[..]].concat());
    let text = screen.with_placeholders(project.folder());
    let (_, failed) = text.split_once("failed").expect("a failed step");
    assert_eq!(
        failed,
        "  train     naive        exit code 7\n\
         blocked evaluate  naive        needs `train naive`\n\
         blocked report    reviews      needs `train naive`\n\n\
         9 steps: 4 fresh, 1 failed, 2 blocked, 2 not run in [time]\n  \
         hint: 2 steps were not run; `--keep-going` runs the steps that do not need the failed step\n\
         ----- stderr\nerror: it broke\n"
    );
    assert!(text.starts_with("exit code 7\n"));

    let screen = failing.call(&project, &[&["run", "--keep-going"], &change[..]].concat());
    assert_eq!(screen.code, Some(7));
    assert_eq!(steps(&screen, "failed"), ["train naive", "train lstm"]);
    assert_eq!(
        steps(&screen, "blocked"),
        ["evaluate naive", "evaluate lstm", "report reviews"]
    );
}

#[test]
fn a_stage_is_restarted_after_a_transient_error() {
    let project = Project::tiny();
    let once = "if [ ! -e lost ]; then touch lost; exit 75; fi\nexec ressenti-ingest \"$@\"";
    let flaky = Programs::with(&[(StageName::Ingest, once)]);
    let screen = flaky.call(&project, &["run", "--only", "ingest"]);
    assert_eq!(screen.code, Some(0), "{}{}", screen.stdout, screen.stderr);
    assert_eq!(steps(&screen, "done"), ["ingest reviews"]);
    let line = "  ingest reviews: transient error (exit code 75); retrying in 1.0 s\n";
    assert!(screen.stderr.contains(line), "{}", screen.stderr);
}

/// Starts a run whose first stage waits, sends a signal to it, and returns the output.
fn interrupt_run(script: &str, send: impl Fn(i32)) -> String {
    let project = Project::tiny();
    let waiting = Programs::with(&[(StageName::Ingest, script)]);
    let mut command = waiting.ressenti(&project, testkit::programs(), &["run"]);
    command
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let clock = Instant::now();
    while !project.folder().join("started").exists() {
        assert!(
            clock.elapsed() < Duration::from_secs(20),
            "the stage does not start"
        );
        sleep(Duration::from_millis(5));
    }
    send(i32::try_from(child.id()).expect("a process id"));
    let screen = ProgramOutput::from(child.wait_with_output().expect("it ends"));
    assert!(clock.elapsed() < Duration::from_secs(20), "it ends at once");
    screen.with_placeholders(project.folder())
}

const INTERRUPTED: &str = "exit code 130\n----- stdout\nestimate: unknown, because no earlier run here is comparable\n\n9 steps: 9 not run; interrupted after [time]\n  \
    hint: Finished steps are kept; run the same command again to resume\n";

#[test]
fn control_c_stops_the_stage_and_prints_a_summary() {
    // SAFETY: `killpg` accepts any number; the group belongs to our child. A terminal does the same.
    let to_all = |process| assert_eq!(unsafe { libc::killpg(process, libc::SIGINT) }, 0);
    let saving = "trap 'exit 130' INT; touch started; while :; do sleep 0.05; done";
    assert_eq!(interrupt_run(saving, to_all), INTERRUPTED);
    let dying = "touch started; while :; do sleep 0.05; done";
    assert_eq!(interrupt_run(dying, to_all), INTERRUPTED);
}

#[test]
fn a_terminated_run_stops_its_stage() {
    // SAFETY: `kill` takes any number; the process is our own child.
    let to_ressenti = |process| assert_eq!(unsafe { libc::kill(process, libc::SIGTERM) }, 0);
    assert_eq!(
        interrupt_run("touch started; exec sleep 60", to_ressenti),
        INTERRUPTED
    );
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let project = finished();
    for arguments in [&["plan"][..], &["run"], &["status"], &["--help"], &[]] {
        let mut command = ressenti(&project, arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let screen = ProgramOutput::from(child.wait_with_output().expect("it ends"));
        assert_eq!(
            (screen.code, screen.stderr.as_str()),
            (Some(0), ""),
            "`ressenti {}`",
            arguments.join(" ")
        );
    }
}

#[test]
fn colours_are_printed_only_on_terminals_or_on_request() {
    let project = finished();
    let plain = call(&project, &["plan"]).stdout;
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let with = |name: &str| {
        let output = ressenti(&project, &["plan"])
            .env("CLICOLOR_FORCE", "1")
            .env(name, "1")
            .output();
        ProgramOutput::from(output.expect("it starts")).stdout
    };
    assert!(with("RESSENTI_TEST").contains('\u{1b}'));
    let wanted_none = ressenti(&project, &["plan"])
        .env("NO_COLOR", "1")
        .output()
        .expect("it starts");
    assert_eq!(ProgramOutput::from(wanted_none).stdout, plain);
}

/// A small sweep of four trials with dropout.
const SWEEP: [&str; 2] = [
    "--set",
    "sweep.rate={ model = \"lstm\", seeds = 2, over = { \"training.learning_rate\" = [0.02, 0.03] } }",
];

/// The identities of the trials' artifacts.
fn weights_of_trials(project: &Project) -> Vec<artifact::Digest> {
    let trials = ["rate-001-s0", "rate-001-s1", "rate-002-s0", "rate-002-s1"];
    let found = trials.map(|trial| project.artifact(StageName::Train, trial).identity());
    found.to_vec()
}

#[test]
fn parallel_trials_equal_sequential_trials() {
    let (alone, beside) = (Project::tiny(), Project::tiny());
    succeed(&alone, &[&["run"], &SWEEP[..]].concat());
    let screen = succeed(&beside, &[&["run", "--jobs", "3"], &SWEEP[..]].concat());
    assert_eq!(steps(&screen, "done").len(), ALL.len() + 4);
    assert_eq!(weights_of_trials(&beside), weights_of_trials(&alone));
    let screen = succeed(&beside, &[&["run"], &SWEEP[..]].concat());
    assert!(steps(&screen, "done").is_empty(), "{}", screen.stdout);
    check_store(&beside);
}

#[test]
fn a_terminated_run_stops_all_stages_and_the_next_run_resumes() {
    let project = Project::tiny();
    succeed(&project, &["run", "--only", "ingest"]);
    for stage in ["clean", "tokenize", "embed"] {
        succeed(&project, &["run", "--only", stage]);
    }
    let waiting = "touch started-$$; exec sleep 60";
    let programs = Programs::with(&[(StageName::Train, waiting)]);
    let arguments = [&["run", "--jobs", "2"], &SWEEP[..]].concat();
    let child = programs
        .ressenti(&project, testkit::programs(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let started = || {
        let entries = fs::read_dir(project.folder()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with("started-"))
            .count()
    };
    let clock = Instant::now();
    while started() < 2 {
        assert!(
            clock.elapsed() < Duration::from_secs(20),
            "two stages start"
        );
        sleep(Duration::from_millis(5));
    }
    // SAFETY: `kill` takes any number; the process is our own child.
    let sent = unsafe { libc::kill(i32::try_from(child.id()).expect("an id"), libc::SIGTERM) };
    assert_eq!(sent, 0);
    let screen = ProgramOutput::from(child.wait_with_output().expect("it ends"));
    assert!(clock.elapsed() < Duration::from_secs(20), "it ends at once");
    assert_eq!(screen.code, Some(130), "{}{}", screen.stdout, screen.stderr);
    assert_eq!(started(), 2, "no third one begins");

    succeed(&project, &arguments);
    let alone = Project::tiny();
    succeed(&alone, &[&["run"], &SWEEP[..]].concat());
    assert_eq!(weights_of_trials(&project), weights_of_trials(&alone));
}
