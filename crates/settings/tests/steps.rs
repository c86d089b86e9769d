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

#[test]
fn models_select_the_steps_of_a_stage() {
    let project = Project::tiny();
    let pipeline = project.pipeline(&[
        "sweep.rate={ model = \"lstm\", over = { hidden = [2, 3] }, halving = { factor = 2, min_epochs = 1 } }",
        "ensemble.both={ models = [\"naive\", \"lstm\"] }",
    ]);
    let select = |stage, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        match pipeline.steps_of_stage(stage, &names) {
            Ok(steps) => steps
                .iter()
                .map(|step| step.id.variant.clone())
                .collect::<Vec<_>>()
                .join(" "),
            Err(failure) => format!("{failure}. {}", failure.hint().unwrap_or_default()),
        }
    };
    use StageName::{Evaluate, Report, Tokenize, Train};
    assert_eq!(select(Train, &["lstm", "naive"]), "naive lstm");
    assert_eq!(select(Evaluate, &["both"]), "both");
    // A stage without a step of that name runs what the name needs.
    assert_eq!(select(Train, &["both"]), "naive lstm");
    assert_eq!(select(Tokenize, &["lstm"]), "words");
    // All rungs of all trials.
    assert_eq!(select(Train, &["rate"]).split(' ').count(), 4);
    assert_eq!(select(Tokenize, &[]), "words");
    assert_eq!(
        select(Train, &["words"]),
        "The stage `train` has no variant `words`. There are `rate-001-e1`, `rate-002-e1`, `rate-001`, `rate-002`, \
         `naive`, `lstm`"
    );
    let report = pipeline
        .steps_of_stage(Report, &["naive".to_owned()])
        .expect("a report");
    let inputs = report[0].inputs.iter().filter(|id| id.stage >= Train);
    let inputs: Vec<String> = inputs.map(ToString::to_string).collect();
    assert_eq!(inputs, ["train naive", "evaluate naive"]);
    assert_eq!(report[0].settings["sweeps"], serde_json::Value::Null);
    assert_eq!(
        select(Report, &["rate"]),
        "The report needs at least one model or ensemble. There are `naive`, `lstm`, `both`"
    );
}
