//! What can be wrong with what the report reads.

use std::path::PathBuf;

use artifact::{ArtifactError, Failure};
use compare::JudgedError;
use metrics::MetricsError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// An artifact is damaged or could not be read or written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Figures could not be computed, read or written.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A JSON file of an artifact is not what the report expects.
    #[error("`{}` does not hold what its stage promises", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A line of a training record is not JSON.
    #[error("Line {line} of `{}` is no training record", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Two models have judged different test reviews, so they cannot be compared.
    #[error("The models `{first}` and `{second}` have judged different test reviews")]
    OtherRows {
        /// One model.
        first: String,
        /// The other.
        second: String,
    },
    /// Two evaluations have intervals of different coverage.
    #[error(
        "The intervals of `{first}` cover {first_confidence} and those of `{second}` {second_confidence}"
    )]
    OtherConfidence {
        /// One model.
        first: String,
        /// Its coverage.
        first_confidence: f64,
        /// The other.
        second: String,
        /// Its coverage.
        second_confidence: f64,
    },
    /// A test review has no label that is known.
    #[error("The predictions of `{model}` hold a split `{split}`, which does not exist")]
    UnknownSplit {
        /// The model.
        model: String,
        /// The value.
        split: String,
    },
}

impl From<JudgedError> for ReportError {
    fn from(error: JudgedError) -> Self {
        match error {
            JudgedError::Metrics(error) => Self::Metrics(error),
            JudgedError::Artifact(error) => Self::Artifact(error),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let hint = match &error {
            ReportError::Artifact(error) => error.hint(),
            ReportError::Metrics(_) => None,
            ReportError::Json { .. } => {
                Some("Rebuild everything with `ressenti run --force`".to_owned())
            }
            ReportError::Line { .. } => {
                Some("Train again with `ressenti run --only train --force`".to_owned())
            }
            ReportError::OtherRows { .. }
            | ReportError::OtherConfidence { .. }
            | ReportError::UnknownSplit { .. } => Some(
                "Evaluate every model again with `ressenti run --only evaluate --force`".to_owned(),
            ),
        };
        match error {
            // The printer walks the chain; a transparent wrapper would say everything twice.
            ReportError::Artifact(error) => Self::from_error(error).with_hint(hint),
            ReportError::Metrics(error) => Self::from_error(error).with_hint(hint),
            error => Self::from_error(error).with_hint(hint),
        }
    }
}
