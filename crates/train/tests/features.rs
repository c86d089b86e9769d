//! Features of an encoder, the probe on them, adaptation, and interrupted runs.

#![allow(missing_docs)]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use artifact::{Artifact, Contract, Digest, Split, StageName};
use classifier::{Bundle, FeatureRows, Inference, Replica, TokenContract, TokenRows};
use clean::Clean;
use common::reviews;
use embed::Embed;
use ingest::Ingest;
use stage::NoOptions;
use tch::{Device, Kind};
use testkit::{Project, program, run_stage, write_tiny_encoder};
use tokenize::Tokenize;
use train::Train;

const PIPELINE: &str = r#"
[pipeline]
name = "features"
seed = 3
[run]
device = "cpu"
[ingest]
source = "reviews.csv"
[clean]
split = { test = 0.25, validation = 0.2 }
[tokenizer.own]
kind = "pretrained"
source = "encoder/tokenizer.json"
max_length = 24
[embedding.encoder]
kind = "encoder"
tokenizer = "own"
source = "encoder"
[embedding.features]
kind = "features"
encoder = "encoder"
[model.probe]
kind = "probe"
embedding = "features"
"#;

fn project() -> Project {
    let project = Project::with_reviews(PIPELINE, &reviews(true));
    write_tiny_encoder(&project.folder().join("encoder"));
    let pipeline = project.pipeline(&[]);
    run_stage::<Ingest>(&pipeline, None, &NoOptions {}).expect("reviews");
    run_stage::<Clean>(&pipeline, None, &NoOptions {}).expect("clean reviews");
    run_stage::<Tokenize>(&pipeline, Some("own"), &NoOptions {}).expect("tokens");
    run_stage::<Embed>(&pipeline, Some("encoder"), &NoOptions {}).expect("an encoder");
    project
}

fn build(project: &Project, changes: &[&str]) -> Result<Artifact, String> {
    run_stage::<Embed>(&project.pipeline(changes), Some("features"), &NoOptions {})
}

fn shards(artifact: &Artifact) -> Vec<String> {
    let files = artifact.manifest().files.iter();
    let names = files.map(|file| file.name.clone());
    names.filter(|name| name.ends_with(".arrow")).collect()
}

/// The resume directory of this step, with the shards of an interrupted run.
fn resume_directory(project: &Project, artifact: &Artifact) -> PathBuf {
    let name = artifact
        .folder()
        .file_name()
        .expect("a key")
        .to_string_lossy();
    project
        .folder()
        .join(format!("artifacts/work/embed-{name}.kept"))
}

/// Fills the resume directory as a run that was killed after these shards.
fn write_shards(folder: &Path, artifact: &Artifact, names: &[&str]) {
    fs::create_dir_all(folder).expect("a folder");
    for name in names {
        let path = folder.join(name);
        fs::copy(artifact.folder().join(name), &path).expect("copied");
        let digest = Digest::of_file(&path).expect("a file");
        fs::write(path.with_extension("digest"), digest.to_hex()).expect("written");
    }
}

#[test]
fn every_labelled_review_has_features() {
    let project = project();
    let artifact =
        build(&project, &["embedding.features.features.layers=[-1, 0]"]).expect("features");
    let Contract::Features { width, classes, .. } = &artifact.manifest().contract else {
        panic!("not features: {:?}", artifact.manifest().contract);
    };
    assert_eq!((*width, classes.len()), (16, 2));
    assert_eq!(
        shards(&artifact),
        [
            "test-00000.arrow",
            "train-00000.arrow",
            "validation-00000.arrow"
        ]
    );
    let tokens = project.artifact(StageName::Tokenize, "own");
    for split in ["train", "validation", "test"] {
        let rows = |artifact: &Artifact, start: &str| -> u64 {
            let files = artifact.manifest().files.iter();
            files
                .filter(|file| file.name.starts_with(start))
                .filter_map(|file| file.rows)
                .sum()
        };
        let found = rows(&artifact, &format!("{split}-"));
        assert_eq!(found, rows(&tokens, &format!("{split}.")), "{split}");
        assert!(found > 0);
    }
    assert!(
        !resume_directory(&project, &artifact).exists(),
        "the resume directory is deleted"
    );
}

