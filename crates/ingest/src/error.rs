//! What can keep reviews from being read, in the words of whoever has to mend it.

use std::path::PathBuf;

use artifact::{ArtifactError, Failure, format};
use settings::nearest;
use tables::TableError;

/// What went wrong. [`IngestError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The pipeline file names no source, and the command line neither.
    #[error("There is no source of reviews: `ingest.source` is not set")]
    NoSource,
    /// A file could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A setting names a column that is not there.
    #[error("`{setting}` names the column `{name}`, which `{}` does not have", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The dotted key.
        setting: String,
        /// The name or position given.
        name: String,
        /// The columns that are there.
        known: Vec<String>,
    },
    /// There is nothing to tell the columns of a file by: what is wrong with its first row.
    #[error("The first row of `{}` cannot be read: {problem}", .0.display(), problem = .1)]
    FirstRow(PathBuf, String),
    /// No column of a file is mapped and its header, these names, is none we know.
    #[error("The columns of `{}` are none that ingest knows by itself", .0.display())]
    UnknownColumns(PathBuf, Vec<String>),
    /// More rows than `max_reject_rate` could not be used.
    #[error(
        "{} of {} rows were rejected, more than `ingest.max_reject_rate` = {limit} allows; the commonest reasons: {}",
        format::count(*rejected), format::count(*rows), list_reasons(reasons)
    )]
    TooManyRejected {
        /// Rows rejected.
        rejected: u64,
        /// Rows read.
        rows: u64,
        /// The highest share allowed.
        limit: f64,
        /// The commonest reasons with an example and their counts.
        reasons: Vec<(String, u64)>,
        /// What to do.
        hint: String,
    },
    /// What is found, and said, in one place.
    #[error("{message}")]
    Other {
        /// In one sentence.
        message: String,
        /// What to do.
        hint: String,
        /// Why, where a library says so.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The output could not be written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl IngestError {
    /// What went wrong in a sentence, and what to do.
    pub(crate) fn other(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Other {
            message: message.into(),
            hint: hint.into(),
            source: None,
        }
    }

    /// What to do about it, with a command that exists.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSource => "Name the reviews with `--source PATH`: a CSV or TSV file, or the aclImdb archive or folder".to_owned(),
            Self::Table(error) => return error.hint(),
            Self::FirstRow(..) => {
                "Check the file; longer texts are allowed with `--set ingest.max_text_bytes=NUMBER`, and quotes are taken \
                 for text with `--set ingest.quotes=false`".to_owned()
            }
            Self::NoColumn { name, known, .. } => hint_for_column(name, known),
            Self::UnknownColumns(_, known) => hint_for_header(known),
            Self::Other { hint, .. } | Self::TooManyRejected { hint, .. } => hint.clone(),
            Self::Artifact(error) => return error.hint(),
        })
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}

fn list_reasons(reasons: &[(String, u64)]) -> String {
    let reasons = reasons.iter();
    let list = reasons.map(|(reason, rows)| format!("{reason} ({})", format::count(*rows)));
    list.collect::<Vec<_>>().join("; ")
}

pub(crate) fn list_columns(known: &[String]) -> String {
    let list: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    list.join(", ")
}

fn hint_for_column(name: &str, known: &[String]) -> String {
    let there = list_columns(known);
    match nearest(name, known) {
        Some(close) => format!("Did you mean `{close}`? The columns are {there}"),
        None => format!("The columns are {there}"),
    }
}

/// A single column that holds a usual separator was most likely split at the wrong one.
fn hint_for_header(known: &[String]) -> String {
    let separators = [(";", "\";\""), ("\t", "\"\\t\""), ("|", "\"|\"")];
    let unsplit = match known {
        [name] => separators.iter().find(|(sign, _)| name.contains(sign)),
        _ => None,
    };
    match unsplit {
        Some((_, shown)) => format!("Name the separator with `--set 'ingest.delimiter={shown}'`"),
        None => format!(
            "Say which is which with `--set ingest.columns.text=NAME --set ingest.columns.label=NAME`; the columns are {}",
            list_columns(known)
        ),
    }
}
