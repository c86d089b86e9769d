//! Why there is no trend: errors for the command line and for the service.

use artifact::{ArtifactError, Failure, format};
use ingest::InputError;
use quantification::QuantificationError;

pub(crate) type Result<T, E = TrendError> = std::result::Result<T, E>;

/// Why there is no trend.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    /// The files cannot be read.
    #[error(transparent)]
    Reading(#[from] InputError),
    /// The files can be read, but a trend of these reviews is not possible.
    #[error(transparent)]
    UnusableReviews(#[from] UnusableReviews),
    /// There are more reviews than allowed.
    #[error("There are more than {} reviews with a time", format::count(*max_reviews))]
    TooMany {
        /// The maximum.
        max_reviews: u64,
    },
    /// The model's error rates are not known.
    #[error(transparent)]
    UnknownErrorRates(#[from] UnknownErrorRates),
    /// The computation was cancelled.
    #[error("The trend was cancelled, because the client stopped waiting")]
    Stopped,
    /// The model or the machine failed.
    #[error("{}", .0.chain().join(": "))]
    Failed(Failure),
}

/// Reviews or options that make a trend impossible.
#[derive(Debug, thiserror::Error)]
pub enum UnusableReviews {
    /// No review has a time.
    #[error("No time was found in {}", reviews(*read))]
    NoTime {
        /// Number of reviews read.
        read: u64,
    },
    /// No review has one of the requested topics.
    #[error("No review about {} was found in {}; {}", quoted(wanted, " or "), reviews(*read), topics(there))]
    NoTopic {
        /// Number of reviews read.
        read: u64,
        /// The requested topics.
        wanted: Vec<String>,
        /// The most common topics of the reviews.
        there: Vec<String>,
    },
    /// No text is left after cleaning.
    #[error("No review has any text left after cleaning")]
    NoText,
    /// Fewer reviews are labelled than requested for calibration.
    #[error("{} labelled reviews were requested for calibration, but only {} available", format::count(*requested as u64), format::plural(*available, "is", "are"))]
    TooFewLabelled {
        /// The requested number.
        requested: usize,
        /// The number of labelled reviews with a time.
        available: u64,
    },
    /// All reviews with a time were used for calibration.
    #[error("All reviews with a time were used for calibration, so none are left for the trend")]
    NothingLeft,
    /// Error rates cannot be learned from the labelled reviews.
    #[error("Failed to learn the model's error rates from {what}: {error}")]
    ErrorRates {
        /// The labelled reviews.
        what: String,
        /// The cause.
        error: QuantificationError,
    },
    /// The period is too short for the time span.
    #[error("The reviews span {} {period}s, which is more than a trend can show", format::count(*count as u64))]
    TooManyPeriods {
        /// The period.
        period: &'static str,
        /// Number of periods.
        count: i64,
    },
}

/// Why the error rates of a model are not known.
#[derive(Debug, thiserror::Error)]
pub enum UnknownErrorRates {
    /// The model was loaded from a bundle, which belongs to no evaluation.
    #[error("A trend needs the model's error rates, and a bundle does not contain them")]
    BundleOnly,
    /// The model was never evaluated.
    #[error("`{model}` has not been evaluated, so its error rates are unknown")]
    NotEvaluated {
        /// The model.
        model: String,
    },
    /// The model was trained again after its evaluation.
    #[error("`{model}` was trained again after its evaluation, so its error rates are unknown")]
    Retrained {
        /// The model.
        model: String,
    },
}

fn topics(there: &[String]) -> String {
    match there {
        [] => "no review has a topic".to_owned(),
        topics => format!("the most common topics are {}", quoted(topics, ", ")),
    }
}

fn quoted(names: &[String], separator: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(separator)
}

fn reviews(read: u64) -> String {
    format::plural(read, "review", "reviews")
}

impl UnusableReviews {
    /// The hint for the command line.
    fn hint(&self) -> Option<String> {
        let column = |role: &str| {
            Some(format!(
                "`ressenti inspect FILE` shows which column is used as the {role}; choose another one with `--set ingest.columns.{role}=NAME`"
            ))
        };
        let hint = match self {
            Self::NoTopic { .. } => return column("topic"),
            Self::TooFewLabelled { available: 0, .. } => return column("label"),
            Self::TooFewLabelled { .. } => {
                "Use a smaller number in `--calibrate-on N`, or label more reviews"
            }
            Self::NoText => return column("text"),
            Self::NoTime { .. } => {
                "`ressenti inspect FILE` shows how the columns are used; choose the one with the time with `--set ingest.columns.timestamp=NAME`"
            }
            Self::NothingLeft => {
                "Use a smaller number in `--calibrate-on N`, or calibrate on another file with `--labelled FILE`"
            }
            Self::ErrorRates { error, .. } => match error {
                QuantificationError::TooFewPerClass { .. } => {
                    "Use a few hundred labelled reviews of both classes with `--calibrate-on N` or `--labelled FILE`"
                }
                QuantificationError::Uninformative => {
                    "Try another model: the report and `ressenti predict --challenge` show how well each one predicts"
                }
                _ => return None,
            },
            Self::TooManyPeriods { .. } => {
                "Use a longer period such as `--period year`, or omit `--period` and `--keep-all-times`"
            }
        };
        Some(hint.to_owned())
    }
}

impl UnknownErrorRates {
    /// The hint for the command line.
    fn hint(&self) -> String {
        match self {
            Self::BundleOnly => "Calibrate on labelled reviews with `--calibrate-on 300` or `--labelled FILE`, or use `--model NAME` in the folder of the pipeline file".to_owned(),
            Self::NotEvaluated { model } | Self::Retrained { model } => format!(
                "Evaluate it with `ressenti run --model {model}`, or calibrate on labelled reviews of the file with `--calibrate-on 300`"
            ),
        }
    }
}

impl From<ArtifactError> for TrendError {
    fn from(error: ArtifactError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<TrendError> for Failure {
    fn from(error: TrendError) -> Self {
        let hint = match &error {
            TrendError::UnusableReviews(reviews) => reviews.hint(),
            TrendError::UnknownErrorRates(reason) => Some(reason.hint()),
            _ => None,
        };
        match error {
            TrendError::Reading(error) => error.into(),
            TrendError::Failed(failure) => failure,
            error => Self::from_error(error).with_hint(hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use artifact::FailureKind;

    use super::*;

    #[test]
    fn a_failure_of_the_model_keeps_its_kind() {
        for kind in [FailureKind::Transient, FailureKind::Fixable] {
            let failure = Failure::new("The model failed").with_kind(kind);
            assert_eq!(Failure::from(TrendError::Failed(failure)).kind(), kind);
        }
    }
}
