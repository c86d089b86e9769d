//! Runs on a cluster: a Slurm of four nodes on this machine, if Slurm is installed; and job scripts with another
//! scheduler.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use artifact::StageName;
use serde_json::Value;
use testkit::{ProgramOutput, Project, program, write_script};

use crate::common::{ALL, call, check_store, finished, identities, ressenti, steps, succeed};
use crate::faults::programs_with_faults;
use crate::processes::Programs;

/// A Slurm that is stopped when dropped.
struct Cluster {
    folder: tempfile::TempDir,
    /// Only one test at a time uses a cluster, because two cores cannot run more jobs.
    _guard: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Starts a cluster; `None` if Slurm is not installed.
    #[allow(
        clippy::print_stderr,
        reason = "readers of the test output need to know"
    )]
    fn start() -> Option<Self> {
        static LOCK: Mutex<()> = Mutex::new(());
        if !is_installed("slurmctld") || !is_installed("munged") {
            eprintln!("SKIPPED: Slurm is not installed");
            return None;
        }
        let guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir_in("/tmp").expect("a temporary folder");
        let cluster = Self {
            folder,
            _guard: guard,
        };
        let started = cluster.script(&["start", "--no-accounting"]);
        assert!(started.status.success(), "{}", output_text(&started));
        Some(cluster)
    }

    fn script(&self, arguments: &[&str]) -> Output {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/scripts/slurm_cluster.sh");
        let mut command = Command::new("bash");
        command.arg(script).args(arguments).arg(self.folder.path());
        command.stdin(Stdio::null()).output().expect("bash")
    }

    /// A `ressenti` command that submits to this cluster.
    fn ressenti(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut command = ressenti(project, arguments);
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        command
    }

    fn call(&self, project: &Project, arguments: &[&str]) -> ProgramOutput {
        self.ressenti(project, arguments)
            .output()
            .expect("it starts")
            .into()
    }

    #[track_caller]
    fn succeed(&self, project: &Project, arguments: &[&str]) -> ProgramOutput {
        let screen = self.call(project, arguments);
        assert_eq!(screen.code, Some(0), "{}{}", screen.stdout, screen.stderr);
        screen
    }

    fn queue(&self) -> String {
        let mut command = Command::new("squeue");
        command.args(["--noheader", "--array", "--format=%i %T"]);
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        output_text(&command.output().expect("squeue"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.script(&["stop"]);
    }
}

fn output_text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let beside = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(beside)
        .any(|folder| folder.join(program).is_file())
}

#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let clock = Instant::now();
    while !condition() {
        assert!(
            clock.elapsed() < Duration::from_secs(90),
            "{what} did not happen"
        );
        sleep(Duration::from_millis(100));
    }
}

const SWEEP: &str =
    "sweep.rate={ model = \"lstm\", over = { \"training.learning_rate\" = [0.02, 0.03, 0.04] } }";

/// A training that is long enough to be interrupted.
const LONG: [&str; 6] = [
    "--set",
    "training.epochs=2000",
    "--set",
    "training.patience=2000",
    "--set",
    "run.checkpoint={ seconds = 0, steps = 20, keep = 2 }",
];

