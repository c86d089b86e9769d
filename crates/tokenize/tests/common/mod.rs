//! A pipeline in a temporary folder with an artifact of `clean`, for tests of later stages. The tests of `embed` use it
//! too.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests, shared by several of them"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt8Array,
    UInt64Array,
};
use artifact::{
    Artifact, Contract, Failure, OutputFile, RunInfo, Sentiment, Split, StageName, Store,
    TableWriter, schema,
};
use settings::{Pipeline, StepId};
use stage::{NoOptions, Progress, ProgressMode, Resolver, Stage, StepState};

/// A review after `clean`.
pub struct Review {
    pub split: Split,
    pub label: Option<u8>,
    pub text: String,
}

pub fn review(split: Split, text: &str) -> Review {
    let label = (split != Split::Unlabelled).then(|| u8::from(!text.contains("bad")));
    Review {
        split,
        label,
        text: text.to_owned(),
    }
}

/// A few dozen reviews with words that repeat, some of each split, one without a label.
pub fn reviews() -> Vec<Review> {
    let films = ["film", "movie", "story", "cast", "ending", "score"];
    let verdicts = [
        "good",
        "bad",
        "splendid",
        "a bad joke",
        "wonderfully acted",
        "not good, but it isn't bad",
    ];
    let mut reviews = Vec::new();
    for (row, film) in films.iter().enumerate() {
        for (column, verdict) in verdicts.iter().enumerate() {
            let split = match (row + column) % 6 {
                0 => Split::Validation,
                1 => Split::Test,
                _ => Split::Train,
            };
            reviews.push(review(
                split,
                &format!("The {film} was {verdict}! I didn't expect that from this {film}."),
            ));
        }
    }
    reviews.push(review(
        Split::Unlabelled,
        "This review has no label, but it is good.",
    ));
    reviews
}

/// Writes `pipeline.toml` with these tables after the first ones.
pub fn write_pipeline(folder: &Path, tables: &str) -> PathBuf {
    let file = folder.join("pipeline.toml");
    let text = format!(
        "[pipeline]\nname = \"Test\"\nseed = 7\n\n[ingest]\nsource = \"reviews.csv\"\n\n{tables}\n"
    );
    fs::write(folder.join("reviews.csv"), "text,label\n").expect("the folder is ours");
    fs::write(&file, text).expect("the folder is ours");
    file
}

pub fn load(file: &Path) -> Pipeline {
    Pipeline::load(file, &[]).expect("the pipeline file is sound")
}

/// Writes an artifact of `clean` with these reviews.
pub fn put_clean(pipeline: &Pipeline, reviews: &[Review]) -> Artifact {
    put_clean_in(pipeline, reviews, "English")
}

/// The same with reviews in a language.
pub fn put_clean_in(pipeline: &Pipeline, reviews: &[Review], language: &str) -> Artifact {
    let of = |split| {
        reviews
            .iter()
            .filter(|review| review.split == split)
            .count() as u64
    };
    let ingested = put(pipeline, StageName::Ingest, |folder| {
        fs::write(folder.join("reviews.txt"), reviews.len().to_string())
            .expect("the folder is ours");
        (
            Contract::Reviews {
                rows: reviews.len() as u64,
            },
            vec![OutputFile::data("reviews.txt")],
        )
    });
    drop(ingested);
    put(pipeline, StageName::Clean, |folder| {
        let rows = write_clean(&folder.join("clean.parquet"), reviews);
        let contract = Contract::Clean {
            train: of(Split::Train),
            validation: of(Split::Validation),
            test: of(Split::Test),
            unlabelled: of(Split::Unlabelled),
            classes: Sentiment::class_names(),
            normalization: Some(artifact::Normalization::default()),
            languages: vec![language.to_owned()],
        };
        (contract, vec![OutputFile::table("clean.parquet", rows)])
    })
}

/// Commits the output of a step, written by the test.
fn put(
    pipeline: &Pipeline,
    stage: StageName,
    write: impl FnOnce(&Path) -> (Contract, Vec<OutputFile>),
) -> Artifact {
    let store = Store::new(&pipeline.artifacts);
    let step = pipeline.step(stage, None).expect("there is one such step");
    let mut resolver = Resolver::new(pipeline, &store);
    let resolved = resolver
        .resolve(&step)
        .expect("sources are there")
        .expect("inputs are there");
    let lock = store
        .lock(stage, &resolved.key, |_| {})
        .expect("nobody else is here");
    let pending = store
        .begin(stage, resolved.key, lock)
        .expect("the folder is ours");
    let (contract, files) = write(pending.folder());
    let run = RunInfo {
        started: 0,
        seconds: 0.0,
        peak_memory: 0,
        cores: 1,
        device: None,
        summary: String::new(),
        versions: std::collections::BTreeMap::new(),
    };
    let (inputs, sources) = (resolved.input_references, resolved.source_references);
    pending
        .commit(step.settings, inputs, sources, contract, &files, run)
        .expect("the disk takes it")
}

fn write_clean(path: &Path, reviews: &[Review]) -> u64 {
    let texts = |text: fn(&Review) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(reviews.iter().map(text)))
    };
    let rows = reviews.len();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(
            (0..rows as u64).map(|row| 100 + row),
        )),
        texts(|review| &review.text),
        Arc::new(
            reviews
                .iter()
                .map(|review| review.label)
                .collect::<UInt8Array>(),
        ),
        texts(|review| review.split.as_str()),
        Arc::new(Float32Array::new_null(rows)),
        Arc::new(StringArray::new_null(rows)),
        Arc::new(StringArray::new_null(rows)),
        Arc::new(TimestampMillisecondArray::new_null(rows).with_timezone("UTC")),
    ];
    let batch =
        RecordBatch::try_new(schema::clean(), columns).expect("the columns are the contract's");
    let mut writer = TableWriter::create(path, schema::clean()).expect("the folder is ours");
    writer.write(&batch).expect("the disk takes it");
    writer.finish().expect("the disk takes it")
}

/// Runs a step in this process.
pub fn run<S: Stage<Options = NoOptions>>(
    pipeline: &Pipeline,
    variant: &str,
) -> Result<(StepState, Artifact), Failure> {
    let step = pipeline
        .step(S::NAME, Some(variant))
        .expect("the variant is in the file");
    let progress = Progress::new(ProgressMode::None, StepId::new(S::NAME, variant));
    stage::execute::<S>(pipeline, step, false, progress, &NoOptions {})
}

/// Reads a file of an artifact.
pub fn text_of(artifact: &Artifact, name: &str) -> String {
    fs::read_to_string(artifact.file(name).expect("it is whole")).expect("it is text")
}

/// The message, its causes and the hint.
pub fn describe(failure: &Failure) -> String {
    format!(
        "{}\nhint: {}",
        failure.chain().join("\n"),
        failure.hint().unwrap_or("none")
    )
}
