//! `ressenti new FILE...`: writes a pipeline file for files of reviews.
//!
//! What the files show is decided, with the reason as a comment. What only a person can decide becomes an open
//! question, and no command uses the file before it is answered.

mod encoder;
mod machine;
mod models;
mod pipeline_file;
mod questions;
mod text_statistics;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use artifact::{ArtifactError, Failure, format};
use clap::Parser;
use ingest::Detected;
use settings::{Override, table_from_overrides};
use stage::{check_tables, exit_code, print};
use toml::Value;

use encoder::{Encoder, FoundEncoder};
use machine::Machine;
use models::{DataSize, ModelChoice};
use pipeline_file::PipelineFile;
use questions::Decisions;
use text_statistics::TextStatistics;

const EXAMPLES: &str = "\
Examples:
  ressenti new reviews.csv                       write pipeline.toml; then: ressenti run
  ressenti new 'exports/*.jsonl' --out all.toml  several files with the same columns
  ressenti new reviews.csv --minutes 30          with more models
  ressenti new reviews.csv --set ingest.columns.rating=stars";

/// Name of the pipeline file that all commands read by default.
const DEFAULT_FILE: &str = "pipeline.toml";

/// Bounds of the vocabulary.
const VOCABULARY: std::ops::RangeInclusive<u64> = 1000..=30_000;

/// Vocabulary of `bpe` for texts without spaces between words.
const UNSPACED_VOCABULARY: u64 = 16_000;

/// Write a pipeline file for a file of reviews
///
/// Inspects the file and writes a commented pipeline file: columns, labels and times, languages, lengths, and models
/// that fit the number of reviews and this machine, with an estimate of their time. What cannot be decided is listed
/// at the top as a question with the line to change.
#[derive(Debug, Parser)]
#[command(name = "ressenti new", bin_name = "ressenti new", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    /// Files of reviews with the same columns, or a pattern in quotes
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Pipeline file to write
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    out: PathBuf,

    /// Replace the pipeline file if it exists
    #[arg(long)]
    force: bool,

    /// Minutes that all models together may take; slower models are written as comments
    #[arg(long, value_name = "MINUTES", default_value_t = 1.0)]
    minutes: f64,

    /// Set one setting of `[ingest]`, for example `--set ingest.rating.centre=4`; may be repeated
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    overrides: Vec<Override>,
}

/// Runs the command with its name and arguments.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = Arguments::parse_from(arguments);
    let written = write(&arguments).and_then(|text| print(&text));
    exit_code(written).into()
}

/// Writes the pipeline file and returns a summary for people.
fn write(arguments: &Arguments) -> Result<String, Failure> {
    let (files, out) = (&arguments.files, &arguments.out);
    if out.exists() && !arguments.force {
        return Err(exists(out, &files[0]));
    }
    check_tables(&arguments.overrides, &["ingest"])?;
    let settings = table_from_overrides("ingest", &arguments.overrides)?;
    let mut texts = TextStatistics::default();
    let detected = ingest::detect(files, &settings, |review| texts.add(review.text))?;
    let names = files.iter().map(|file| format!("`{}`", file.display()));
    let names = names.collect::<Vec<_>>().join(", ");
    let mut decisions = questions::decide(&detected, &files[0].display().to_string())?;
    if let (Some(encoding), None) = (detected.ingest.get("encoding"), &settings.encoding) {
        decisions.remarks.push(format!(
            "the encoding `{}` is a guess; set another one with `--set ingest.encoding=NAME`",
            encoding.as_str().unwrap_or_default()
        ));
    }
    let labelled = check_labels(&detected, &mut decisions)?;

    let machine = Machine::of_this_process();
    let found = encoder::find(&texts.sample, texts.is_unspaced());
    let encoder = match &found {
        FoundEncoder::Fits(encoder) => Some(encoder),
        _ => None,
    };
    let lengths = texts.lengths();
    let max_length = lengths.max_length(u32::MAX);
    let pieces = |encoder: &Encoder| encoder.lengths.mean(encoder.max_length());
    let size = DataSize {
        reviews: labelled,
        words: lengths.mean(max_length),
        pieces: encoder.map_or(0.0, pieces),
    };
    let models = models::choose(size, encoder, machine, arguments.minutes);
    let summary = match detected.is_partial {
        true => format!("The first rows: {}", detected.summary),
        false => detected.summary.clone(),
    };
    // The pieces of clauses without spaces are not words that could be counted.
    let vocabulary = match texts.is_unspaced() {
        true => UNSPACED_VOCABULARY,
        false => texts.vocabulary().next_multiple_of(1000),
    };
    let file = PipelineFile {
        files: names.clone(),
        source: source(files, out),
        name: stem(&files[0]),
        artifacts: artifacts(out),
        schema: schema(),
        summary: summary.clone(),
        columns: &detected.columns,
        decisions: &decisions,
        languages: texts.languages(),
        is_unspaced: texts.is_unspaced(),
        lengths,
        max_length,
        vocabulary: vocabulary.clamp(*VOCABULARY.start(), *VOCABULARY.end()),
        encoder: &found,
        models: &models,
        machine,
        minutes: arguments.minutes,
    };
    fs::write(out, file.render()).map_err(ArtifactError::io("write", out))?;
    Ok(describe(out, &names, &summary, &decisions, &models))
}