#[test]
fn an_interrupted_run_repeats_only_the_current_shard() {
    let project = project();
    let whole = build(&project, &[]).expect("features");
    let identity = whole.identity();
    let directory = resume_directory(&project, &whole);
    write_shards(
        &directory,
        &whole,
        &["train-00000.arrow", "validation-00000.arrow"],
    );
    // One shard is incomplete although its digest was written, and one has no digest.
    let damaged = directory.join("validation-00000.arrow");
    let bytes = fs::read(&damaged).expect("a shard");
    fs::write(&damaged, &bytes[..bytes.len() / 2]).expect("written");
    fs::write(directory.join("test-00000.arrow"), "half").expect("written");
    fs::remove_dir_all(whole.folder()).expect("removed");

    let again = build(&project, &[]).expect("features");
    let train = again
        .manifest()
        .files
        .iter()
        .find(|file| file.name.starts_with("train-"));
    let rows = train.and_then(|file| file.rows).expect("rows");
    let summary = &again.manifest().run.summary;
    let expected = format!("({rows} reviews from an interrupted run)");
    assert!(summary.contains(&expected), "{summary}");
    assert_eq!(again.identity(), identity, "the same bytes");
    assert!(!directory.exists());
}

/// The bundle contains the encoder: its scores for tokens equal the probe's scores for features.
#[test]
fn a_probe_learns_and_its_bundle_contains_the_encoder() {
    let project = project();
    let features = [
        "embedding.features.features={ layers = [-1, 0], pooling = [\"mean\", \"max\"], precision = \"f32\" }",
    ];
    let artifact = build(&project, &features).expect("features");
    let pipeline = project.pipeline(&features);
    let model = run_stage::<Train>(&pipeline, None, &NoOptions {}).expect("a probe");
    let bundle = Bundle::load(model.folder(), Device::Cpu).expect("a bundle");
    let accuracy = bundle.model.validation.accuracy;
    assert!(accuracy > 0.95, "{accuracy}");

    let tokens = project.artifact(StageName::Tokenize, "own");
    let contract = TokenContract::of(&tokens).expect("tokens");
    let rows = TokenRows::open(&tokens, Split::Test).expect("test rows");
    let mut replicas = [Replica::new(&bundle.network, &bundle.weights, Kind::Float)];
    let inference = Inference {
        network: &bundle.network,
        rows: &rows,
        pad_id: contract.pad_id,
        device: Device::Cpu,
        memory: &classifier::MemoryLimit::default(),
        progress: &|_| ControlFlow::Continue(()),
    };
    let logits = inference.logits(&mut replicas, 16).expect("logits");
    let found = logits.scores();
    let computed = FeatureRows::open(&artifact, &contract, Split::Test).expect("features");
    let expected = bundle.score_features(&computed.values).expect("logits");
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
    }
}

/// The words of these reviews can be predicted from the words around them.
#[test]
fn an_adapted_encoder_predicts_more_masked_tokens_and_is_reproducible() {
    let project = project();
    let adapted =
        ["embedding.encoder.adaptation={ epochs = 3, learning_rate = 0.01, batch_size = 8 }"];
    let build = || {
        let pipeline = project.pipeline(&adapted);
        run_stage::<Embed>(&pipeline, Some("encoder"), &NoOptions {}).expect("an encoder")
    };
    let artifact = build();
    let path = artifact.file("adaptation.json").expect("figures");
    let figures: serde_json::Value =
        serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
    let loss = |when: &str| figures[when]["loss"].as_f64().expect("a number");
    assert!(loss("after") < 0.9 * loss("before"), "{figures}");
    assert!(
        figures["hidden_validation_tokens"]
            .as_u64()
            .expect("a number")
            > 20
    );
    // The same run gives the same weights.
    let identity = artifact.identity();
    fs::remove_dir_all(artifact.folder()).expect("removed");
    assert_eq!(build().identity(), identity);
    // Adaptation changes the features.
    let features = run_stage::<Embed>(&project.pipeline(&adapted), Some("features"), &NoOptions {});
    let plain = run_stage::<Embed>(&project.pipeline(&[]), Some("features"), &NoOptions {});
    assert_ne!(
        features.expect("features").identity(),
        plain.expect("features").identity()
    );
}

