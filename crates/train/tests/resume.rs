//! An interrupted training ends with the same bytes as an uninterrupted one, for every kind of interruption.

#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use artifact::{Digest, StageName};
use embed::Embed;
use ingest::Ingest;
use safetensors::SafeTensors;
use stage::NoOptions;
use testkit::{ProgramOutput, Project, fault_injection_program, run_stage};
use tokenize::Tokenize;

/// A project in which all stages before training have run.
fn prepared() -> Project {
    let project = Project::tiny();
    let (pipeline, none) = (project.pipeline(&[]), NoOptions {});
    run_stage::<Ingest>(&pipeline, None, &none).expect("reviews");
    run_stage::<clean::Clean>(&pipeline, None, &none).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &none).expect("tokens");
    run_stage::<Embed>(&pipeline, None, &none).expect("vectors");
    fs::create_dir(project.folder().join("faults")).expect("a folder");
    project
}

/// Settings with accumulation, early stopping, and a checkpoint after every second step. Dropout is on by default.
const SETTINGS: [&str; 5] = [
    "training.accumulation=2",
    "training.patience=1",
    "training.epochs=3",
    "run.checkpoint.steps=2",
    "run.checkpoint.seconds=0",
];

/// The command `ressenti-train` for the model `lstm`, with a plan of faults.
fn command(project: &Project, faults: &str, changes: &[&str]) -> Command {
    let mut command = Command::new(fault_injection_program());
    command.arg("--pipeline").arg(project.pipeline_file());
    command.args(["--variant", "lstm", "--progress", "plain"]);
    for change in SETTINGS.iter().chain(changes) {
        command.args(["--set", change]);
    }
    command
        .env("RESSENTI_FAULTS", faults)
        .env("RESSENTI_FAULTS_DONE", project.folder().join("faults"));
    command
}

fn train(project: &Project, faults: &str, changes: &[&str]) -> ProgramOutput {
    let output = command(project, faults, changes).output();
    output.expect("the program starts").into()
}

#[track_caller]
fn succeed(project: &Project, faults: &str, changes: &[&str]) -> ProgramOutput {
    let screen = train(project, faults, changes);
    assert_eq!(screen.code, Some(0), "{}{}", screen.stdout, screen.stderr);
    screen
}

/// Stops a training before a step and waits until its state is on the disk. A killed training may lose its last
/// checkpoint, because it is written in the background.
#[track_caller]
fn stop_at(project: &Project, step: u64) {
    let screen = train(project, &format!("term@{step}"), &[]);
    assert_eq!(screen.code, Some(130), "{}{}", screen.stdout, screen.stderr);
    assert!(!checkpoints(project).is_empty(), "{}", screen.stderr);
}

/// Weights and description of the bundle, byte for byte.
fn bundle(project: &Project) -> [Vec<u8>; 2] {
    let artifact = project.artifact(StageName::Train, "lstm");
    ["model.safetensors", "model.json"].map(|name| {
        let path = artifact.file(name).expect("a file of the bundle");
        fs::read(path).expect("it is there")
    })
}

/// The bundle of an uninterrupted training.
fn uninterrupted(changes: &[&str]) -> [Vec<u8>; 2] {
    let project = prepared();
    succeed(&project, "", changes);
    bundle(&project)
}

/// The step after which a training reports that it resumes.
#[track_caller]
fn resumed_step(screen: &ProgramOutput) -> u64 {
    let line = screen
        .stderr
        .lines()
        .find(|line| line.contains("resumes after step"));
    let line = line.unwrap_or_else(|| panic!("it started again: {}", screen.stderr));
    let step = line.rsplit(' ').next().expect("it ends in the number");
    step.parse().expect("a number")
}

/// The checkpoints under `artifacts/work`, the newest first.
fn checkpoints(project: &Project) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(project.artifacts().join("work")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|found| found == "kept") {
            let files = fs::read_dir(path).expect("a folder");
            found.extend(files.map(|file| file.expect("an entry").path()));
        }
    }
    found.retain(|path| path.extension().is_some_and(|found| found == "safetensors"));
    found.sort();
    found.reverse();
    found
}

