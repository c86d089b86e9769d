//! The binary: exit codes of the regression run, as a continuous integration sees them.

#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use clean::Clean;
use embed::Embed;
use ingest::Ingest;
use serde_json::{Value, json};
use stage::NoOptions;
use testkit::{Project, Screen, run_stage};
use tokenize::Tokenize;
use train::Train;

fn ressenti_evaluate(project: &Project, arguments: &[&str]) -> Screen {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ressenti-evaluate"));
    command
        .arg("--pipeline")
        .arg(project.pipeline_file())
        .args(["--variant", "naive"])
        .args(arguments)
        .current_dir(project.folder());
    command.output().expect("the binary starts").into()
}

/// Everything before evaluation.
fn trained() -> Project {
    let project = Project::tiny();
    let (pipeline, none) = (project.pipeline(&[]), NoOptions {});
    run_stage::<Ingest>(&pipeline, None, &none).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &none).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &none).expect("tokens");
    run_stage::<Embed>(&pipeline, None, &none).expect("vectors");
    run_stage::<Train>(&pipeline, Some("naive"), &none).expect("a model");
    project
}

/// The figures at `from` with every value replaced by this one, without predictions beside them.
fn write_flattered(from: &Path, to: &Path, value: f64) {
    let mut file: Value =
        serde_json::from_slice(&fs::read(from).expect("figures")).expect("they are JSON");
    let figures = file["models"]["naive"].as_object_mut().expect("figures");
    for figure in figures.values_mut() {
        *figure = json!({"value": value, "low": value - 0.0001, "high": value + 0.0001});
    }
    fs::write(to, file.to_string()).expect("written");
}

#[test]
fn a_regression_is_exit_code_1_and_no_regression_0() {
    let project = trained();
    let first = ressenti_evaluate(&project, &[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first.stdout.starts_with("done   evaluate  naive"),
        "{}",
        first.stdout
    );
    let own = project.artifacts().join("evaluate/naive/metrics.json");
    write_flattered(&own, &project.folder().join("better.json"), 0.999);
    fs::write(project.folder().join("text.json"), "{").expect("written");

    for (baseline, code, said) in [
        (
            "artifacts/evaluate/naive/metrics.json",
            0,
            "`naive` is not worse than the baseline, compared row by row",
        ),
        (
            "better.json",
            1,
            "hint: If the loss is meant, store the new metrics.json as the baseline",
        ),
        ("none.json", 1, "`none.json`"),
        ("text.json", 1, "`text.json`"),
    ] {
        let screen = ressenti_evaluate(&project, &["--baseline", baseline]);
        assert_eq!(screen.code, Some(code), "{baseline}: {}", screen.stderr);
        assert!(
            screen.stderr.contains(said),
            "{baseline}: {}",
            screen.stderr
        );
    }
    // What failed is the comparison: the evaluation itself stands.
    let again = ressenti_evaluate(&project, &[]);
    assert!(
        again.stdout.starts_with("fresh  evaluate  naive"),
        "{}",
        again.stdout
    );
}

#[test]
fn without_a_model_it_names_the_command_that_trains_one() {
    let project = Project::tiny();
    let screen = ressenti_evaluate(&project, &[]);
    assert_eq!(screen.code, Some(1));
    assert!(
        screen.stderr.contains("--only ingest --variant reviews"),
        "{}",
        screen.stderr
    );
}
