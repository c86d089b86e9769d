//! `predict` gives the same probabilities as the evaluation in the pipeline, for every kind of model, tokenizer and
//! truncation.

#![allow(missing_docs)]

use std::collections::HashMap;

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, UInt64Type};
use artifact::{Artifact, StageName, read_table, schema};
use bundle::{Predictor, find};
use classifier::NETWORKS;
use clean::Clean;
use embed::Embed;
use evaluate::{Evaluate, Options};
use ingest::Ingest;
use settings::Pipeline;
use stage::NoOptions;
use testkit::{Project, corpus, run_stage};
use tokenize::Tokenize;
use train::Train;

/// A pipeline with every kind of model, every truncation, windows, and non-default cleaning.
const PIPELINE: &str = r#"
[pipeline]
name = "Variants"
seed = 7

[run]
device = "cpu"

[ingest]
source = "reviews.csv"

[clean]
split = { test = 0.25, validation = 0.2 }
mask_scores = true

[tokenizer.words]
kind = "word"
vocabulary_size = 300
min_frequency = 1
max_length = 7
truncation = "head_tail"

[tokenizer.pieces]
kind = "bpe"
vocabulary_size = 320
max_length = 9
truncation = "tail"

[tokenizer.own]
kind = "pretrained"
source = "encoder/tokenizer.json"
max_length = 12

[tokenizer.whole]
kind = "pretrained"
source = "encoder/tokenizer.json"
max_length = 2000

[embedding.random]
kind = "random"
tokenizer = "words"
width = 8

[embedding.of_pieces]
kind = "random"
tokenizer = "pieces"
width = 8

[embedding.encoder]
kind = "encoder"
tokenizer = "own"
source = "encoder"

[embedding.long]
kind = "encoder"
tokenizer = "whole"
source = "encoder"

[embedding.features]
kind = "features"
encoder = "encoder"
features = { layers = [-1, 0], pooling = ["mean", "max"] }

[embedding.windows]
kind = "features"
encoder = "encoder"
tokenizer = "whole"
features = { windows = { length = 6, overlap = 2 } }

[training]
epochs = 2
batch_size = 8
learning_rate = 0.01

[model.linear]
kind = "linear"
tokenizer = "words"

[model.linear_pieces]
kind = "linear"
tokenizer = "pieces"

[model.naive]
kind = "naive"
embedding = "random"

[model.cnn]
kind = "cnn"
embedding = "of_pieces"

[model.rnn]
kind = "rnn"
embedding = "random"
hidden = 8

[model.gru]
kind = "gru"
embedding = "of_pieces"
hidden = 8
bidirectional = true
pooling = "max"

[model.lstm]
kind = "lstm"
embedding = "random"
hidden = 8
pooling = "attention"

[model.transfer]
kind = "transformer"
embedding = "encoder"

[model.transfer_windows]
kind = "transformer"
embedding = "long"
windows = { length = 8, overlap = 2 }

[model.probe]
kind = "probe"
embedding = "features"

[model.parts]
kind = "probe"
embedding = "windows"

[model.best]
kind = "best_of_sweep"
sweep = "rates"

[sweep.rates]
model = "naive"
over = { "training.learning_rate" = [0.0001, 0.01] }

[ensemble.together]
models = ["linear_pieces", "gru", "parts"]

[evaluation]
bootstrap_samples = 10
"#;

fn run(pipeline: &Pipeline) {
    let none = NoOptions {};
    for step in pipeline.steps() {
        let variant = Some(step.id.variant.as_str());
        let result = match step.id.stage {
            StageName::Ingest => run_stage::<Ingest>(pipeline, None, &none),
            StageName::Clean => run_stage::<Clean>(pipeline, None, &none),
            StageName::Tokenize => run_stage::<Tokenize>(pipeline, variant, &none),
            StageName::Embed => run_stage::<Embed>(pipeline, variant, &none),
            StageName::Train => run_stage::<Train>(pipeline, variant, &none),
            StageName::Evaluate => run_stage::<Evaluate>(pipeline, variant, &Options::default()),
            StageName::Report => continue,
        };
        result.unwrap_or_else(|error| panic!("{}: {error}", step.id));
    }
}

/// The original texts of the reviews, by row id.
fn raw_texts(reviews: &Artifact) -> HashMap<u64, String> {
    let path = reviews.file("reviews.parquet").expect("a complete file");
    let mut texts = HashMap::new();
    for batch in read_table(&path, &schema::reviews()).expect("a table") {
        let batch = batch.expect("rows");
        let column = |name: &str| batch.column_by_name(name).expect(name);
        let ids = column("row_id").as_primitive::<UInt64Type>();
        let found = column("text").as_string::<i32>();
        texts
            .extend((0..batch.num_rows()).map(|row| (ids.value(row), found.value(row).to_owned())));
    }
    texts
}

