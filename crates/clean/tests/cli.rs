//! Tests of the program.

#![allow(missing_docs)]

mod common;

use std::fs;
use std::process::{Command, Output};

use artifact::{Artifact, StageName};
use common::Project;

fn program(project: &Project, arguments: &[&str], threads: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ressenti-clean"))
        .args(arguments)
        .current_dir(project.path(""))
        .env("NO_COLOR", "1")
        .env("POLARS_MAX_THREADS", threads)
        .output()
        .expect("the program starts")
}

/// A folder with ingested reviews.
fn project() -> Project {
    let project = Project::new();
    let rows: Vec<String> = (0..9000)
        .map(|id| format!("review <b>number</b> {id},{},,film {},", id % 2, id / 5))
        .collect();
    project.clean(&rows, "").expect("rows").project
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let project = project();
    let mut identities = Vec::new();
    for threads in ["1", "2", "5"] {
        let output = program(
            &project,
            &["--force", "--set", &format!("run.threads={threads}")],
            threads,
        );
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let folder = project
            .path("artifacts")
            .join(StageName::Clean.as_str())
            .join("reviews");
        identities.push(Artifact::open(&folder).expect("an artifact").identity());
    }
    identities.dedup();
    assert_eq!(identities.len(), 1);
}

#[test]
fn a_missing_input_is_reported_with_the_command_that_creates_it() {
    let project = Project::new();
    fs::write(
        project.path("pipeline.toml"),
        "[pipeline]\nname = 'test'\n[ingest]\nsource = 'reviews.csv'\n",
    )
    .expect("a file");
    fs::write(project.path("reviews.csv"), testkit::corpus::kaggle_csv()).expect("a file");
    let output = program(&project, &[], "1");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("--only ingest`"), "{stderr}");
}

#[test]
fn a_damaged_input_is_named() {
    let project = project();
    let path = project.path("artifacts/ingest/reviews/reviews.parquet");
    let mut bytes = fs::read(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("a file");
    let output = program(&project, &["--force"], "1");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("reviews.parquet` is damaged")
            && stderr.contains("ressenti run --only ingest"),
        "{stderr}"
    );
}

#[test]
fn help_names_inputs_and_outputs() {
    let output = program(&Project::new(), &["--help"], "1");
    let stdout = String::from_utf8_lossy(&output.stdout);
    for word in ["clean.parquet", "removed.parquet", "profile.json"] {
        assert!(stdout.contains(word), "{word}");
    }
}