/// Replaces a checkpoint by one with changed moments or another position.
fn tamper(
    path: &Path,
    moments: impl Fn(&mut [u8]),
    position: impl Fn(&mut serde_json::Map<String, serde_json::Value>),
) {
    let bytes = fs::read(path).expect("it is there");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a header");
    let state = &metadata.metadata().as_ref().expect("metadata")["position"];
    let mut state: serde_json::Map<_, _> = serde_json::from_str(state).expect("an object");
    position(&mut state);
    let state = serde_json::to_string(&state).expect("plain data");
    let tensors = SafeTensors::deserialize(&bytes).expect("a complete file");
    let mut changed: Vec<(String, safetensors::Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, view) in tensors.iter() {
        let mut data = view.data().to_vec();
        if name.starts_with("optimizer.") {
            moments(&mut data);
        }
        changed.push((name.to_owned(), view.dtype(), view.shape().to_vec(), data));
    }
    let views = changed.iter().map(|(name, kind, shape, data)| {
        let view = safetensors::tensor::TensorView::new(*kind, shape.clone(), data);
        (name, view.expect("the same length as before"))
    });
    let mut metadata = metadata.metadata().clone().expect("metadata");
    metadata.insert("position".to_owned(), state);
    let bytes = safetensors::serialize(views, Some(metadata)).expect("plain data");
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let (step, _) = name.split_once('-').expect("step and digest");
    let digest = Digest::of_bytes(&bytes).to_hex();
    fs::remove_file(path).expect("removed");
    fs::write(
        path.with_file_name(format!("{step}-{digest}.safetensors")),
        bytes,
    )
    .expect("written");
}

