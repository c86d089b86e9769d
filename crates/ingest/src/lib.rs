//! The stage `ingest`: reads raw reviews in many formats into one table.
//!
//! Rows are read one by one and not with polars, whose CSV reader does not report which row is invalid and
//! why. Every row that cannot be used is written to `rejected.parquet` with the reason. Memory is bounded by
//! the longest text allowed, not by the size of the source.

mod aclimdb;
mod download;
mod error;
mod inspect;
mod row;
mod row_counts;
mod rows;
mod sink;
mod source_format;
mod text_lengths;

use std::path::PathBuf;

use artifact::{Contract, Failure, Source, StageName};
use settings::IngestSettings;
use stage::{Context, NoOptions, Outcome, Stage};

pub use inspect::{Detected, DetectedNote, detect, main as inspect};
pub use row::Review;
pub use rows::{
    KeepColumns, RejectedRow, TextContent, TextRow, count_rows, for_each_review, kept_column_names,
    read_texts, settings_for_file,
};
pub use tables::{InputError, Problem, Result};
pub use text_lengths::{LengthSummary, TextLengths};

use error::no_source;
use sink::ParquetSink;
use source_format::is_aclimdb;

/// The stage `ingest`.
#[derive(Clone, Copy, Debug)]
pub struct Ingest;

impl Stage for Ingest {
    const NAME: StageName = StageName::Ingest;
    const ABOUT: &'static str = "Read raw reviews into one table

Reads the source that `ingest.source` or `--source` names: the aclImdb archive or folder, or table files (one, or a pattern such
as 'reviews/*.csv') in CSV, TSV, JSON or Parquet, plain or compressed with gzip, zstd or zip. Detects and prints the encoding, the
separator and the role of each column; all of them can be set. Writes `reviews.parquet`, and `rejected.parquet` with every row
that was not accepted, its position and the reason.";
    type Settings = IngestSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: IngestSettings) -> Result<Outcome, Failure> {
        let paths = resolve_sources(context)?;
        let path = paths.first().ok_or_else(no_source)?;
        let (scratch, progress) = (context.output(), context.progress());
        let mut sink = ParquetSink::create(scratch)?;
        let mut layout = None;
        if !is_aclimdb(path, settings.format)? {
            layout = Some(rows::read(&paths, scratch, &settings, progress, &mut sink)?);
        } else if paths.len() == 1 {
            aclimdb::read(path, &settings, scratch, progress, &mut sink)?;
        } else {
            let (count, path) = (paths.len(), path.display());
            let message = format!(
                "`ingest.source` names {count} sources, but `{path}` is an aclImdb archive or folder, which must be the only source"
            );
            let hint = "Name only this source, or name only CSV, JSON and Parquet files";
            return Err(InputError::other(message, hint).into());
        }
        let (counts, files) = sink.finish()?;
        counts.check(path, &settings, |role| layout.as_ref()?.question(role))?;
        if let Some(warning) = counts.imbalance() {
            progress.note(&warning);
        }
        let rows = counts.accepted();
        let contract = Contract::Reviews { rows };
        Ok(Outcome::new(contract, files, counts.summary()))
    }
}

/// Returns the paths of the sources, and downloads them if needed.
fn resolve_sources(context: &Context) -> Result<Vec<PathBuf>> {
    let one = |source: &Source| match source {
        Source::Path(path) => Ok(path.clone()),
        Source::Pinned { url, sha256 } => {
            let hint = "Set `HOME` or `RESSENTI_CACHE`, or download the file yourself and pass `--source PATH`";
            let unknown = || InputError::other("There is no cache folder for downloads", hint);
            let cache = artifact::cache_folder().ok_or_else(unknown)?;
            download::ensure_downloaded(url, sha256, &cache.join("downloads"), context.progress())
        }
    };
    context.sources().iter().map(one).collect()
}
