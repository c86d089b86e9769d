//! Tests of the stage in a temporary folder: metrics, explanations and regressions.

#![allow(missing_docs)]

use std::fs;
use std::path::PathBuf;

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};
use artifact::{Artifact, StageName, read_table, schema};
use clean::Clean;
use embed::Embed;
use evaluate::{Evaluate, Options};
use ingest::Ingest;
use serde_json::Value;
use settings::Pipeline;
use stage::NoOptions;
use testkit::{Project, run_stage};
use tokenize::Tokenize;
use train::Train;

fn trained(project: &Project, changes: &[&str]) -> Pipeline {
    let pipeline = project.pipeline(changes);
    let none = NoOptions {};
    run_stage::<Ingest>(&pipeline, None, &none).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &none).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &none).expect("tokens");
    run_stage::<Embed>(&pipeline, None, &none).expect("vectors");
    run_stage::<Train>(&pipeline, Some("lstm"), &none).expect("a model");
    pipeline
}

fn evaluate(pipeline: &Pipeline, baseline: Option<PathBuf>) -> Result<Artifact, String> {
    run_stage::<Evaluate>(pipeline, Some("lstm"), &Options { baseline })
}

/// Split, label and probability of every row.
fn predictions(artifact: &Artifact) -> Vec<(String, u8, f32)> {
    let path = artifact.file("predictions.parquet").expect("a whole file");
    let mut rows = Vec::new();
    for batch in read_table(&path, &schema::predictions()).expect("a table") {
        let batch = batch.expect("rows");
        let column = |name: &str| batch.column_by_name(name).expect(name);
        let splits = column("split").as_string::<i32>();
        let labels = column("label").as_primitive::<UInt8Type>();
        let probabilities = column("probability").as_primitive::<Float32Type>();
        rows.extend((0..batch.num_rows()).map(|row| {
            (
                splits.value(row).to_owned(),
                labels.value(row),
                probabilities.value(row),
            )
        }));
    }
    rows
}

fn json(artifact: &Artifact, name: &str) -> Value {
    let text = fs::read(artifact.file(name).expect("a whole file")).expect("it is there");
    serde_json::from_slice(&text).expect("JSON")
}

fn figures(artifact: &Artifact) -> Value {
    json(artifact, "metrics.json")
}

#[test]
fn the_metrics_follow_from_the_predictions() {
    let project = Project::tiny();
    let artifact = evaluate(&trained(&project, &[]), None).expect("an evaluation");
    let rows = predictions(&artifact);
    let test: Vec<_> = rows.iter().filter(|(split, ..)| split == "test").collect();
    let tokens = project.artifact(StageName::Tokenize, "words");
    let expected: u64 = tokens
        .manifest()
        .files
        .iter()
        .filter(|file| file.name == "test.arrow" || file.name == "validation.arrow")
        .filter_map(|file| file.rows)
        .sum();
    assert_eq!(rows.len() as u64, expected);
    assert!(
        rows.iter()
            .all(|(_, _, probability)| (0.0..=1.0).contains(probability))
    );
    let correct = test
        .iter()
        .filter(|(_, label, probability)| (*probability >= 0.5) == (*label == 1));
    let accuracy = correct.count() as f64 / test.len() as f64;
    let found = figures(&artifact);
    let figure = &found["models"]["lstm"]["accuracy"];
    assert_eq!(found["rows"], test.len());
    assert!(
        (figure["value"].as_f64().expect("a figure") - accuracy).abs() < 1e-9,
        "{figure}"
    );
    let model = json(&project.artifact(StageName::Train, "lstm"), "model.json");
    assert_eq!(found["validation"]["lstm"], model["validation"]);
    let positive = test.iter().filter(|row| row.1 == 1).count();
    assert_eq!(found["classes"]["positive"], positive);
    let classes = found["classes"].as_object().expect("classes").values();
    let has_few = classes.into_iter().any(|rows| rows.as_u64() < Some(20));
    let warnings = found["warnings"].to_string();
    assert_eq!(
        warnings.contains("The test split has only"),
        has_few,
        "{found}"
    );
    assert!(figure["low"].as_f64() <= figure["value"].as_f64());
    assert!(figure["value"].as_f64() <= figure["high"].as_f64());
}

#[test]
fn calibration_errors_before_and_after_are_written_for_each_method() {
    for (kind, method) in [
        ("temperature", "logits divided by"),
        ("isotonic", "isotonic"),
    ] {
        let project = Project::tiny();
        let change = format!("model.lstm.calibration=\"{kind}\"");
        let artifact = evaluate(&trained(&project, &[&change]), None).expect("an evaluation");
        let model = json(&project.artifact(StageName::Train, "lstm"), "model.json");
        assert!(model["calibration"][kind].is_number() || model["calibration"][kind].is_array());
        let file = json(&artifact, "calibration.json");
        assert!(
            file["method"]
                .as_str()
                .is_some_and(|text| text.starts_with(method))
        );
        // "After" equals the metrics, "before" differs.
        let brier = &figures(&artifact)["models"]["lstm"]["brier"]["value"];
        assert_eq!(&file["after"]["brier"], brier);
        assert_ne!(file["before"]["brier"], *brier);
        let parts = &file["before"]["brier_parts"];
        let part = |name: &str| parts[name].as_f64().expect("a figure");
        let sum = part("reliability") - part("resolution") + part("uncertainty");
        assert!((sum - file["before"]["brier"].as_f64().expect("a figure")).abs() < 1e-9);
    }
}

