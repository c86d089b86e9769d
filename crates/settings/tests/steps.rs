//! What a valid pipeline file gives: paths, settings of steps, and their order.

use std::path::Path;

use artifact::{Source, StageName};
use settings::{Device, Pipeline};
use testkit::{Project, tiny_pipeline};

#[test]
fn paths_are_relative_to_the_pipeline_file() {
    let project = Project::tiny();
    let pipeline = project.pipeline(&["pipeline.artifacts=../elsewhere"]);
    assert_eq!(
        pipeline.ingest.source,
        [project.folder().join("reviews.csv")]
    );
    assert_eq!(pipeline.artifacts, project.folder().join("../elsewhere"));
    let absolute = project.pipeline(&["ingest.source=/data/x.csv"]);
    assert_eq!(absolute.ingest.source, [Path::new("/data/x.csv")]);
    let several = project.pipeline(&["ingest.source=['a.csv', '/data/x.csv']"]);
    assert_eq!(
        several.ingest.source,
        [project.folder().join("a.csv"), "/data/x.csv".into()]
    );
}

#[test]
fn training_settings_of_a_model_override_the_common_ones() {
    let project = Project::tiny();
    let pipeline = project.pipeline(&[
        "model.lstm.training.epochs=5",
        "training.batch_size=4",
        "run.device=cuda",
    ]);
    let (naive, lstm) = (&pipeline.models["naive"], &pipeline.models["lstm"]);
    assert_eq!((naive.training.epochs, naive.training.batch_size), (2, 4));
    assert_eq!((lstm.training.epochs, lstm.training.batch_size), (5, 4));
    assert_eq!(lstm.training.learning_rate, 0.01);
    assert_eq!(
        (naive.seed, pipeline.clean.seed, pipeline.run.device),
        (7, Some(7), Device::Cuda)
    );
}

/// The settings of a step, which are part of its key.
fn settings_of(stage: StageName, variant: &str, changes: &[&str]) -> serde_json::Value {
    Project::tiny()
        .pipeline(changes)
        .step(stage, Some(variant))
        .expect("a step")
        .settings
}

#[test]
fn a_step_has_only_its_own_settings() {
    use StageName::{Clean, Embed, Evaluate, Ingest, Report, Tokenize, Train};
    let all = [
        (Ingest, "reviews"),
        (Clean, "reviews"),
        (Tokenize, "words"),
        (Embed, "random"),
        (Train, "naive"),
        (Train, "lstm"),
        (Evaluate, "naive"),
        (Evaluate, "lstm"),
        (Report, "reviews"),
    ];
    let check = |change: &str, expected: &[(StageName, &str)]| {
        let changed = |(stage, variant): &(StageName, &str)| {
            settings_of(*stage, variant, &[]) != settings_of(*stage, variant, &[change])
        };
        let found: Vec<_> = all.iter().copied().filter(changed).collect();
        assert_eq!(found, expected, "{change}");
    };
    check("ingest.max_reject_rate=0.5", &[(Ingest, "reviews")]);
    check("ingest.source=other.csv", &[]);
    check("clean.html=false", &[(Clean, "reviews")]);
    check("tokenizer.words.max_length=30", &[(Tokenize, "words")]);
    check("embedding.random.width=9", &[(Embed, "random")]);
    check("model.lstm.hidden=9", &[(Train, "lstm")]);
    check("model.lstm.training.epochs=9", &[(Train, "lstm")]);
    check("training.epochs=9", &[(Train, "naive"), (Train, "lstm")]);
    check(
        "evaluation.batch_size=9",
        &[(Evaluate, "naive"), (Evaluate, "lstm")],
    );
    check("report.title=Other", &[(Report, "reviews")]);
    check("run.device=auto", &[]);
    check("run.threads=1", &[]);
    check("pipeline.artifacts=elsewhere", &[]);
}

#[test]
fn every_step_comes_after_its_inputs() {
    let steps = Project::tiny().pipeline(&[]).steps();
    for (position, step) in steps.iter().enumerate() {
        for input in &step.inputs {
            assert!(
                steps[..position].iter().any(|earlier| earlier.id == *input),
                "{} reads {input}",
                step.id
            );
        }
    }
    let reads = |stage, variant: &str| {
        let step = steps
            .iter()
            .find(|step| step.id.stage == stage && step.id.variant == variant)
            .expect("a step");
        step.inputs
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        reads(StageName::Train, "lstm"),
        "tokenize words, embed random"
    );
    assert_eq!(
        reads(StageName::Evaluate, "lstm"),
        "clean reviews, tokenize words, train lstm"
    );
    assert_eq!(
        steps.last().expect("a report").inputs.len(),
        steps.len() - 1
    );
}

#[test]
fn a_path_is_used_instead_of_a_download() {
    let download = "download = { url = \"https://example.org/x.tar.gz\", sha256 = \"HEX\" }"
        .replace("HEX", &"ab".repeat(32));
    let text = tiny_pipeline().replacen("source = \"reviews.csv\"", &download, 1);
    let project = Project::with_pipeline(&text);
    let sources = |changes: &[&str]| {
        project
            .pipeline(changes)
            .step(StageName::Ingest, None)
            .expect("a step")
            .sources
    };
    assert!(matches!(&sources(&[])[..], [Source::Pinned { .. }]));
    assert!(matches!(
        &sources(&["ingest.source=x.csv"])[..],
        [Source::Path(_)]
    ));
}

#[test]
fn the_default_pipeline_is_valid() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipeline.toml");
    let pipeline = Pipeline::load(Path::new(file), &[]).expect("it is valid");
    assert!(
        pipeline.models.contains_key("naive")
            && pipeline
                .models
                .values()
                .any(|model| model.kind.is_recurrent())
    );
}
