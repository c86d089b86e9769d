//! The stage `ingest`: raw reviews, whatever their form, to one canonical table.
//!
//! Rows are read one by one, with `csv-core`, `tar` and `flate2`, and not with polars, whose CSV
//! reader cannot say which row was bad and why. What cannot be used is kept aside with the reason;
//! nothing is dropped uncounted. Memory is bounded by the longest text allowed, not by the source.

mod aclimdb;
mod delimited;
mod download;
mod error;
mod form;
mod row;
mod sink;
mod sniff;
mod tally;

use std::path::{Path, PathBuf};

use artifact::{Contract, Source, StageName};
use settings::IngestSettings;
use stage::{Context, Failure, NoOptions, Outcome, Stage};

pub use error::IngestError;

use form::Form;
use sink::Sink;

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct Ingest;

impl Stage for Ingest {
    const NAME: StageName = StageName::Ingest;
    const ABOUT: &'static str = "Read raw reviews into one canonical table

Reads the source that `ingest.source` or `--source` names: the aclImdb archive or folder, the Kaggle file
`IMDB Dataset.csv`, or any CSV or TSV file whose columns the settings map. Writes `reviews.parquet`, and
`rejected.parquet` with every row that was not accepted, its place and the reason.";
    type Settings = IngestSettings;
    type Options = NoOptions;

    fn run(context: &Context, settings: IngestSettings) -> Result<Outcome, Failure> {
        let path = provide(context)?;
        let mut sink = Sink::create(context.output())?;
        read(context, &path, &settings, &mut sink)?;
        let (tally, files) = sink.finish()?;
        tally.check(&path, &settings)?;
        Ok(Outcome::new(
            Contract::Reviews {
                rows: tally.accepted(),
            },
            files,
            tally.summary(),
        ))
    }
}

/// The source as a file or folder on this machine.
fn provide(context: &Context) -> Result<PathBuf, IngestError> {
    match context.source() {
        None => Err(IngestError::NoSource),
        Some(Source::Path(path)) => Ok(path.clone()),
        Some(Source::Pinned { url, sha256 }) => {
            let cache = artifact::cache_folder().ok_or(IngestError::NoCache)?;
            download::provide(url, sha256, &cache.join("downloads"), context.progress())
        }
    }
}

fn read(
    context: &Context,
    path: &Path,
    settings: &IngestSettings,
    sink: &mut Sink,
) -> Result<(), IngestError> {
    let progress = context.progress();
    match Form::of(path, settings.format)? {
        Form::AclimdbFolder => aclimdb::read_folder(path, settings, progress, sink),
        Form::AclimdbArchive => {
            aclimdb::read_archive(path, settings, context.output(), progress, sink)
        }
        Form::Delimited { tabs } => delimited::read(path, tabs, settings, progress, sink),
    }
}
