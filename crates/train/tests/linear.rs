//! The linear model through its stage: it learns, its bundle says the same, and controls hold.

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

/// Share of the test rows that a bundle is right about.
fn accuracy(project: &Project, bundle: &Artifact) -> f64 {
    let model = NgramModel::load(&bundle.file("model.safetensors").expect("a file"));
    let model = model.expect("a model");
    let tokens = project.artifact(StageName::Tokenize, "words");
    let rows = TokenRows::open(&tokens, Split::Test).expect("test rows");
    let right = (0..rows.len())
        .filter(|row| (model.difference(&rows.ids(*row)) > 0.0) == (rows.label(*row) == 1));
    right.count() as f64 / rows.len() as f64
}

#[test]
fn it_learns_which_words_tell_and_its_bundle_is_whole() {
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
    let course = fs::read_to_string(bundle.file("metrics.jsonl").expect("a file")).expect("text");
    assert!(
        course.lines().count() >= 3 && course.contains("calibrated_loss"),
        "{course}"
    );

    // The same again, to the bit; fewer words, another model.
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
fn shuffled_labels_teach_nothing_and_few_reviews_little() {
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
        few.manifest().run.summary.starts_with("12 train reviews"),
        "{:?}",
        few.manifest().run
    );
    let all = accuracy(&project, &train(&project, &[]).expect("a model"));
    assert!(accuracy(&project, &few) <= all);
}

#[test]
fn what_cannot_be_is_said_with_what_to_change() {
    let project = project();
    let error = train(&project, &["model.linear.ngrams.min_count=500"]).expect_err("too rare");
    assert!(
        error.contains("500 training reviews or more") && error.contains("min_count"),
        "{error}"
    );
    for (change, part) in [
        ("model.linear.embedding=words", "reads words and no vectors"),
        ("model.linear.ngrams.longest=7", "must be 1 to 6"),
        ("model.linear.training.epochs=3", "fitted to its minimum"),
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
