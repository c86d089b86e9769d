//! The stage `ingest`: raw reviews, whatever their form, to one canonical table.
//!
//! Rows are read one by one, and not with polars, whose CSV
//! reader cannot say which row was bad and why. What cannot be used is kept aside with the reason;
//! nothing is dropped uncounted. Memory is bounded by the longest text allowed, not by the source.

mod aclimdb;
mod download;
mod error;
mod form;
mod inspect;
mod row;
mod rows;
mod sink;
mod tally;

use std::path::{Path, PathBuf};

use artifact::{Contract, Failure, Source, StageName};
use settings::IngestSettings;
use stage::{Context, NoOptions, Outcome, Progress, Stage};

pub use error::IngestError;
pub use inspect::main as inspect;
pub use row::Review;
pub use rows::{
    BadRow, Carry, TextContent, TextRow, carried_names, count_rows, read_each, read_texts,
};
pub use tables::TableError;

use form::Form;
use sink::Sink;

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
        let paths = provide(context)?;
        let path = paths.first().ok_or(IngestError::NoSource)?;
        let mut sink = Sink::create(context.output())?;
        let place = (context.output(), context.progress());
        read(&paths, &settings, place, &mut sink)?;
        let (tally, files) = sink.finish()?;
        tally.check(path, &settings)?;
        Ok(Outcome::new(
            Contract::Reviews {
                rows: tally.accepted(),
            },
            files,
            tally.summary(),
        ))
    }
}

/// The source as files, or a folder, on this machine.
fn provide(context: &Context) -> Result<Vec<PathBuf>, IngestError> {
    let one = |source: &Source| match source {
        Source::Path(path) => Ok(path.clone()),
        Source::Pinned { url, sha256 } => {
            let cache = artifact::cache_folder().ok_or_else(no_cache)?;
            download::provide(url, sha256, &cache.join("downloads"), context.progress())
        }
    };
    context.sources().iter().map(one).collect()
}

fn no_cache() -> IngestError {
    IngestError::other(
        "There is no cache folder to download to",
        "Set `HOME` or `RESSENTI_CACHE`, or download the file by hand and pass `--source PATH`",
    )
}

fn read(
    paths: &[PathBuf],
    settings: &IngestSettings,
    (folder, progress): (&Path, &Progress),
    sink: &mut Sink,
) -> Result<(), IngestError> {
    let path = paths.first().ok_or(IngestError::NoSource)?;
    let form = Form::of(path, settings.format)?;
    if paths.len() > 1 && form != Form::Rows {
        return Err(IngestError::other(
            format!(
                "`ingest.source` names {} sources, of which `{}` is taken for aclImdb, and that is one whole",
                paths.len(),
                path.display()
            ),
            "Name it alone, or files of rows: one, a pattern, or a list",
        ));
    }
    match form {
        Form::Aclimdb => aclimdb::read(path, settings, folder, progress, sink),
        Form::Rows => rows::read(paths, folder, settings, progress, sink).map(drop),
    }
}
