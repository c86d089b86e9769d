//! Tests of the cross-fitted predictions of linear models, in a temporary folder.

#![allow(missing_docs)]

use artifact::files::{CROSS_FITTED, Prediction, read_predictions};
use std::collections::HashMap;
use std::fmt::Write as _;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use artifact::{Artifact, Split, StageName, read_table, schema};
use classifier::{IdRows, TokenRows};
use clean::Clean;
use evaluate::{Evaluate, Options};
use ingest::Ingest;
use settings::Pipeline;
use stage::NoOptions;
use testkit::{Project, run_stage};
use tokenize::Tokenize;
use train::Train;

const PIPELINE: &str = r#"
[pipeline]
name = "word sequences"
seed = 3
[run]
device = "cpu"
threads = 1
[ingest]
source = "reviews.csv"
[clean]
split = { test = 0.2, validation = 0.25 }
[tokenizer.words]
kind = "word"
min_frequency = 1
max_length = 16
[model.linear]
kind = "linear"
tokenizer = "words"
[evaluation]
bootstrap_samples = 10
"#;

/// 400 reviews of 80 films. One word shows the label, except in every seventh review; the name of the film is in all its
/// reviews.
fn reviews() -> String {
    let mut text = "text,label,group\n".to_owned();
    for row in 0..400 {
        let (film, class) = (row % 80, row / 80 % 2);
        let shown = if row % 7 == 0 { 1 - class } else { class };
        let word = [["bad", "awful"], ["good", "great"]][shown][row % 2];
        writeln!(text, "{word} film{film} scene{row},{class},film {film}").expect("text");
    }
    text
}

fn trained(changes: &[&str]) -> (Project, Pipeline) {
    let project = Project::with_reviews(PIPELINE, &reviews());
    let pipeline = project.pipeline(changes);
    run_stage::<Ingest>(&pipeline, None, &NoOptions {}).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &NoOptions {}).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &NoOptions {}).expect("tokens");
    run_stage::<Train>(&pipeline, None, &NoOptions {}).expect("a model");
    (project, pipeline)
}

fn evaluate(pipeline: &Pipeline) -> Artifact {
    run_stage::<Evaluate>(pipeline, None, &Options::default()).expect("an evaluation")
}

/// The cross-fitted predictions; `None` if there is no such file.
fn cross_fitted_rows(evaluation: &Artifact) -> Option<Vec<Prediction>> {
    evaluation.manifest().file(CROSS_FITTED)?;
    let path = evaluation.file(CROSS_FITTED).expect("a whole file");
    let all = |split| read_predictions(&path, "linear", split).expect("a table");
    assert!(all(Split::Validation).is_empty() && all(Split::Test).is_empty());
    Some(all(Split::Train))
}

fn accuracy(rows: &[Prediction]) -> f64 {
    let correct = rows
        .iter()
        .filter(|row| (row.probability >= 0.5) == (row.label == 1));
    correct.count() as f64 / rows.len() as f64
}

#[test]
fn every_training_review_is_read_by_a_model_that_did_not_learn_from_it() {
    let (project, pipeline) = trained(&[]);
    let evaluation = evaluate(&pipeline);
    let rows = cross_fitted_rows(&evaluation).expect("a table");
    let tokens = project.artifact(StageName::Tokenize, "words");
    let train = TokenRows::open(&tokens, Split::Train).expect("training rows");
    let expected: Vec<(u64, u8)> = (0..train.len())
        .map(|row| (train.row_id(row), train.label(row)))
        .collect();
    let found: Vec<(u64, u8)> = rows.iter().map(|row| (row.row_id, row.label)).collect();
    assert_eq!(found, expected);
    // About 6/7, because the word misleads in every seventh review: the models have not memorised these reviews.
    assert!((0.8..0.9).contains(&accuracy(&rows)), "{}", accuracy(&rows));
    // The predictions file does not contain training rows.
    let path = evaluation
        .file("predictions.parquet")
        .expect("a whole file");
    let among = read_predictions(&path, "linear", Split::Train).expect("a table");
    assert!(among.is_empty());
    // With fewer folds the models learn from fewer reviews.
    let other = evaluate(&project.pipeline(&["evaluation.folds=2"]));
    assert_ne!(cross_fitted_rows(&other).expect("a table"), rows);
    // Without folds there is no file.
    let none = evaluate(&project.pipeline(&["evaluation.folds=0"]));
    assert_eq!(cross_fitted_rows(&none), None);
    assert!(none.manifest().settings.get("folds").is_none());
}

#[test]
fn predictions_do_not_depend_on_the_number_of_threads() {
    let (project, pipeline) = trained(&[]);
    let one = cross_fitted_rows(&evaluate(&pipeline));
    let two = project.pipeline(&["run.threads=2"]);
    let (other, _) = trained(&[]);
    let pipeline = other.pipeline(&[]);
    let two = evaluate(&Pipeline {
        run: two.run,
        ..pipeline
    });
    assert!(one.is_some());
    assert_eq!(one, cross_fitted_rows(&two));
}

#[test]
fn a_model_of_some_reviews_is_cross_fitted_on_the_same_reviews() {
    let (project, pipeline) = trained(&["model.linear.reviews=100"]);
    let rows = cross_fitted_rows(&evaluate(&pipeline)).expect("a table");
    assert_eq!(rows.len(), 100);
    let tokens = project.artifact(StageName::Tokenize, "words");
    let model = &pipeline.models["linear"];
    let kept = TokenRows::open_training_rows(&tokens, model).expect("training rows");
    assert!((0..100).all(|row| rows[row].row_id == kept.row_id(row)));
    // Their labels are the true ones.
    let clean = project.artifact(StageName::Clean, "reviews");
    let mut truth: HashMap<u64, bool> = HashMap::new();
    let path = clean.file("clean.parquet").expect("a whole file");
    for batch in read_table(&path, &schema::clean()).expect("a table") {
        let batch = batch.expect("rows");
        let ids = batch.column(0).as_primitive::<UInt64Type>();
        let texts = batch.column(1).as_string::<i32>();
        truth.extend((0..batch.num_rows()).map(|row| {
            let number = texts.value(row).rsplit("scene").next().unwrap_or_default();
            let number: usize = number.parse().expect("a number");
            (ids.value(row), number / 80 % 2 == 1)
        }));
    }
    assert!(
        rows.iter()
            .all(|row| truth[&row.row_id] == (row.label == 1))
    );
}

#[test]
fn shuffled_labels_are_not_cross_fitted() {
    let (_project, pipeline) = trained(&["model.linear.shuffled_labels=true"]);
    assert_eq!(cross_fitted_rows(&evaluate(&pipeline)), None);
}