/// Row ids and probabilities of an evaluation.
fn evaluated(evaluation: &Artifact) -> Vec<(u64, f32)> {
    let path = evaluation
        .file("predictions.parquet")
        .expect("a complete file");
    let mut rows = Vec::new();
    for batch in read_table(&path, &schema::predictions()).expect("a table") {
        let batch = batch.expect("rows");
        let column = |name: &str| batch.column_by_name(name).expect(name);
        let ids = column("row_id").as_primitive::<UInt64Type>();
        let probabilities = column("probability").as_primitive::<Float32Type>();
        rows.extend((0..batch.num_rows()).map(|row| (ids.value(row), probabilities.value(row))));
    }
    rows
}

#[test]
fn predictions_for_raw_texts_match_the_evaluation() {
    // Every text has everything that cleaning changes.
    let csv = corpus::kaggle_csv()
        .replace(" the ", "<br /><br />The \u{201c}so-called\u{201d} ")
        .replace(" is ", " i&#115;&nbsp; 8/10 and  is\u{200b} ");
    let project = Project::with_reviews(PIPELINE, &csv);
    testkit::write_tiny_encoder(&project.folder().join("encoder"));
    let pipeline = project.pipeline(&[]);
    run(&pipeline);
    let texts = raw_texts(&project.artifact(StageName::Ingest, "reviews"));
    let names = pipeline.models.keys().map(String::as_str);
    let names: Vec<&str> = names.chain(["together"]).collect();
    assert_eq!(names.len(), 13);
    for name in names {
        let location = find::named(&pipeline, name).expect("it is trained");
        let predictor = Predictor::load(&location, &pipeline.run, Some(NETWORKS))
            .expect("the bundle is complete");
        let rows = evaluated(&project.artifact(StageName::Evaluate, name));
        assert!(rows.len() >= 20, "{name}: {} rows", rows.len());
        let raw: Vec<&str> = rows.iter().map(|(id, _)| texts[id].as_str()).collect();
        let predicted = predictor.probabilities(&raw).expect("predictions");
        let mut distinct = rows
            .iter()
            .map(|(_, value)| value.to_bits())
            .collect::<Vec<_>>();
        distinct.dedup();
        assert!(distinct.len() > 3, "{name} predicts the same for all texts");
        for ((id, expected), found) in rows.iter().zip(&predicted) {
            let found = found.expect("a non-empty text");
            assert!(
                (found - expected).abs() < 1e-5,
                "{name}, row {id}: {found} instead of {expected}"
            );
        }
        // The explanation has the cleaned text and non-zero weights.
        let answers = predictor.predict(&raw[..1], true).expect("an answer");
        let answer = answers[0].as_ref().expect("a non-empty text");
        let explained = answer.explanation.as_ref().expect("an explanation");
        assert!(!explained.text.contains("<br") && !explained.text.contains("8/10"));
        assert!(
            explained.words.iter().any(|word| word.weight != 0.0),
            "{name}"
        );
        assert_eq!(
            predictor.probabilities(&["", " <br /> "]).expect("nothing"),
            [None, None]
        );
    }
}

#[test]
fn a_bundle_without_its_normalisation_is_refused() {
    let project = Project::tiny();
    let pipeline = project.pipeline(&[]);
    run(&pipeline);
    let bundle = project.artifact(StageName::Train, "naive");
    let copy = project.folder().join("copy");
    std::fs::create_dir(&copy).expect("a folder");
    for name in ["model.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(bundle.folder().join(name), copy.join(name)).expect("copied");
    }
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let path = copy.join("model.json");
        let text = std::fs::read(bundle.folder().join("model.json")).expect("it is there");
        let mut model: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        change(&mut model);
        std::fs::write(&path, model.to_string()).expect("written");
        let location = find::in_folder(&copy).expect("a bundle");
        let failure = Predictor::load(&location, &pipeline.run, Some(NETWORKS))
            .expect_err("the bundle is refused");
        failure.chain().join(": ") + " | " + failure.hint().unwrap_or_default()
    };
    let without_normalization = refused(&|model| {
        model
            .as_object_mut()
            .expect("an object")
            .remove("normalization");
    });
    assert!(
        without_normalization.contains("has no `normalization`")
            && without_normalization.contains("ressenti run --only train --force"),
        "{without_normalization}"
    );
    let other = refused(&|model| model["normalization"]["version"] = 99.into());
    assert!(
        other.contains("cleaned with version 99 of the rules"),
        "{other}"
    );
    // A program without libtorch refuses a network, too.
    let location = find::named(&pipeline, "naive").expect("it is trained");
    let failure = Predictor::load(&location, &pipeline.run, None).expect_err("it is a network");
    assert!(
        failure.chain()[0].contains("this program supports only linear models"),
        "{failure:?}"
    );
}