/// The number of labelled reviews. Adds a warning if a class has few.
///
/// # Errors
/// The stage `ingest` would refuse the files.
fn check_labels(detected: &Detected, decisions: &mut Decisions) -> Result<u64, Failure> {
    if !decisions.questions.is_empty() {
        // The counts are not known before the questions are answered.
        return Ok(detected.accepted);
    }
    if let Some(problem) = &detected.problem {
        let failure = Failure::new("Failed to find labels of both classes in enough rows");
        let failure = failure.with_cause(problem.to_string());
        return Err(failure.with_hint(problem.hint().map(str::to_owned)));
    }
    decisions.remarks.extend(detected.imbalance.clone());
    Ok(detected.by_class.iter().sum())
}

/// The value of `ingest.source`: relative to the pipeline file where a file is below its folder.
fn source(files: &[PathBuf], out: &Path) -> Value {
    let out = absolute(out).unwrap_or_else(|_| out.to_owned());
    let folder = out.parent().unwrap_or(Path::new("/"));
    let path = |file: &PathBuf| {
        let file = absolute(file).unwrap_or_else(|_| file.clone());
        let path = file.strip_prefix(folder).unwrap_or(&file);
        Value::from(path.to_string_lossy().as_ref())
    };
    match files {
        [one] => path(one),
        many => Value::Array(many.iter().map(path).collect()),
    }
}

/// The name of a file without its ending.
fn stem(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    let name = name.to_string_lossy();
    let stem = name.split('.').next().filter(|stem| !stem.is_empty());
    stem.unwrap_or(&name).to_owned()
}

/// The artifacts folder: a folder for each pipeline file, so that they do not replace each other's links.
fn artifacts(out: &Path) -> String {
    match out.file_name().is_some_and(|name| name == DEFAULT_FILE) {
        true => "artifacts".to_owned(),
        false => format!("artifacts/{}", stem(out)),
    }
}

/// The schema of pipeline files in the checkout of this program, for editors.
fn schema() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let above = program.ancestors();
    let mut files = above.map(|it| it.join("docs/reference/pipeline.schema.json"));
    files.find(|it| it.is_file())
}

fn exists(out: &Path, file: &Path) -> Failure {
    let shown = out.display();
    let failure = Failure::new(format!("Failed to write `{shown}`: it exists already"));
    let mut other = format!("{}.toml", stem(file));
    if Path::new(&other).exists() || out.ends_with(&other) {
        other = "NAME.toml".to_owned();
    }
    failure.with_hint(format!(
        "Write another pipeline file with `--out {other}`, or replace this one with `--force`"
    ))
}

/// The summary that is printed, with the next command.
fn describe(
    out: &Path,
    files: &str,
    summary: &str,
    decisions: &Decisions,
    models: &[ModelChoice],
) -> String {
    let shown = out.display();
    let mut text = format!("Wrote `{shown}` for {files}: {summary}\n");
    let list = |is_active: bool| {
        let listed = models.iter().filter(|it| it.is_active() == is_active);
        let names = listed.map(|it| format!("{} ({})", it.kind.name, it.describe()));
        names.collect::<Vec<_>>().join(", ")
    };
    text += &format!("  models: {}\n", list(true));
    if !list(false).is_empty() {
        text += &format!("  not active: {}\n", list(false));
    }
    for remark in &decisions.remarks {
        text += &format!("  check: {remark}\n");
    }
    let run = match shown.to_string() {
        name if name == DEFAULT_FILE => "ressenti run".to_owned(),
        name if name.contains(char::is_whitespace) => format!("ressenti run --pipeline '{name}'"),
        name => format!("ressenti run --pipeline {name}"),
    };
    if decisions.questions.is_empty() {
        return text + &format!("Next: `{run}`\n");
    }
    let count = format::plural(decisions.questions.len() as u64, "question", "questions");
    text += &format!("{count} to answer in `{shown}`, at the top:\n");
    for (number, question) in decisions.questions.iter().enumerate() {
        text += &format!("  {}. {}\n", number + 1, question.text);
    }
    text + &format!("Then: `{run}`\n")
}
