//! The train stage in a temporary folder: every network learns, and the outputs are reproducible.

#![allow(missing_docs)]

mod common;

use std::fs;
use std::ops::ControlFlow;

use artifact::{Artifact, Split, StageName};
use bundle::Calibration;
use classifier::{Bundle, IdRows, Inference, MemoryLimit, Replica, TokenRows};
use clean::Clean;
use common::reviews;
use embed::Embed;
use ingest::Ingest;
use metrics::fit_temperature;
use serde_json::Value;
use stage::NoOptions;
use tch::{Device, Kind};
use testkit::{Project, run_stage, write_tiny_encoder};
use tokenize::Tokenize;
use train::Train;

const PIPELINE: &str = r#"
[pipeline]
name = "Rules"
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
[embedding.random]
kind = "random"
tokenizer = "words"
width = 12
[training]
epochs = 6
batch_size = 16
learning_rate = 0.01
patience = 0
log_every = 1
[model.net]
kind = "naive"
embedding = "random"
hidden = 12
dropout = 0.1
"#;

fn build(project: &Project, changes: &[&str]) -> Result<Artifact, String> {
    let pipeline = project.pipeline(changes);
    run_stage::<Ingest>(&pipeline, None, &NoOptions {})?;
    run_stage::<Clean>(&pipeline, None, &NoOptions {})?;
    run_stage::<Tokenize>(&pipeline, None, &NoOptions {})?;
    run_stage::<Embed>(&pipeline, None, &NoOptions {})?;
    run_stage::<Train>(&pipeline, None, &NoOptions {})
}

fn train(changes: &[&str]) -> Result<(Project, Artifact), String> {
    let project = Project::with_reviews(PIPELINE, &reviews(true));
    let artifact = build(&project, changes)?;
    Ok((project, artifact))
}

fn weights(artifact: &Artifact) -> Vec<u8> {
    fs::read(artifact.file("model.safetensors").expect("a whole file")).expect("weights")
}

fn model(artifact: &Artifact) -> Value {
    let text = fs::read(artifact.file("model.json").expect("a whole file")).expect("a description");
    serde_json::from_slice(&text).expect("JSON")
}

fn validation(artifact: &Artifact, figure: &str) -> f64 {
    model(artifact)["validation"][figure]
        .as_f64()
        .expect("a figure")
}

#[test]
fn every_network_learns_the_rule_of_the_reviews() {
    for changes in [
        vec!["model.net.kind=naive"],
        vec!["model.net.kind=cnn", "model.net.filters=12"],
        vec!["model.net.kind=rnn", "model.net.pooling=max"],
        vec![
            "model.net.kind=lstm",
            "model.net.pooling=attention",
            "model.net.bidirectional=true",
        ],
        vec![
            "model.net.kind=gru",
            "model.net.pooling=last",
            "model.net.bidirectional=true",
        ],
        vec![
            "model.net.kind=gru",
            "model.net.pooling=mean",
            "model.net.layers=2",
        ],
    ] {
        let (_project, artifact) = train(&changes).expect("a model");
        let accuracy = validation(&artifact, "accuracy");
        assert!(accuracy > 0.95, "{changes:?}: {accuracy}");
    }
}

#[test]
fn unrelated_labels_cannot_be_learned() {
    let project = Project::with_reviews(PIPELINE, &reviews(false));
    let artifact = build(&project, &[]).expect("a model");
    let accuracy = validation(&artifact, "accuracy");
    assert!((0.3..0.7).contains(&accuracy), "{accuracy}");
}

#[test]
fn equal_seeds_give_equal_bytes() {
    let gru = ["model.net.kind=gru", "training.epochs=2"];
    let one = train(&gru).expect("a model");
    let two = train(&gru).expect("a model");
    assert_eq!(weights(&one.1), weights(&two.1));
    assert_eq!(one.1.identity(), two.1.identity());
    let other = train(&[
        "model.net.kind=gru",
        "training.epochs=2",
        "model.net.seed=4",
    ]);
    assert_ne!(weights(&one.1), weights(&other.expect("a model").1));
}