#[test]
fn a_killed_training_resumes_and_gives_the_same_bytes() {
    let expected = uninterrupted(&[]);
    let project = prepared();
    // In the first epoch of five steps, directly after a checkpoint, and twice in the second epoch.
    for kill in ["kill@3", "kill@4", "kill@7"] {
        let screen = train(&project, kill, &[]);
        assert_eq!(screen.code, None, "`{kill}`: {}", screen.stderr);
    }
    stop_at(&project, 8);
    let screen = train(&project, "kill@9", &[]);
    assert_eq!(screen.code, None, "{}", screen.stderr);
    let screen = succeed(&project, "", &[]);
    assert!(resumed_step(&screen) >= 7, "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
    assert!(
        checkpoints(&project).is_empty(),
        "checkpoints are deleted at the end"
    );
}

#[test]
fn moments_and_position_of_a_checkpoint_affect_the_result() {
    let expected = uninterrupted(&[]);
    let check = |name: &str, change: &dyn Fn(&Path), same: bool| {
        let project = prepared();
        stop_at(&project, 9);
        change(&checkpoints(&project)[0]);
        let screen = succeed(&project, "", &[]);
        assert!(
            !screen.stderr.contains("damaged"),
            "{name}: {}",
            screen.stderr
        );
        assert_eq!(bundle(&project) == expected, same, "{name}");
    };
    // A checkpoint that is rewritten without changes is still valid.
    check(
        "nothing changed",
        &|path| tamper(path, |_| (), |_| ()),
        true,
    );
    check(
        "no moments",
        &|path| tamper(path, |data| data.fill(0), |_| ()),
        false,
    );
    let moved = |path: &Path, change: fn(u64) -> u64| {
        let position = |state: &mut serde_json::Map<String, serde_json::Value>| {
            let step = state["step"].as_u64().expect("a number");
            state["step"] = change(step).into();
        };
        tamper(path, |_| (), position);
    };
    check(
        "another position",
        &|path| moved(path, |step| step - 1),
        false,
    );
    // The step is not in the epoch of the position: the checkpoint is ignored, and the one before it is used, if any.
    check(
        "a position that cannot be",
        &|path| moved(path, |step| step + 100),
        true,
    );
}

#[test]
fn a_damaged_checkpoint_is_skipped() {
    let expected = uninterrupted(&[]);
    let project = prepared();
    stop_at(&project, 4);
    stop_at(&project, 9);
    let newest = checkpoints(&project).remove(0);
    let name = newest
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let step: u64 = name[..12].parse().expect("it begins with the step");
    let mut bytes = fs::read(&newest).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    fs::write(&newest, bytes).expect("written");
    let screen = succeed(&project, "", &[]);
    assert!(screen.stderr.contains("is damaged"), "{}", screen.stderr);
    assert!(resumed_step(&screen) < step, "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
}

/// Waits until a condition is true while a training runs.
#[track_caller]
fn wait_for(child: &mut Child, condition: impl Fn() -> bool) {
    let clock = Instant::now();
    while !condition() {
        let ended = child.try_wait().expect("a child process");
        assert!(ended.is_none(), "{ended:?}");
        assert!(
            clock.elapsed() < Duration::from_secs(60),
            "the condition is not met in time"
        );
        sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, signal: i32) {
    let id = i32::try_from(child.id()).expect("a process id");
    // SAFETY: `kill` takes any numbers; the process is a child of this test that was not waited for yet.
    unsafe { libc::kill(id, signal) };
}

#[test]
fn signals_save_and_then_stop_or_continue() {
    // Long enough to receive signals while it runs; the low learning rate lets it keep learning.
    let long = [
        "training.epochs=200",
        "training.patience=0",
        "training.learning_rate=0.0001",
    ];
    let expected = uninterrupted(&long);
    let project = prepared();
    for sent in [libc::SIGINT, libc::SIGTERM] {
        let before = checkpoints(&project);
        let mut child = command(&project, "", &long)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        wait_for(&mut child, || {
            checkpoints(&project).first() > before.first()
        });
        // SIGUSR1 saves and continues; there is time to print the message.
        signal(&child, libc::SIGUSR1);
        sleep(Duration::from_millis(200));
        let clock = Instant::now();
        signal(&child, sent);
        let screen: ProgramOutput = child.wait_with_output().expect("it ends").into();
        assert!(clock.elapsed() < Duration::from_secs(5));
        assert_eq!(screen.code, Some(130), "{}{}", screen.stdout, screen.stderr);
        for part in ["saved after step", "stopped: Saved after step"] {
            assert!(screen.stderr.contains(part), "{part}: {}", screen.stderr);
        }
        assert!(!screen.stderr.contains("error"), "{}", screen.stderr);
    }
    let screen = succeed(&project, "", &long);
    assert!(resumed_step(&screen) > 2, "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
}

#[test]
fn a_second_signal_stops_at_once() {
    let project = prepared();
    let mut child = command(&project, "stall@3", &[])
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    wait_for(&mut child, || {
        project.folder().join("faults/stall@3").exists()
    });
    signal(&child, libc::SIGTERM);
    sleep(Duration::from_millis(300));
    assert!(
        child.try_wait().expect("a child process").is_none(),
        "it is busy and has not seen the signal"
    );
    signal(&child, libc::SIGTERM);
    assert_eq!(child.wait().expect("a child process").code(), Some(130));
}

#[test]
fn full_memory_halves_the_parts_of_a_batch_and_is_remembered() {
    let project = prepared();
    let screen = train(&project, "oom@3,term@7", &[]);
    assert!(
        screen.stderr.contains("computed in 4 parts"),
        "{}",
        screen.stderr
    );
    let bytes = fs::read(checkpoints(&project).remove(0)).expect("it is there");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a header");
    let state = &metadata.metadata().as_ref().expect("metadata")["position"];
    assert!(state.contains("\"accumulation\":4"), "{state}");
    let screen = succeed(&project, "", &[]);
    assert_eq!(resumed_step(&screen), 8, "{}", screen.stderr);

    // A part cannot have less than one review.
    let project = prepared();
    let screen = train(
        &project,
        "oom@3",
        &["training.batch_size=1", "training.accumulation=1"],
    );
    assert_eq!(screen.code, Some(1), "{}", screen.stderr);
    for part in [
        "too small for a single review",
        "can't allocate memory",
        "hint: ",
    ] {
        assert!(screen.stderr.contains(part), "{part}: {}", screen.stderr);
    }
}

#[test]
fn after_a_device_fault_a_new_process_resumes() {
    let expected = uninterrupted(&[]);
    let project = prepared();
    let screen = train(&project, "device@9", &[]);
    assert_eq!(screen.code, Some(75), "{}", screen.stderr);
    for part in ["device", "hint: ", "ressenti doctor"] {
        assert!(screen.stderr.contains(part), "{part}: {}", screen.stderr);
    }
    assert!(!screen.stderr.contains("panicked"), "{}", screen.stderr);
    succeed(&project, "device@9", &[]);
    assert!(bundle(&project) == expected, "another model");
}

#[test]
fn a_non_finite_loss_returns_to_a_checkpoint_and_halves_the_learning_rate() {
    let project = prepared();
    let screen = succeed(&project, "nan@3", &[]);
    for part in [
        "not finite at step 3 of epoch 1",
        "in reviews",
        "half the learning rate",
    ] {
        assert!(screen.stderr.contains(part), "{part}: {}", screen.stderr);
    }
    let artifact = project.artifact(StageName::Train, "lstm");
    let record =
        fs::read_to_string(artifact.file("metrics.jsonl").expect("a record")).expect("read");
    assert_eq!(
        record.matches(r#""event":"backoff""#).count(),
        1,
        "{record}"
    );
    // Steps after the restored state are recorded only once.
    for step in 1..=8 {
        let line = format!("\"step\":{step},\"loss\"");
        assert_eq!(record.matches(&line).count(), 1, "{line}: {record}");
    }

    let project = prepared();
    let screen = train(&project, "nan@3,nan@4", &[]);
    assert_eq!(screen.code, Some(1), "{}", screen.stderr);
    assert!(
        screen.stderr.contains("at step 4 of epoch 1"),
        "{}",
        screen.stderr
    );
    assert!(
        screen.stderr.contains("hint: Lower the learning rate"),
        "{}",
        screen.stderr
    );
}

#[test]
fn a_full_disk_loses_a_checkpoint_but_not_the_training() {
    let expected = uninterrupted(&[]);
    let project = prepared();
    let screen = succeed(&project, "enospc@write:1", &[]);
    assert!(
        screen.stderr.contains("continues without this checkpoint"),
        "{}",
        screen.stderr
    );
    assert!(screen.stderr.contains("No space left"), "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
}
