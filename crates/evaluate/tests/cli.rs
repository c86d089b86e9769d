//! Tests of the binary: exit codes of `--baseline`.

#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use clean::Clean;
use embed::Embed;
use ingest::Ingest;
use serde_json::{Value, json};
use stage::NoOptions;
use testkit::{ProgramOutput, Project, run_stage};
use tokenize::Tokenize;
use train::Train;

fn ressenti_evaluate(project: &Project, arguments: &[&str]) -> ProgramOutput {
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
    prepare(&project);
    project
}

fn prepare(project: &Project) {
    let (pipeline, none) = (project.pipeline(&[]), NoOptions {});
    run_stage::<Ingest>(&pipeline, None, &none).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &none).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &none).expect("tokens");
    run_stage::<Embed>(&pipeline, None, &none).expect("vectors");
    run_stage::<Train>(&pipeline, Some("naive"), &none).expect("a model");
}

/// Writes the metrics of `from` with all values replaced by `value`.
fn write_metrics_with_value(from: &Path, to: &Path, value: f64) {
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
        first.stdout.starts_with("done    evaluate  naive"),
        "{}",
        first.stdout
    );
    let own = project.artifacts().join("evaluate/naive/metrics.json");
    write_metrics_with_value(&own, &project.folder().join("better.json"), 0.999);
    fs::write(project.folder().join("text.json"), "{").expect("written");

    for (baseline, code, expected) in [
        (
            "artifacts/evaluate/naive/metrics.json",
            0,
            "`naive` is not significantly worse than the baseline (compared row by row)",
        ),
        (
            "better.json",
            1,
            "hint: If the loss is intended, use the new `metrics.json` as the baseline",
        ),
        ("none.json", 1, "`none.json`"),
        ("text.json", 1, "`text.json`"),
    ] {
        let screen = ressenti_evaluate(&project, &["--baseline", baseline]);
        assert_eq!(screen.code, Some(code), "{baseline}: {}", screen.stderr);
        assert!(
            screen.stderr.contains(expected),
            "{baseline}: {}",
            screen.stderr
        );
    }
    // The comparison failed, but the evaluation is complete.
    let again = ressenti_evaluate(&project, &[]);
    assert!(
        again.stdout.starts_with("fresh   evaluate  naive"),
        "{}",
        again.stdout
    );
}

/// With two or three test reviews, a bootstrap interval can have width zero.
#[test]
fn intervals_of_few_reviews_are_wide_or_missing_and_a_warning_is_printed() {
    let reviews = "review,sentiment\n".to_owned()
        + &(0..12)
            .map(|row| match row % 2 {
                0 => format!("a fine film of {row} good scenes,positive\n"),
                _ => format!("a dull film of {row} bad scenes,negative\n"),
            })
            .collect::<String>();
    let project = Project::with_reviews(testkit::tiny_pipeline(), &reviews);
    prepare(&project);
    let screen = ressenti_evaluate(&project, &[]);
    assert_eq!(screen.code, Some(0), "{}", screen.stderr);
    let path = project.artifacts().join("evaluate/naive/metrics.json");
    let file: Value = serde_json::from_slice(&fs::read(path).expect("figures")).expect("JSON");
    let rows = file["rows"].as_u64().expect("a count");
    assert!((1..10).contains(&rows), "{rows}");
    assert!(
        screen
            .stderr
            .contains(&format!("unreliable: there are only {rows} test review")),
        "{}",
        screen.stderr
    );
    let figures = file["models"]["naive"].as_object().expect("figures");
    for (name, figure) in figures {
        let is_share = ["accuracy", "precision", "recall", "f1"].contains(&name.as_str());
        match (figure["low"].as_f64(), figure["high"].as_f64()) {
            (Some(low), Some(high)) => assert!(is_share && high - low > 0.1, "{name}: {figure}"),
            ends => assert!(!is_share && ends == (None, None), "{name}: {figure}"),
        }
    }
    assert!(figures["log_loss"]["value"].is_number());
}

#[test]
fn without_a_model_it_names_the_command_that_trains_one() {
    let project = Project::tiny();
    let screen = ressenti_evaluate(&project, &[]);
    assert_eq!(screen.code, Some(1));
    assert!(
        screen.stderr.contains("--only ingest`"),
        "{}",
        screen.stderr
    );
}
