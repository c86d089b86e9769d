//! What can keep reviews from being cleaned.

use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, Sentiment, Split, format};
use polars::error::PolarsError;

/// What went wrong. [`CleanError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// polars could not read, join or write a table.
    #[error("Could not {action} the table `{}`", path.display())]
    Table {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolarsError,
    },
    /// No row has a label.
    #[error("None of the {} reviews has a label, so there is nothing to learn from", format::count(*rows))]
    NothingLabelled {
        /// Rows read.
        rows: u64,
        /// The lowest and the highest rating, where there are any.
        ratings: Option<(f32, f32)>,
    },
    /// The source has one side of a split only.
    #[error("The source's own split has {} labelled rows for `{present}` and none for `{missing}`", format::count(*rows))]
    HalfSplit {
        /// The side that is there.
        present: Split,
        /// The side that is not.
        missing: Split,
        /// Rows of the side that is there.
        rows: u64,
    },
    /// A split that is needed has no rows.
    #[error("The split `{split}` has no reviews")]
    EmptySplit {
        /// Which.
        split: Split,
        /// Whether whole groups move together.
        grouped: bool,
    },
    /// A class cannot be learned.
    #[error("The training split has no {class} reviews")]
    MissingClass {
        /// Which.
        class: Sentiment,
        /// Whether whole groups move together.
        grouped: bool,
    },
    /// No language has this name.
    #[error("`clean.languages` names `{name}`, which the identifier does not know")]
    UnknownLanguage {
        /// As given.
        name: String,
        /// Those it knows.
        known: Vec<&'static str>,
    },
    /// The texts, which are too many to be held in memory, could not be kept beside the output.
    #[error("Could not keep the texts in a file in `{}`", folder.display())]
    Texts {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output could not be written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl CleanError {
    /// `map_err(CleanError::table("read", path))`.
    pub(crate) fn table(action: &'static str, path: &Path) -> impl Fn(PolarsError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Table {
            action,
            path: path.clone(),
            source,
        }
    }

    /// `map_err(CleanError::texts(folder))`.
    pub(crate) fn texts(folder: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let folder = folder.to_owned();
        move |source| Self::Texts {
            folder: folder.clone(),
            source,
        }
    }

    /// What to do about it, with a command that exists.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Table { .. } => None,
            Self::Texts { .. } => Some("It takes as much room as all texts together: see what is left with `ressenti doctor`".to_owned()),
            Self::NothingLabelled { ratings: Some((low, high)), .. } => Some(format!(
                "There are ratings from {low} to {high}, and it is not plain which scale they are on: say which one is neither \
                 good nor bad with `--set ingest.rating.centre=NUMBER`"
            )),
            Self::NothingLabelled { ratings: None, .. } => Some(
                "Name the column of labels with `--set ingest.columns.label=NAME` and what its values mean in \
                 `[ingest.labels]`, or that of ratings with `--set ingest.columns.rating=NAME` and their middle with \
                 `--set ingest.rating.centre=NUMBER`; `ressenti inspect FILE` shows what is in the file"
                    .to_owned(),
            ),
            Self::HalfSplit { .. } => {
                Some("Add the missing side, or let clean split all rows with `--set clean.split.official=false`".to_owned())
            }
            Self::EmptySplit { split: Split::Train, grouped } | Self::MissingClass { grouped, .. } => {
                Some(few_rows(*grouped, ""))
            }
            Self::EmptySplit { split, grouped } => {
                Some(few_rows(*grouped, &format!("raise `--set clean.split.{split}=SHARE`, ")))
            }
            Self::UnknownLanguage { known, .. } => Some(format!("It knows {}", known.join(", "))),
            Self::Artifact(error) => error.hint(),
        }
    }
}

/// What to do about a side that lacks reviews. Of few groups a larger share still may get none, so
/// that dividing by row comes first.
fn few_rows(grouped: bool, raise: &str) -> String {
    if grouped {
        format!(
            "There may be too few groups to divide: divide by row with `--set clean.split.grouped=false`, {raise}or add reviews"
        )
    } else {
        format!(
            "There are too few reviews to divide: {raise}add some, or try another `--set clean.seed=NUMBER`"
        )
    }
}

impl From<CleanError> for Failure {
    fn from(error: CleanError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}