#[test]
fn a_cluster_run_gives_the_same_artifacts_as_a_local_run() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let project = Project::tiny();
    let screen = cluster.succeed(&project, &["run", "--engine", "slurm"]);
    assert_eq!(steps(&screen, "done").len(), ALL.len(), "{}", screen.stdout);
    assert!(
        screen.stderr.contains("submitted 9 steps as 8 jobs"),
        "{}",
        screen.stderr
    );
    assert!(screen.stdout.contains("report.html"), "{}", screen.stdout);
    assert_eq!(identities(&project), identities(&finished()));
    check_store(&project);
    let log = fs::read_to_string(project.artifacts().join("slurm/logs/train-lstm.log"));
    assert!(log.expect("a log").contains("done    train     lstm"));

    // Everything is fresh on the cluster and locally, so nothing is submitted.
    let again = cluster.succeed(&project, &["run", "--engine", "slurm"]);
    assert_eq!(steps(&again, "fresh").len(), ALL.len());
    assert_eq!(
        steps(&succeed(&project, &["run"]), "fresh").len(),
        ALL.len()
    );

    // Trials are a job array. If a program fails, its log is shown and only its dependents are blocked.
    let broken = Programs::with(&[(
        StageName::Train,
        &format!(
            "case \"$*\" in *'--model naive'*) echo 'error: it broke' >&2; exit 7 ;; esac\nexec '{}' \"$@\"",
            program("ressenti-train").display()
        ),
    )]);
    let change = ["--set", SWEEP, "--set", "model.naive.hidden=9"];
    let run = [&["run", "--engine", "slurm"][..], &change].concat();
    let mut command = broken.ressenti(&project, testkit::programs(), &run);
    command.env("SLURM_CONF", cluster.folder.path().join("slurm.conf"));
    let screen = ProgramOutput::from(command.output().expect("it starts"));
    assert_eq!(screen.code, Some(7), "{}{}", screen.stdout, screen.stderr);
    assert_eq!(
        steps(&screen, "failed"),
        ["train naive"],
        "{}{}",
        screen.stdout,
        screen.stderr
    );
    assert_eq!(
        steps(&screen, "blocked"),
        ["evaluate naive", "report reviews"]
    );
    let mut done = steps(&screen, "done");
    done.sort();
    assert_eq!(done, ["train rate-001", "train rate-002", "train rate-003"]);
    assert!(
        screen.stdout.contains("logs/train-naive.log"),
        "{}",
        screen.stdout
    );
    assert!(
        screen.stderr.contains("  | error: it broke"),
        "{}",
        screen.stderr
    );

    let page = project.folder().join("timeline.html");
    let shown = cluster.succeed(
        &project,
        &["status", "--timeline", page.to_str().expect("text")],
    );
    assert!(!shown.stdout.contains("queued"), "{}", shown.stdout);
    assert!(
        fs::read_to_string(page)
            .expect("a page")
            .contains("train rate-002 on node")
    );
}

#[test]
fn jobs_survive_the_client_and_resume_after_cancelling() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let project = Project::tiny();
    let long = [&["run", "--engine", "slurm"][..], &LONG].concat();
    let screen = cluster.succeed(&project, &[&long[..], &["--detach"]].concat());
    assert!(screen.stderr.contains("detached"), "{}", screen.stderr);
    let status = |arguments: &[&str]| {
        let screen = cluster.succeed(&project, &[&["status"][..], &LONG, arguments].concat());
        screen.stdout
    };
    let saved =
        || status(&[]).contains("train lstm was interrupted: it resumes after training step");
    wait_until("a checkpoint", saved);
    let json: Value = serde_json::from_str(&status(&["--json"])).expect("JSON");
    let of = |stage: &str, variant: &str| {
        let steps = json.as_array().expect("steps").iter();
        let mut found = steps.filter(|step| step["stage"] == stage && step["variant"] == variant);
        found.next().expect("a step")["job"].clone()
    };
    assert_eq!(of("train", "lstm")["state"], "running", "{json}");
    assert_eq!(of("evaluate", "lstm")["state"], "queued", "{json}");

    // A run with other settings is refused while the jobs are queued.
    let other = [&long[..], &["--set", "model.lstm.hidden=9"]].concat();
    let refused = cluster.call(&project, &other);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("`train lstm` (job"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("ressenti cancel"),
        "{}",
        refused.stderr
    );

    let cancelled = cluster.succeed(&project, &["cancel"]);
    assert!(
        cancelled.stdout.contains("jobs cancelled"),
        "{}",
        cancelled.stdout
    );
    wait_until("an empty queue", || cluster.queue().trim().is_empty());
    assert!(status(&[]).contains("cancelled"), "{}", status(&[]));
    let none = cluster.succeed(&project, &["cancel"]);
    assert!(none.stdout.starts_with("no job"), "{}", none.stdout);

    // A client that monitors the jobs is killed, and another one monitors the same jobs.
    let mut first = cluster
        .ressenti(&project, &long)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    wait_until("a job", || cluster.queue().contains("RUNNING"));
    first.kill().expect("our own child");
    first.wait().expect("our own child");
    let second = cluster
        .ressenti(&project, &long)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    sleep(Duration::from_secs(2));
    // SAFETY: our own child, not waited for yet.
    unsafe { libc::kill(i32::try_from(second.id()).expect("a number"), libc::SIGINT) };
    let left = output_text(&second.wait_with_output().expect("it ends"));
    assert!(left.contains("already in the queue"), "{left}");
    assert!(left.contains("the jobs continue"), "{left}");
    let log = fs::read_to_string(project.artifacts().join("slurm/logs/train-lstm.log"));
    assert!(log.expect("a log").contains("resumes after step"));
    cluster.succeed(&project, &["cancel"]);
}

