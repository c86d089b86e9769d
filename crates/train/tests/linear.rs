//! The linear model through its stage: it learns, its bundle gives the same scores, and shuffled labels teach nothing.

#![allow(missing_docs)]

mod common;

use std::fs;

use artifact::{Artifact, Contract, Split, StageName};
use bundle::{Calibration, ModelFile};
use classifier::{IdRows, TokenRows};
use clean::Clean;
use common::reviews;
use ingest::Ingest;
use linear::NgramModel;
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
"#;

fn project() -> Project {
    let project = Project::with_reviews(PIPELINE, &reviews(true));
    let pipeline = project.pipeline(&[]);
    run_stage::<Ingest>(&pipeline, None, &NoOptions {}).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &NoOptions {}).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, None, &NoOptions {}).expect("tokens");
    project
}

fn train(project: &Project, changes: &[&str]) -> Result<Artifact, String> {
    run_stage::<Train>(&project.pipeline(changes), None, &NoOptions {})
}

/// The share of test rows that a bundle predicts correctly.
fn accuracy(project: &Project, bundle: &Artifact) -> f64 {
    let model = NgramModel::load(&bundle.file("model.safetensors").expect("a file"));
    let model = model.expect("a model");
    let tokens = project.artifact(StageName::Tokenize, "words");
    let rows = TokenRows::open(&tokens, Split::Test).expect("test rows");
    let correct = (0..rows.len())
        .filter(|row| (model.score(&rows.ids(*row)) > 0.0) == (rows.label(*row) == 1));
    correct.count() as f64 / rows.len() as f64
}

#[test]
fn it_learns_sentiment_words_and_its_bundle_is_complete() {
    let project = project();
    let bundle = train(&project, &[]).expect("a model");
    assert!(accuracy(&project, &bundle) > 0.97);
    let model = ModelFile::load(bundle.folder()).expect("a description");
    assert!(model.validation.accuracy > 0.97 && model.provenance.embedding.is_none());
    assert!(matches!(model.calibration, Calibration::Temperature(found) if found > 0.0));
    let Contract::Model { width, .. } = bundle.manifest().contract else {
        panic!("it is a model");
    };
    assert_eq!(model.parameters, u64::from(width) + 1);
    let card = fs::read_to_string(bundle.file("README.md").expect("a file")).expect("text");
    assert!(
        card.contains("because the penalty was chosen on validation"),
        "{card}"
    );
    assert!(
        !card.contains("epoch") && !card.contains("embedding"),
        "{card}"
    );
    let record = fs::read_to_string(bundle.file("metrics.jsonl").expect("a file")).expect("text");
    assert!(
        record.lines().count() >= 3 && record.contains("calibrated_loss"),
        "{record}"
    );

    // The same run gives the same bytes; shorter n-grams give another model.
    let identity = bundle.identity();
    fs::remove_dir_all(bundle.folder()).expect("removed");
    assert_eq!(train(&project, &[]).expect("a model").identity(), identity);
    let shorter = train(&project, &["model.linear.ngrams.longest=1"]).expect("a model");
    let Contract::Model { width: fewer, .. } = shorter.manifest().contract else {
        panic!("it is a model");
    };
    assert!(fewer < width, "{fewer} {width}");
}

#[test]
fn shuffled_labels_teach_nothing_and_few_reviews_teach_little() {
    let project = project();
    let shuffled = train(&project, &["model.linear.shuffled_labels=true"]).expect("a model");
    let chance = accuracy(&project, &shuffled);
    assert!((0.2..0.8).contains(&chance), "{chance}");

    let few = train(
        &project,
        &["model.linear.reviews=12", "model.linear.ngrams.min_count=1"],
    );
    let few = few.expect("a model");
    assert!(
        few.manifest().run.summary.contains("12 training reviews"),
        "{:?}",
        few.manifest().run
    );
    let all = accuracy(&project, &train(&project, &[]).expect("a model"));
    assert!(accuracy(&project, &few) <= all);
}

#[test]
fn impossible_settings_are_refused_with_a_hint() {
    let project = project();
    let error = train(&project, &["model.linear.ngrams.min_count=500"]).expect_err("too rare");
    assert!(
        error.contains("at least 500 training reviews") && error.contains("min_count"),
        "{error}"
    );
    for (change, part) in [
        (
            "model.linear.embedding=words",
            "reads tokens and no vectors",
        ),
        ("model.linear.ngrams.longest=7", "must be from 1 to 6"),
        ("model.linear.training.epochs=3", "its loss is minimal"),
        ("model.linear.tokenizer=wrods", "Did you mean `words`?"),
        (
            "model.linear.ngrams.smoothing=0",
            "model.linear.ngrams.smoothing",
        ),
    ] {
        let found = project.load_error(&[change]);
        assert!(found.contains(part), "{change}: {found}");
    }
}