#[test]
fn accumulation_does_not_change_the_result() {
    let plain = ["model.net.dropout=0", "model.net.embedding_dropout=0"];
    let (_project, whole) = train(&plain).expect("a model");
    let parts = [plain[0], plain[1], "training.accumulation=2"];
    let (_project, halves) = train(&parts).expect("a model");
    let difference = (validation(&whole, "loss") - validation(&halves, "loss")).abs();
    assert!(difference < 1e-4, "{difference}");
}

/// On a CPU a batch is divided into shards of a size from the settings, and the cores share them. Dropout, word
/// dropout and the order of sums depend on the shards, not on the threads.
#[test]
fn the_weights_do_not_depend_on_the_number_of_threads() {
    for kind in ["model.net.kind=gru", "model.net.kind=naive"] {
        let plain = [
            kind,
            "training.epochs=2",
            "training.shard_size=3",
            "model.net.word_dropout=0.2",
        ];
        // The project must live as long as its artifact is read.
        let with = |more: &[&str]| train(&[&plain[..], more].concat()).expect("a model");
        let one = with(&["run.threads=1"]);
        for threads in ["run.threads=2", "run.threads=3", "run.threads=7"] {
            assert_eq!(weights(&with(&[threads]).1), weights(&one.1), "{threads}");
        }
        let other = with(&["run.threads=1", "training.shard_size=4"]);
        assert_ne!(weights(&other.1), weights(&one.1), "{kind}");
    }
}

#[test]
fn the_weights_of_the_best_epoch_are_written() {
    let changes = [
        "training.epochs=12",
        "training.learning_rate=0.08",
        "model.net.kind=rnn",
    ];
    let (_project, artifact) = train(&changes).expect("a model");
    let path = artifact.file("metrics.jsonl").expect("a whole file");
    let text = fs::read_to_string(path).expect("a record");
    let epochs: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|line: &Value| line["event"] == "epoch")
        .collect();
    let loss = |line: &Value| line["validation_loss"].as_f64().expect("a loss");
    let best = epochs
        .iter()
        .min_by(|one, two| loss(one).total_cmp(&loss(two)))
        .expect("epochs");
    let model = model(&artifact);
    assert_eq!((epochs.len(), &model["epochs"]), (12, &Value::from(12)));
    assert_eq!(model["best_epoch"], best["epoch"]);
    assert_eq!(validation(&artifact, "loss"), loss(best));
    assert!(text.lines().any(|line| line.contains("\"step\"")));
}

#[test]
fn training_never_reads_the_test_rows() {
    let project = Project::with_reviews(PIPELINE, &reviews(true));
    let (_other, expected) = train(&[]).expect("a model");
    let pipeline = project.pipeline(&[]);
    run_stage::<Ingest>(&pipeline, None, &NoOptions {}).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &NoOptions {}).expect("clean reviews");
    let tokens = run_stage::<Tokenize>(&pipeline, None, &NoOptions {}).expect("tokens");
    run_stage::<Embed>(&pipeline, None, &NoOptions {}).expect("vectors");
    let test = tokens.folder().join("test.arrow");
    let length = fs::metadata(&test).expect("a file").len();
    fs::write(&test, vec![0xA5; length as usize]).expect("overwritten");
    let found = run_stage::<Train>(&pipeline, None, &NoOptions {}).expect("a model");
    assert_eq!(weights(&found), weights(&expected));
}

#[test]
fn a_non_finite_loss_is_an_error() {
    let error =
        train(&["training.learning_rate=1e30", "training.clip_norm=0"]).expect_err("too fast");
    let (message, hint) = error.split_once(" | ").expect("a hint");
    assert!(
        message.starts_with("The loss is not finite at step "),
        "{message}"
    );
    assert!(hint.contains("--set training.learning_rate="), "{hint}");
}