#[test]
fn a_transient_error_does_not_change_the_results() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let project = Project::tiny();
    // The program ends once with exit code 75.
    let programs = programs_with_faults(&project, "device@3");
    let often = [
        "run",
        "--engine",
        "slurm",
        "--set",
        "run.checkpoint.steps=1",
    ];
    let mut command = programs.ressenti(&project, testkit::programs(), &often);
    command.env("SLURM_CONF", cluster.folder.path().join("slurm.conf"));
    let screen = ProgramOutput::from(command.output().expect("it starts"));
    assert_eq!(screen.code, Some(0), "{}{}", screen.stdout, screen.stderr);
    // The training that reaches its third step first fails.
    let log = ["naive", "lstm"].map(|model| {
        let name = format!("slurm/logs/train-{model}.log");
        fs::read_to_string(project.artifacts().join(name)).expect("a log")
    });
    let log = log.concat();
    assert!(log.contains("exit code 75: the job is requeued"), "{log}");
    assert!(log.contains("resumes after step"), "{log}");
    assert_eq!(identities(&project), identities(&finished()));
}

#[test]
fn the_script_of_a_plan_runs_with_any_scheduler() {
    let project = Project::tiny();
    let jobs = project.folder().join("jobs.sh");
    let script = succeed(&project, &["plan", "--format", "slurm", "--set", SWEEP]).stdout;
    fs::write(&jobs, &script).expect("written");
    assert!(
        script.contains("#SBATCH --array=0-4\n"),
        "three trials and two models: {script}"
    );

    // A scheduler that runs each job at once and records its dependencies.
    let engine = tempfile::tempdir().expect("a folder");
    let noted = engine.path().join("noted");
    write_script(
        &engine.path().join("sbatch"),
        "#!/bin/bash\nset -eu\nscript=$(cat)\nfolder=$(dirname \"$0\")\n\
         echo \"${2:-none}\" >>\"$folder/noted\"\nnumber=$(wc -l <\"$folder/noted\")\n\
         last=$(sed -n 's/^#SBATCH --array=0-//p' <<<\"$script\")\n\
         for task in $(seq 0 \"${last:-0}\"); do SLURM_ARRAY_TASK_ID=$task bash -c \"$script\" >&2; done\n\
         echo \"$number\"\n",
    );
    let path = format!(
        "{}:{}",
        engine.path().display(),
        env::var("PATH").expect("a path")
    );
    let output = Command::new("bash")
        .arg(&jobs)
        .env("PATH", path)
        .output()
        .expect("bash");
    assert!(output.status.success(), "{}", output_text(&output));
    assert_eq!(identities(&project), identities(&finished()));
    let noted = fs::read_to_string(noted).expect("calls");
    let waits: Vec<&str> = noted.lines().collect();
    let expected = [
        "none",
        "--dependency=afterok:1",
        "--dependency=afterok:2",
        "--dependency=afterok:3",
        "--dependency=afterok:4",
        "--dependency=afterok:5_3",
        "--dependency=afterok:5_4",
        "--dependency=afterok:5_0:5_1:5_2:6:7",
    ];
    assert_eq!(waits, expected);
    // Afterwards nothing is left to do.
    let rest = succeed(&project, &["plan", "--format", "slurm", "--set", SWEEP]).stdout;
    assert!(!rest.contains("sbatch --parsable"), "{rest}");
}