#[test]
fn an_interrupted_adaptation_gives_the_same_bytes() {
    let long = [
        "embedding.encoder.adaptation={ epochs = 80, learning_rate = 0.001, batch_size = 4 }",
        "run.checkpoint.steps=1",
    ];
    let adapt = |project: &Project| {
        let mut command = Command::new(program("ressenti-embed"));
        command
            .args(["--variant", "encoder", "--progress", "plain", "--pipeline"])
            .arg(project.pipeline_file())
            .args(long.iter().flat_map(|change| ["--set", change]))
            .stderr(Stdio::piped());
        command
    };
    let undisturbed = project();
    let whole = adapt(&undisturbed).output().expect("it runs");
    assert!(whole.status.success());
    let expected = undisturbed.artifact(StageName::Embed, "encoder").identity();

    let project = project();
    let work = project.artifacts().join("work");
    for sent in [libc::SIGTERM, libc::SIGKILL] {
        let before = checkpoints(&work);
        let child = adapt(&project).spawn().expect("it starts");
        while checkpoints(&work) == before {
            sleep(Duration::from_millis(1));
        }
        let id = i32::try_from(child.id()).expect("a process id");
        // SAFETY: `kill` takes any numbers; the process is a child of this test that was not waited for yet.
        unsafe { libc::kill(id, sent) };
        let end = child.wait_with_output().expect("a child of this test");
        let code = (sent == libc::SIGTERM).then_some(130);
        let stderr = String::from_utf8_lossy(&end.stderr);
        assert_eq!(end.status.code(), code, "{stderr}");
        assert_eq!(
            stderr.contains("stopped: Saved after step"),
            code.is_some(),
            "{stderr}"
        );
    }
    let end = adapt(&project).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&end.stderr);
    assert!(
        end.status.success() && stderr.contains("resumes after step"),
        "{stderr}"
    );
    let artifact = project.artifact(StageName::Embed, "encoder");
    assert_eq!(artifact.identity(), expected);
    assert_eq!(checkpoints(&work), [] as [PathBuf; 0]);
}

/// The checkpoints in a work folder.
fn checkpoints(work: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(work).expect("a folder").flatten() {
        let files = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        found.extend(files.map(|file| file.path()).filter(|file| {
            folder.path().extension().is_some_and(|kind| kind == "kept")
                && file.extension().is_some_and(|kind| kind == "safetensors")
        }));
    }
    found.sort();
    found
}

#[test]
fn invalid_settings_are_refused_before_anything_runs() {
    let project = project();
    let refused = |changes: &[&str]| project.load_error(changes);
    assert_eq!(
        refused(&["embedding.features.encoder=none"]),
        "`embedding.features.encoder` must name an embedding of `kind = \"encoder\"` | There is `encoder`"
    );
    assert_eq!(
        refused(&["embedding.features.features.layers=[3]"]),
        "`embedding.features.features.layers` contains 3, but the encoder has 2 layers | \
         0 is the embedding layer, 1 the first layer, -1 the last layer"
    );
    assert_eq!(
        refused(&["embedding.features.width=5"]),
        "`embedding.features.width` cannot be set for features, which use the one of their encoder"
    );
    assert_eq!(
        refused(&["embedding.features.features.windows={ length = 8, overlap = 6 }"]),
        "`embedding.features.features.windows` must have a `length` of at least 4 and an `overlap` of at most `length` minus 3"
    );
    let long = refused(&["tokenizer.own.max_length=600"]);
    assert!(
        long.contains("is 600, but the encoder of `embedding.encoder` reads at most 512 tokens"),
        "{long}"
    );
    assert!(long.contains("read long reviews in `windows`"), "{long}");
    assert_eq!(
        refused(&["embedding.features.adaptation={ epochs = 1 }"]),
        "`embedding.features.adaptation` is for `kind = \"encoder\"` only"
    );
    // With windows, rows of any length are allowed.
    let parts = [
        "tokenizer.own.max_length=600",
        "embedding.features.features.windows={ length = 8, overlap = 2 }",
    ];
    project.pipeline(&parts);
}
