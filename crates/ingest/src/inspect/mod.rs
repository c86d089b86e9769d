//! `ressenti inspect FILE`: shows how ingest would read a file, and the settings for it.

mod detected;
mod inspection;
mod print;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use artifact::{Failure, StageName};
use clap::Parser;
use settings::{IngestSettings, Override, Pipeline, REVIEWS, StepId, table_from_overrides};
use stage::{Progress, ProgressMode, exit_code};

use crate::error::no_source;
use crate::rows;
use crate::source_format::check_rows;
use tables::Result;

pub use detected::{Detected, DetectedNote, detect};
use inspection::{Inspection, RowSummary};

const EXAMPLES: &str = "\
Examples:
  ressenti inspect reviews.csv.gz
  ressenti inspect 'exports/*.jsonl'             several files with the same columns
  ressenti inspect reviews.csv --pipeline pipeline.toml      use the settings in its [ingest]
  ressenti inspect reviews.csv --set ingest.rating.centre=4  use this setting
  ressenti inspect reviews.csv --json | jq .columns";

/// Show how `ingest` would read a file
///
/// Prints the format, the role of each column with the reason, ten rows, the number of reviews per label, the
/// rows that would be rejected, and an `[ingest]` table for a pipeline file. Writes no files. Everything that
/// is detected can be set in `[ingest]`.
#[derive(Debug, Parser)]
#[command(name = "ressenti inspect", after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    /// File to inspect, or a pattern in quotes
    file: PathBuf,

    /// Pipeline file whose `[ingest]` settings are used
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,

    /// Set one setting of `[ingest]`, for example `--set ingest.rating.centre=4`; may be repeated
    #[arg(long = "set", value_name = "TABLE.KEY=VALUE")]
    overrides: Vec<Override>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command with the arguments after its name.
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
    let inspection = inspect(&arguments.file, &settings)?;
    let mut out = anstream::stdout();
    // A closed pipe is not an error: the reader has seen enough.
    let _ = match arguments.json {
        true => print::print_json(&mut out, &inspection),
        false => print::print_text(&mut out, &inspection),
    };
    Ok(())
}

/// Inspects the files that match a path.
fn inspect<'a>(path: &'a Path, settings: &'a IngestSettings) -> Result<Inspection<'a>> {
    let paths = settings::expand_pattern(path);
    read(path, &paths, settings, RowSummary::default())
}

/// Reads table files, which `source` names in the settings.
fn read<'a>(
    source: &'a Path,
    paths: &[PathBuf],
    settings: &'a IngestSettings,
    mut rows: RowSummary<'a>,
) -> Result<Inspection<'a>> {
    let first = paths.first().ok_or_else(no_source)?;
    let expected = "only CSV, JSON and Parquet files can be inspected";
    let hint = "The aclImdb data set needs no inspection: run it with `ressenti run --pipeline pipelines/imdb.toml --source PATH`";
    check_rows(first, settings, expected, hint)?;
    let scratch = std::env::temp_dir();
    let progress = Progress::new(ProgressMode::None, StepId::new(StageName::Ingest, REVIEWS));
    let layout = rows::read(paths, &scratch, settings, &progress, &mut rows)?;
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    Ok(Inspection {
        source,
        files: paths.len(),
        bytes: paths.iter().map(size).sum(),
        settings,
        layout,
        rows,
    })
}