#[test]
fn a_plan_is_printed_as_json_and_as_a_graph() {
    let project = finished();
    let change = ["--set", "model.lstm.hidden=9", "--set", SWEEP];
    let json = succeed(
        &project,
        &[&["plan", "--format", "json"][..], &change].concat(),
    )
    .stdout;
    let steps_of_plan: Value = serde_json::from_str(&json).expect("JSON");
    let step = |name: &str| {
        let steps = steps_of_plan.as_array().expect("steps").iter();
        let mut found = steps.filter(|step| step["step"] == name);
        found
            .next()
            .unwrap_or_else(|| panic!("{name} is not in {json}"))
            .clone()
    };
    assert_eq!(step("train naive")["state"], "fresh");
    assert!(step("train naive")["seconds"].as_f64().expect("a time") >= 0.0);
    let lstm = step("train lstm");
    assert_eq!(lstm["state"], "stale");
    assert_eq!(
        lstm["reasons"][0],
        "setting `model.lstm.hidden` changed: 8 -> 9"
    );
    assert_eq!(lstm["after"], Value::Array(vec![]));
    assert_eq!(
        step("evaluate lstm")["after"],
        serde_json::json!(["train lstm"])
    );
    // The printed command builds the step.
    let command: Vec<String> = serde_json::from_value(lstm["command"].clone()).expect("words");
    let output = Command::new(&command[0])
        .args(&command[1..])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", output_text(&output));
    let json = succeed(
        &project,
        &[&["plan", "--format", "json"][..], &change].concat(),
    )
    .stdout;
    let steps_of_plan: Value = serde_json::from_str(&json).expect("JSON");
    let fresh = steps_of_plan
        .as_array()
        .expect("steps")
        .iter()
        .filter(|step| step["state"] == "fresh");
    assert!(
        fresh
            .map(|step| &step["step"])
            .any(|name| name == "train lstm"),
        "{json}"
    );

    let dot = succeed(
        &project,
        &[&["plan", "--format", "dot"][..], &change].concat(),
    )
    .stdout;
    for line in [
        "  \"ingest reviews\" -> \"clean reviews\";\n",
        "  \"train rate\" [label = \"train\\nrate\\n3 trials, 3 stale\"",
        "  \"train lstm\" -> \"evaluate lstm\";\n",
    ] {
        assert!(dot.contains(line), "{line}: {dot}");
    }
    // Indirect dependencies have no arrows.
    assert!(
        !dot.contains("\"ingest reviews\" -> \"report reviews\""),
        "{dot}"
    );
}

#[test]
fn cluster_commands_fail_without_a_cluster() {
    let project = Project::tiny();
    let nowhere = || {
        let mut command = ressenti(&project, &["run", "--engine", "slurm"]);
        command.env("PATH", "/nowhere");
        ProgramOutput::from(command.output().expect("it starts"))
    };
    let screen = nowhere();
    assert_eq!(screen.code, Some(1), "{}", screen.stdout);
    assert_eq!(
        screen.stderr,
        "error: Slurm's program `sbatch` is not on the PATH\n  \
         hint: Run this on a machine that can submit jobs (a login node), or run on this machine with `--engine local`\n"
    );
    let screen = call(&project, &["run", "--detach"]);
    assert_eq!(screen.code, Some(1));
    assert!(
        screen.stderr.contains("Add `--engine slurm`"),
        "{}",
        screen.stderr
    );
    let screen = call(&project, &["status", "--timeline", "x.html"]);
    assert_eq!(screen.code, Some(1));
    assert!(
        screen
            .stderr
            .contains("No job of this artifacts folder was ever started"),
        "{}",
        screen.stderr
    );
    let screen = succeed(&project, &["cancel"]);
    assert_eq!(
        screen.stdout,
        "no job of this artifacts folder is in the queue\n"
    );
    let wrong = call(&project, &["plan", "--set", "engine.train.memory=a lot"]);
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.stderr.contains("`engine.train.memory` is \"a lot\""),
        "{}",
        wrong.stderr
    );
}