#[test]
fn the_most_confident_errors_have_attributions() {
    let project = Project::tiny();
    // With shuffled labels the model learns nothing, so that there are errors.
    let pipeline = trained(&project, &["model.lstm.shuffled_labels=true"]);
    let artifact = evaluate(&pipeline, None).expect("an evaluation");
    let wrong = predictions(&artifact);
    let wrong = wrong.iter().filter(|(split, label, probability)| {
        split == "test" && (*probability >= 0.5) != (*label == 1)
    });
    let explained = json(&artifact, "explanations.json");
    let explained = explained.as_array().expect("a list");
    assert_eq!(explained.len(), wrong.count().min(10));
    assert!(!explained.is_empty());
    let clean = project.artifact(StageName::Clean, "reviews");
    let path = clean.file("clean.parquet").expect("a whole file");
    let mut texts = std::collections::HashMap::new();
    for batch in read_table(&path, &schema::clean()).expect("a table") {
        let batch = batch.expect("rows");
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let text = batch.column(1).as_string::<i32>().value(row).to_owned();
            texts.insert(ids.value(row), text);
        }
    }
    for error in explained {
        let text = &texts[&error["row_id"].as_u64().expect("an id")];
        let words = error["words"].as_array().expect("words");
        assert!(!words.is_empty());
        for word in words {
            let offset = |end: usize| word[end].as_u64().expect("a byte") as usize;
            let word = text.get(offset(0)..offset(1)).expect("whole characters");
            assert!(
                !word.is_empty() && !word.contains(char::is_whitespace),
                "{word}"
            );
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_prediction() {
    let project = Project::tiny();
    let one = evaluate(&trained(&project, &["run.threads=1"]), None).expect("an evaluation");
    let one = predictions(&one);
    let other = Project::tiny();
    // The model is trained with the same number of threads, because that number changes rounding errors.
    let pipeline = trained(&other, &["run.threads=1"]);
    let two = evaluate(
        &Pipeline {
            run: other.pipeline(&["run.threads=2"]).run,
            ..pipeline
        },
        None,
    );
    assert_eq!(one, predictions(&two.expect("an evaluation")));
}

#[test]
fn a_bundle_with_another_tokenizer_is_rejected() {
    let project = Project::tiny();
    let pipeline = trained(&project, &[]);
    let model = project.artifact(StageName::Train, "lstm");
    let path = model.folder().join("tokenizer.json");
    let text = fs::read_to_string(&path).expect("a tokenizer");
    fs::write(
        &path,
        text.replacen("\"version\": \"1.0\"", "\"version\": \"1.1\"", 1),
    )
    .expect("written");
    let error = evaluate(&pipeline, None).expect_err("the tokenizer was replaced");
    assert!(
        error.contains("tokenizer.json") && error.contains("damaged"),
        "{error}"
    );
}

#[test]
fn a_regression_is_an_error_and_the_same_metrics_are_not() {
    let project = Project::tiny();
    let pipeline = trained(&project, &[]);
    let artifact = evaluate(&pipeline, None).expect("an evaluation");
    let own = artifact.folder().join("metrics.json");
    evaluate(&pipeline, Some(own.clone())).expect("no worse than itself");

    // A baseline with almost perfect metrics and without predictions.
    let mut figures = figures(&artifact);
    for figure in figures["models"]["lstm"]
        .as_object_mut()
        .expect("figures")
        .values_mut()
    {
        *figure = serde_json::json!({"value": 0.999, "low": 0.998, "high": 1.0});
    }
    let better = project.folder().join("better.json");
    fs::write(&better, figures.to_string()).expect("written");
    let error = evaluate(&pipeline, Some(better)).expect_err("much worse");
    assert!(error.contains("fell from 99.9"), "{error}");
    // Metrics of other test reviews.
    figures["rows"] = 7.into();
    let other = project.folder().join("other.json");
    fs::write(&other, figures.to_string()).expect("written");
    let error = evaluate(&pipeline, Some(other)).expect_err("other reviews");
    for part in [
        "Failed to compare with the baseline `",
        "The runs are not comparable",
        "different test reviews (7 and ",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let missing =
        evaluate(&pipeline, Some(project.folder().join("none.json"))).expect_err("no file");
    assert!(missing.contains("none.json"), "{missing}");
}
