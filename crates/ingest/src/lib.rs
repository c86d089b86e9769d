//! The stage `ingest`: raw reviews, whatever their form, to one canonical table.
//!
//! Rows are read one by one, and not with polars, whose CSV
//! reader cannot say which row was bad and why. What cannot be used is kept aside with the reason;
//! nothing is dropped uncounted. Memory is bounded by the longest text allowed, not by the source.

mod aclimdb;
mod download;
mod error;
mod inspect;
mod row;
mod row_counts;
mod rows;
mod sink;
mod source_format;

use std::path::PathBuf;

use artifact::{Contract, Failure, Source, StageName};
use settings::IngestSettings;
use stage::{Context, NoOptions, Outcome, Stage};

pub use inspect::main as inspect;
pub use row::Review;
pub use rows::{
    KeepColumns, RejectedRow, TextContent, TextRow, count_rows, for_each_review, kept_column_names,
    read_texts,
};
pub use tables::{InputError, Problem};

use error::no_source;
use sink::ParquetSink;
use source_format::is_aclimdb;

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct Ingest;

impl Stage for Ingest {
    const NAME: StageName = StageName::Ingest;
    const ABOUT: &'static str = "Read raw reviews into one canonical table

Reads the source that `ingest.source` or `--source` names: the aclImdb archive or folder, or files of rows, one
or a pattern such as 'reviews/*.csv': CSV and its relatives, JSON, Parquet, plain or packed with gzip, zstd or zip.
What columns are, how text is encoded and how fields are separated is found by itself, said, and can be set. Writes `reviews.parquet`, and
`rejected.parquet` with every row that was not accepted, its place and the reason.";
    type Settings = IngestSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: IngestSettings) -> Result<Outcome, Failure> {
        let paths = resolve_sources(context)?;
        let path = paths.first().ok_or_else(no_source)?;
        let (scratch, progress) = (context.output(), context.progress());
        let mut sink = ParquetSink::create(scratch)?;
        if !is_aclimdb(path, settings.format)? {
            rows::read(&paths, scratch, &settings, progress, &mut sink)?;
        } else if paths.len() == 1 {
            aclimdb::read(path, &settings, scratch, progress, &mut sink)?;
        } else {
            let (count, path) = (paths.len(), path.display());
            let message = format!(
                "`ingest.source` names {count} sources, of which `{path}` is taken for aclImdb, and that is one whole"
            );
            let hint = "Name it alone, or files of rows: one, a pattern, or a list";
            return Err(InputError::other(message, hint).into());
        }
        let (counts, files) = sink.finish()?;
        counts.check(path, &settings)?;
        let rows = counts.accepted();
        let contract = Contract::Reviews { rows };
        Ok(Outcome::new(contract, files, counts.summary()))
    }
}

/// The source as files, or a folder, on this machine.
fn resolve_sources(context: &Context) -> Result<Vec<PathBuf>, InputError> {
    let one = |source: &Source| match source {
        Source::Path(path) => Ok(path.clone()),
        Source::Pinned { url, sha256 } => {
            let cache = artifact::cache_folder().ok_or_else(|| {
                InputError::other(
                    "There is no cache folder to download to",
                    "Set `HOME` or `RESSENTI_CACHE`, or download the file by hand and pass `--source PATH`",
                )
            })?;
            download::ensure_downloaded(url, sha256, &cache.join("downloads"), context.progress())
        }
    };
    context.sources().iter().map(one).collect()
}
