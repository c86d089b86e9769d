//! `ressenti inspect FILE`: what ingest would read of a file, and the settings that say so.

mod facts;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use artifact::{Failure, StageName};
use clap::Parser;
use settings::{IngestSettings, Override, Pipeline, REVIEWS, StepId, table_from_overrides};
use stage::{Progress, ProgressMode, exit_code};

use crate::error::no_source;
use crate::form::check_rows;
use crate::rows;
use tables::InputError;

use facts::{Facts, Seen};

const EXAMPLES: &str = "\
Examples:
  ressenti inspect reviews.csv.gz
  ressenti inspect 'exports/*.jsonl'             several files of one shape
  ressenti inspect reviews.csv --pipeline pipeline.toml      with the settings of its [ingest]
  ressenti inspect reviews.csv --set ingest.rating.centre=4  with this one
  ressenti inspect reviews.csv --json | jq .columns";

/// Show what ingest would read of a file: its form, what each column is taken for and why, ten rows,
/// the labels, what would be rejected, and the `[ingest]` table to paste into a pipeline file
///
/// Nothing is written. Every guess can be overridden in `[ingest]`.
#[derive(Debug, Parser)]
#[command(name = "ressenti inspect", after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    /// The file, or a pattern in quotes
    file: PathBuf,

    /// Take the settings of this pipeline's `[ingest]` into account
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,

    /// A setting of `[ingest]`, for example `--set ingest.rating.centre=4`; may be repeated
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    overrides: Vec<Override>,

    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// The whole of the command, from the arguments after its name.
pub fn main(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let name = std::iter::once("ressenti inspect".into());
    let arguments = Arguments::parse_from(name.chain(arguments));
    exit_code(run(&arguments)).into()
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let settings = match &arguments.pipeline {
        Some(file) => Pipeline::load(file, &arguments.overrides)?.ingest,
        None => table_from_overrides("ingest", &arguments.overrides)?,
    };
    let facts = inspect(&arguments.file, &settings)?;
    let mut out = anstream::stdout();
    // A closed pipe is a reader who has seen enough: not an error of ours.
    let _ = match arguments.json {
        true => show::json(&mut out, &facts),
        false => show::text(&mut out, &facts),
    };
    Ok(())
}

/// Reads the files that a path stands for and finds out about them.
fn inspect<'a>(path: &'a Path, settings: &'a IngestSettings) -> Result<Facts<'a>, InputError> {
    let paths = settings::expand_pattern(path);
    let first = paths.first().ok_or_else(no_source)?;
    let expected = "only files of rows can be inspected";
    let hint = "The aclImdb set needs no look: run it with `ressenti run --pipeline pipelines/imdb.toml --source PATH`";
    check_rows(first, settings, expected, hint)?;
    let progress = Progress::new(ProgressMode::None, StepId::new(StageName::Ingest, REVIEWS));
    let mut seen = Seen::default();
    let scratch = std::env::temp_dir();
    let layout = rows::read(&paths, &scratch, settings, &progress, &mut seen)?;
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    Ok(Facts {
        source: path,
        files: paths.len(),
        bytes: paths.iter().map(size).sum(),
        settings,
        layout,
        seen,
    })
}
