//! The stage `tokenize`: learns or imports a tokenizer, and converts every review to token ids.
//!
//! A tokenizer is learned only from the training split. The ids are computed with the tokenizer read back from the
//! written `tokenizer.json`, so that every later program gets the same ids.

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
use text::language::has_no_spaces;

use encode::encode_split;
use statistics::Statistics;

/// The tokenizer in the artifact, with its usual name.
const TOKENIZER: &str = "tokenizer.json";

/// The statistics in the artifact.
const STATISTICS: &str = "statistics.json";

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct Tokenize;

impl Stage for Tokenize {
    const NAME: StageName = StageName::Tokenize;
    const ABOUT: &'static str = "Learn a tokenizer from the training split and write every review as token ids

Reads `clean.parquet`. Writes `tokenizer.json`, an Arrow file of token ids for each split (train, validation, test, unlabelled), and
`statistics.json` with lengths, truncated reviews and the share of unknown tokens.";
    type Settings = TokenizerSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: TokenizerSettings) -> Result<Outcome, Failure> {
        let reviews = Reviews::open(context.input(StageName::Clean))?;
        warn_of_languages(context, settings.kind, &reviews.languages);
        let path = context.output().join(TOKENIZER);
        let bytes = match settings.kind {
            TokenizerKind::Pretrained => text::import_tokenizer(source_path(context)?)?,
            _ => learn(context, &settings, &reviews)?,
        };
        fs::write(&path, bytes).map_err(ArtifactError::io("write", &path))?;
        // Read back, because scores may be rounded when they are written as text.
        let tokenizer = TokenizerFile::read(&path)?;
        encode(context, &settings, &reviews, &tokenizer)
    }
}

/// The cleaned reviews and the contract of their artifact.
struct Reviews {
    path: PathBuf,
    rows: [(Split, u64); 4],
    normalization: Option<Normalization>,
    languages: Vec<String>,
}

impl Reviews {
    fn open(clean: &Artifact) -> Result<Self, ArtifactError> {
        let Contract::Clean {
            train,
            validation,
            test,
            unlabelled,
            normalization,
            ref languages,
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
            languages: languages.clone(),
            rows: [
                (Split::Train, train),
                (Split::Validation, validation),
                (Split::Test, test),
                (Split::Unlabelled, unlabelled),
            ],
        })
    }
}

/// Warns if a tokenizer that splits at spaces is used for a language without spaces between words.
fn warn_of_languages(context: &Context, kind: TokenizerKind, languages: &[String]) {
    let mut without_spaces = languages.iter().filter(|name| has_no_spaces(name));
    if let (TokenizerKind::Word, Some(language)) = (kind, without_spaces.next()) {
        let name = &context.step().variant;
        context.progress().warn(&format!(
            "there are reviews in {language}, which has no spaces between words, so the tokenizer `{name}` of kind `word` sees \
             whole clauses as single words; a kind that finds parts of them does better: `--set tokenizer.{name}.kind=bpe`"
        ));
    }
}

fn source_path(context: &Context) -> Result<&Path, Failure> {
    match context.source() {
        Some(Source::Path(path)) => Ok(path),
        _ => Err(Failure::new(format!(
            "`tokenizer.{}.source` must be the path of a `tokenizer.json`",
            context.step().variant
        ))),
    }
}

/// Converts an error of the library `tokenizers`: `map_err(library_error("learn the vocabulary"))`.
fn library_error<E>(action: &'static str) -> impl Fn(E) -> Failure
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |error| Failure::new(format!("Failed to {action}")).with_cause(error)
}

/// Learns a tokenizer and returns the content of its file.
fn learn(
    context: &Context,
    settings: &TokenizerSettings,
    reviews: &Reviews,
) -> Result<Vec<u8>, Failure> {
    let (_, rows) = reviews.rows[0];
    if rows == 0 {
        let failure = Failure::new("The training split is empty, so no vocabulary can be learned");
        let hint = "Lower `clean.split.test` and `clean.split.validation`, or ingest more reviews";
        return Err(failure.with_hint(hint.to_owned()));
    }
    let tokenizer = recipe::tokenizer(settings.kind, settings.lowercase.unwrap_or(true))?;
    let progress = context.progress();
    let task = progress.task("counting words", Some(rows), "reviews");
    let words = count::count_words(&tokenizer, &reviews.path, &task)?;
    drop(task);
    if settings.kind == TokenizerKind::Word {
        warn_if_unspaced(context, &words);
    }
    let size = settings.vocabulary_size;
    let min_frequency = settings.min_frequency;
    let min_frequency = min_frequency.unwrap_or(TokenizerSettings::DEFAULT_FREQUENCY);
    let limits = vocabulary::VocabularyLimits {
        size: size.unwrap_or(TokenizerSettings::DEFAULT_VOCABULARY),
        min_frequency: min_frequency.into(),
    };
    let task = progress.task("learning the vocabulary", None, "words");
    task.advance(words.len() as u64);
    let model = vocabulary::learn(settings.kind, &words, limits)?;
    recipe::to_file(tokenizer, model)
}

/// Share of letters of scripts without spaces from which a warning is printed.
const UNSPACED_SHARE: f64 = 0.1;

/// Warns if words are not separated by spaces, because the tokenizer `word` then learns whole clauses. On 600 Chinese
/// reviews a linear model classifies 82.9% correctly with `word` and 100.0% with `bpe`.
fn warn_if_unspaced(context: &Context, words: &[count::WordCount]) {
    let letters = |is_counted: fn(char) -> bool| -> f64 {
        let count = |(word, times): &(String, u64)| {
            word.chars().filter(|it| is_counted(*it)).count() as f64 * *times as f64
        };
        words.iter().map(count).sum()
    };
    let share = letters(text::is_unspaced) / letters(char::is_alphabetic).max(1.0);
    if share > UNSPACED_SHARE {
        let (share, variant) = (format::percent(share), &context.step().variant);
        context.progress().warn(&format!(
            "{share} of the letters are of languages without spaces between words, such as Chinese, Japanese and Thai: the \
             tokenizer `word` sees whole clauses as words. Use `--set tokenizer.{variant}.kind=bpe`"
        ));
    }
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
        let counts = encode_split(tokenizer, settings, &reviews.path, split, &path, &task)?;
        files.push(OutputFile::table(name, counts.rows()));
        if split != Split::Unlabelled || counts.rows() > 0 {
            statistics.add(split, &counts);
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
        languages: reviews.languages.clone(),
    };
    let summary = format!(
        "{}, vocabulary {}, {}",
        format::plural(total, "review", "reviews"),
        format::count(tokenizer.vocabulary_size()),
        statistics.summary(settings.max_length)
    );
    Ok(Outcome::new(contract, files, summary))
}
