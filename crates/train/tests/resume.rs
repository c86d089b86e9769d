//! A training that is interrupted, in every way, ends as one that was not.

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

/// Everything before training.
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

/// With dropout (as ever), parts of batches, an early end, and a checkpoint every other step.
const SETTINGS: [&str; 5] = [
    "training.accumulation=2",
    "training.patience=1",
    "training.epochs=3",
    "run.checkpoint.steps=2",
    "run.checkpoint.seconds=0",
];

/// `ressenti-train` for the lstm, with a plan of faults.
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

/// Stops a training before a step, and waits until its state is on the disk: how far a training that is
/// killed has come with writing, beside which it goes on, depends on the disk.
#[track_caller]
fn stop_at(project: &Project, step: u64) {
    let screen = train(project, &format!("term@{step}"), &[]);
    assert_eq!(screen.code, Some(130), "{}{}", screen.stdout, screen.stderr);
    assert!(!checkpoints(project).is_empty(), "{}", screen.stderr);
}

/// Weights and description, byte for byte.
fn bundle(project: &Project) -> [Vec<u8>; 2] {
    let artifact = project.artifact(StageName::Train, "lstm");
    ["model.safetensors", "model.json"].map(|name| {
        let path = artifact.file(name).expect("it is part of it");
        fs::read(path).expect("it is there")
    })
}

/// What a training leaves that nothing disturbs.
fn undisturbed(changes: &[&str]) -> [Vec<u8>; 2] {
    let project = prepared();
    succeed(&project, "", changes);
    bundle(&project)
}

/// The step that a training says to go on after.
#[track_caller]
fn step_gone_on_from(screen: &ProgramOutput) -> u64 {
    let line = screen
        .stderr
        .lines()
        .find(|line| line.contains("resumes after step"));
    let line = line.unwrap_or_else(|| panic!("it began anew: {}", screen.stderr));
    let step = line.rsplit(' ').next().expect("it ends in the number");
    step.parse().expect("a number")
}

/// Checkpoints under `artifacts/work`, the newest first.
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

/// Writes the newest checkpoint again with other moments or another position.
fn tamper(
    path: &Path,
    moments: impl Fn(&mut [u8]),
    position: impl Fn(&mut serde_json::Map<String, serde_json::Value>),
) {
    let bytes = fs::read(path).expect("it is there");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a header");
    let state = &metadata.metadata().as_ref().expect("it has some")["position"];
    let mut state: serde_json::Map<_, _> = serde_json::from_str(state).expect("an object");
    position(&mut state);
    let state = serde_json::to_string(&state).expect("plain data");
    let tensors = SafeTensors::deserialize(&bytes).expect("whole");
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
        (name, view.expect("as long as before"))
    });
    let mut metadata = metadata.metadata().clone().expect("it has some");
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
fn a_killed_training_ends_in_the_same_bytes() {
    let expected = undisturbed(&[]);
    let project = prepared();
    // In the first epoch of five steps, right behind a checkpoint, and twice in the second.
    for kill in ["kill@3", "kill@4", "kill@7"] {
        let screen = train(&project, kill, &[]);
        assert_eq!(screen.code, None, "`{kill}`: {}", screen.stderr);
    }
    stop_at(&project, 8);
    let screen = train(&project, "kill@9", &[]);
    assert_eq!(screen.code, None, "{}", screen.stderr);
    let screen = succeed(&project, "", &[]);
    assert!(step_gone_on_from(&screen) >= 7, "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
    assert!(
        checkpoints(&project).is_empty(),
        "they are of no use any more"
    );
}

#[test]
fn without_the_moments_or_the_position_the_bytes_are_others() {
    let expected = undisturbed(&[]);
    let check = |what: &str, change: &dyn Fn(&Path), same: bool| {
        let project = prepared();
        stop_at(&project, 9);
        change(&checkpoints(&project)[0]);
        let screen = succeed(&project, "", &[]);
        assert!(
            !screen.stderr.contains("damaged"),
            "{what}: {}",
            screen.stderr
        );
        assert_eq!(bundle(&project) == expected, same, "{what}");
    };
    // Written again as it was it is as good as before: what follows is not about the writing.
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
    // No step of the epoch it names: it is left alone, and the one before it taken, or none.
    check(
        "a position that cannot be",
        &|path| moved(path, |step| step + 100),
        true,
    );
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let expected = undisturbed(&[]);
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
    let place = bytes.len() / 2;
    bytes[place] ^= 16;
    fs::write(&newest, bytes).expect("written");
    let screen = succeed(&project, "", &[]);
    assert!(screen.stderr.contains("is damaged"), "{}", screen.stderr);
    assert!(step_gone_on_from(&screen) < step, "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
}

/// Waits while a training runs.
#[track_caller]
fn wait_for(child: &mut Child, is_so: impl Fn() -> bool) {
    let clock = Instant::now();
    while !is_so() {
        let ended = child.try_wait().expect("our own child");
        assert!(ended.is_none(), "{ended:?}");
        assert!(
            clock.elapsed() < Duration::from_secs(60),
            "it does not come to it"
        );
        sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, signal: i32) {
    let id = i32::try_from(child.id()).expect("a process id");
    // SAFETY: `kill` takes any numbers; the process is our own child, not waited for yet.
    unsafe { libc::kill(id, signal) };
}

#[test]
fn signals_save_and_leave_or_save_and_go_on() {
    // Long enough to be met at work; the rate is low, so that it goes on learning.
    let long = [
        "training.epochs=200",
        "training.patience=0",
        "training.learning_rate=0.0001",
    ];
    let expected = undisturbed(&long);
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
        // Asked to save, it goes on, and has time to say so.
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
    assert!(step_gone_on_from(&screen) > 2, "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
}

#[test]
fn a_second_signal_leaves_at_once() {
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
        child.try_wait().expect("our own child").is_none(),
        "it is busy and has not looked"
    );
    signal(&child, libc::SIGTERM);
    assert_eq!(child.wait().expect("our own child").code(), Some(130));
}

#[test]
fn too_little_memory_halves_what_is_read_at_once_and_is_remembered() {
    let project = prepared();
    let screen = train(&project, "oom@3,term@7", &[]);
    assert!(
        screen.stderr.contains("computed in 4 parts"),
        "{}",
        screen.stderr
    );
    let bytes = fs::read(checkpoints(&project).remove(0)).expect("it is there");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a header");
    let state = &metadata.metadata().as_ref().expect("it has some")["position"];
    assert!(state.contains("\"accumulation\":4"), "{state}");
    let screen = succeed(&project, "", &[]);
    assert_eq!(step_gone_on_from(&screen), 8, "{}", screen.stderr);

    // One review at a time is the least.
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
fn a_fault_of_the_device_asks_for_a_new_process_and_that_goes_on() {
    let expected = undisturbed(&[]);
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
fn a_loss_that_is_no_number_costs_one_step_and_half_the_rate() {
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
    // What came after the state that it went back to stands there once.
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
fn a_full_disk_costs_a_checkpoint_and_not_the_training() {
    let expected = undisturbed(&[]);
    let project = prepared();
    let screen = succeed(&project, "enospc@write:1", &[]);
    assert!(
        screen.stderr.contains("goes on without this checkpoint"),
        "{}",
        screen.stderr
    );
    assert!(screen.stderr.contains("No space left"), "{}", screen.stderr);
    assert!(bundle(&project) == expected, "another model");
}
