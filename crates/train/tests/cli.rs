//! The program: its output, its exit codes, and that a second run does nothing.

#![allow(missing_docs, reason = "tests")]

use std::process::Command;

use embed::Embed;
use ingest::Ingest;
use stage::NoOptions;
use testkit::{ProgramOutput, Project, run_stage};
use tokenize::Tokenize;

fn ressenti_train(project: &Project, arguments: &[&str]) -> ProgramOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ressenti-train"));
    command
        .arg("--pipeline")
        .arg(project.pipeline_file())
        .args(arguments);
    command.output().expect("the binary starts").into()
}

/// A project in which all stages before training have run.
fn prepared() -> Project {
    let project = Project::tiny();
    let (pipeline, none) = (project.pipeline(&[]), NoOptions {});
    run_stage::<Ingest>(&pipeline, None, &none).expect("reviews");
    run_stage::<clean::Clean>(&pipeline, None, &none).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &none).expect("tokens");
    run_stage::<Embed>(&pipeline, None, &none).expect("vectors");
    project
}

#[test]
fn it_prints_one_line_and_a_second_run_does_nothing() {
    let project = prepared();
    let first = ressenti_train(&project, &["--variant", "naive"]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first.stdout.starts_with("done    train     naive"),
        "{}",
        first.stdout
    );
    assert_eq!(first.stdout.lines().count(), 1, "{}", first.stdout);
    assert!(first.stderr.contains("device: "), "{}", first.stderr);
    let second = ressenti_train(&project, &["--variant", "naive"]);
    assert!(
        second.stdout.starts_with("fresh   train     naive"),
        "{}",
        second.stdout
    );
}

#[test]
fn every_failure_has_its_exit_code_and_a_hint() {
    let project = prepared();
    let empty = Project::tiny();
    let fast = [
        "--variant",
        "naive",
        "--set",
        "training.learning_rate=1e30",
        "--set",
        "training.clip_norm=0",
    ];
    for (project, arguments, code, message, hint) in [
        (
            &empty,
            &["--variant", "naive"][..],
            1,
            "error: ",
            "--only ingest`",
        ),
        (&project, &["--variant", "naiv"][..], 1, "`naiv`", "`naive`"),
        (&project, &["--variants"][..], 2, "--variants", "--help"),
        (
            &project,
            &fast[..],
            1,
            "error: The loss is not finite at step ",
            "hint: ",
        ),
    ] {
        let screen = ressenti_train(project, arguments);
        let stderr = &screen.stderr;
        assert_eq!(screen.code, Some(code), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains(message) && stderr.contains(hint),
            "{arguments:?}: {stderr}"
        );
        assert_eq!(screen.stdout, "", "{arguments:?}");
    }
}
