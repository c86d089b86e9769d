//! The stage `tokenize`: a tokenizer, and every review as token ids.
//!
//! A trained tokenizer learns from the training split alone. The ids are made with the file that is
//! written, read back, so that whoever loads `tokenizer.json` later gets the same ids.

mod count;
mod encode;
mod recipe;
mod rows;
mod statistics;
mod vocabulary;

use std::fs;
use std::path::{Path, PathBuf};

use artifact::{
    Artifact, ArtifactError, Contract, Failure, Normalization, OutputFile, Sentiment, Source,
    Split, StageName, format,
};
use settings::{TokenizerKind, TokenizerSettings};
use stage::{Context, NoOptions, Outcome, Stage};
use text::TokenizerFile;

use encode::encode_split;
use statistics::Statistics;

/// Name of the tokenizer inside the artifact, as everywhere else in this ecosystem.
const TOKENIZER: &str = "tokenizer.json";

/// Name of the figures inside the artifact.
const STATISTICS: &str = "statistics.json";

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct Tokenize;

impl Stage for Tokenize {
    const NAME: StageName = StageName::Tokenize;
    const ABOUT: &'static str = "Learn a tokenizer from the training split and write every review as token ids

Reads `clean.parquet`. Writes `tokenizer.json`, one Arrow file of ids for each of train, validation, test and unlabelled, and
`statistics.json` with lengths, truncated rows and the share of unknown tokens.";
    type Settings = TokenizerSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: TokenizerSettings) -> Result<Outcome, Failure> {
        let reviews = Reviews::open(context.input(StageName::Clean))?;
        let path = context.output().join(TOKENIZER);
        let bytes = match settings.kind {
            TokenizerKind::Pretrained => text::import(source_of(context)?)?,
            _ => train(context, &settings, &reviews)?,
        };
        fs::write(&path, bytes).map_err(ArtifactError::io("write", &path))?;
        // Read back and not kept: scores may differ in the last digit once they were text.
        let tokenizer = TokenizerFile::read(&path)?;
        encode(context, &settings, &reviews, &tokenizer)
    }
}

/// The input and what its contract says about it.
struct Reviews {
    path: PathBuf,
    rows: [(Split, u64); 4],
    normalization: Option<Normalization>,
}

impl Reviews {
    fn open(clean: &Artifact) -> Result<Self, ArtifactError> {
        let Contract::Clean {
            train,
            validation,
            test,
            unlabelled,
            normalization,
            ..
        } = clean.manifest().contract
        else {
            let path = clean.folder().join(artifact::MANIFEST_NAME);
            let reason = "it is not the manifest of cleaned reviews";
            return Err(ArtifactError::damaged(&path, reason));
        };
        Ok(Self {
            path: clean.file("clean.parquet")?,
            normalization,
            rows: [
                (Split::Train, train),
                (Split::Validation, validation),
                (Split::Test, test),
                (Split::Unlabelled, unlabelled),
            ],
        })
    }
}

fn source_of(context: &Context) -> Result<&Path, Failure> {
    match context.source() {
        Some(Source::Path(path)) => Ok(path),
        _ => Err(Failure::new(format!(
            "`tokenizer.{}.source` must name the `tokenizer.json` to use",
            context.step().variant
        ))),
    }
}

/// The `tokenizers` library gave up: `map_err(library("learn the vocabulary"))`.
fn library<E>(action: &'static str) -> impl Fn(E) -> Failure
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |error| Failure::new(format!("Failed to {action}")).with_cause(error)
}

/// Learns a tokenizer and gives it as the text of its file.
fn train(
    context: &Context,
    settings: &TokenizerSettings,
    reviews: &Reviews,
) -> Result<Vec<u8>, Failure> {
    let (_, rows) = reviews.rows[0];
    if rows == 0 {
        return Err(
            Failure::new("The training split is empty, so there is nothing to learn a vocabulary from")
                .with_hint("Give the training split rows: lower `clean.split.test` and `clean.split.validation`, or ingest more reviews".to_owned()),
        );
    }
    let recipe = recipe::tokenizer(settings.kind, settings.lowercase.unwrap_or(true))?;
    let progress = context.progress();
    let task = progress.task("counting words", Some(rows), "reviews");
    let words = count::count_words(&recipe, &reviews.path, &task)?;
    drop(task);
    let size = settings.vocabulary_size;
    let frequency = settings.min_frequency;
    let limits = vocabulary::Limits {
        size: size.unwrap_or(TokenizerSettings::DEFAULT_VOCABULARY),
        frequency: frequency
            .unwrap_or(TokenizerSettings::DEFAULT_FREQUENCY)
            .into(),
    };
    let task = progress.task("learning the vocabulary", None, "words");
    task.advance(words.len() as u64);
    let model = vocabulary::learn(settings.kind, &words, limits)?;
    recipe::finish(recipe, model)
}

fn encode(
    context: &Context,
    settings: &TokenizerSettings,
    reviews: &Reviews,
    tokenizer: &TokenizerFile,
) -> Result<Outcome, Failure> {
    let mut files = vec![OutputFile::data(TOKENIZER)];
    let mut statistics = Statistics::default();
    let total = reviews.rows.iter().map(|(_, rows)| rows).sum();
    let task = context.progress().task("encoding", Some(total), "reviews");
    for (split, _) in reviews.rows {
        let name = format!("{split}.arrow");
        let path = context.output().join(&name);
        let figures = encode_split(tokenizer, settings, &reviews.path, split, &path, &task)?;
        files.push(OutputFile::table(name, figures.rows()));
        if split != Split::Unlabelled || figures.rows() > 0 {
            statistics.add(split, &figures);
        }
    }
    let path = context.output().join(STATISTICS);
    let text = statistics.to_json(settings.kind, tokenizer);
    fs::write(&path, text).map_err(ArtifactError::io("write", &path))?;
    files.push(OutputFile::data(STATISTICS));
    let contract = Contract::Tokens {
        tokenizer: tokenizer.fingerprint(),
        vocabulary_size: tokenizer.vocabulary_size(),
        pad_id: tokenizer.pad_id(),
        unknown_id: tokenizer.unknown_id(),
        max_length: settings.max_length,
        classes: Sentiment::class_names(),
        normalization: reviews.normalization,
    };
    let summary = format!(
        "{}, vocabulary {}, {}",
        format::plural(total, "review", "reviews"),
        format::count(tokenizer.vocabulary_size()),
        statistics.summary(settings.max_length)
    );
    Ok(Outcome::new(contract, files, summary))
}