fn transformer(changes: &[&str]) -> (Project, Artifact) {
    let pipeline = PIPELINE
        .replace(
            "kind = \"word\"\nmin_frequency = 1",
            "kind = \"pretrained\"\nsource = \"encoder/tokenizer.json\"",
        )
        .replace(
            "kind = \"random\"",
            "kind = \"encoder\"\nsource = \"encoder\"",
        )
        .replace("width = 12", "")
        .replace("kind = \"naive\"", "kind = \"transformer\"");
    let project = Project::with_reviews(&pipeline, &reviews(true));
    write_tiny_encoder(&project.folder().join("encoder"));
    let artifact = build(&project, changes).expect("a model");
    (project, artifact)
}

#[test]
fn an_encoder_is_fine_tuned_in_both_number_formats() {
    for precision in ["f32", "bf16"] {
        let (_project, artifact) = transformer(&[
            &format!("training.precision={precision}"),
            "training.epochs=12",
        ]);
        let accuracy = validation(&artifact, "accuracy");
        assert!(accuracy > 0.95, "{precision}: {accuracy}");
        for name in ["config.json", "tokenizer_config.json"] {
            artifact.file(name).expect("transformers needs it");
        }
    }
}

#[test]
fn calibration_is_fitted_in_the_number_format_of_predictions() {
    let (project, artifact) = transformer(&["training.precision=bf16", "training.epochs=3"]);
    let bundle = Bundle::load(artifact.folder(), Device::Cpu).expect("a bundle");
    let tokens = project.artifact(StageName::Tokenize, "words");
    let rows = TokenRows::open(&tokens, Split::Validation).expect("rows");
    let labels: Vec<u8> = (0..rows.len()).map(|row| rows.label(row)).collect();
    let temperature_in = |kind| {
        let mut replicas = [Replica::new(&bundle.network, &bundle.weights, kind)];
        let inference = Inference {
            network: &bundle.network,
            rows: &rows,
            pad_id: bundle.model.tokenizer.pad_id,
            device: Device::Cpu,
            memory: &MemoryLimit::default(),
            progress: &|_| ControlFlow::Continue(()),
        };
        let logits = inference.logits(&mut replicas, 32);
        let scores = logits.expect("logits").scores();
        let scores: Vec<f32> = scores.iter().map(|value| *value as f32).collect();
        fit_temperature(&scores, &labels).expect("a temperature")
    };
    let Calibration::Temperature(found) = bundle.model.calibration else {
        panic!("{:?}", bundle.model.calibration);
    };
    // A CPU predicts in f32, whatever format training used.
    assert!((found - temperature_in(Kind::Float)).abs() < 1e-9 * found);
    assert!((found - temperature_in(Kind::BFloat16)).abs() > 1e-6 * found);
}

#[test]
fn frozen_layers_do_not_change() {
    let (project, artifact) = transformer(&["model.net.frozen_layers=1", "training.epochs=1"]);
    let bytes = [
        weights(&artifact),
        fs::read(project.folder().join("encoder/model.safetensors")).expect("weights"),
    ];
    let [tuned, before] = bytes
        .each_ref()
        .map(|bytes| safetensors::SafeTensors::deserialize(bytes).expect("tensors"));
    let changed = |name: &str| {
        tuned.tensor(name).expect(name).data() != before.tensor(name).expect(name).data()
    };
    for frozen in [
        "bert.embeddings.word_embeddings.weight",
        "bert.embeddings.LayerNorm.weight",
        "bert.encoder.layer.0.attention.self.key.weight",
        "bert.encoder.layer.0.output.LayerNorm.bias",
    ] {
        assert!(!changed(frozen), "{frozen}");
    }
    for learned in [
        "bert.encoder.layer.1.attention.self.value.weight",
        "bert.pooler.dense.bias",
    ] {
        assert!(changed(learned), "{learned}");
    }
}
