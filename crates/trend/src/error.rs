//! Why there is no trend, for those who answer with a status, and for those who print it.

use artifact::{ArtifactError, Failure, format};
use ingest::InputError;
use quantification::QuantificationError;

/// Why there is no trend.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    /// The reviews cannot be read.
    #[error(transparent)]
    Reading(#[from] InputError),
    /// They can, and say too little; or what is wanted of them makes no sense.
    #[error(transparent)]
    UnusableReviews(#[from] UnusableReviews),
    /// There are more reviews than are taken.
    #[error("There are more than {} reviews with a time", format::count(*max_reviews))]
    TooMany {
        /// How many are.
        max_reviews: u64,
    },
    /// Nothing says how the model errs.
    #[error(transparent)]
    UnknownErrorRates(#[from] UnknownErrorRates),
    /// Nobody waits for it any more.
    #[error("Nobody waited for the trend any more")]
    Stopped,
    /// The model, or the machine.
    #[error("{}", .0.chain().join(": "))]
    Failed(Failure),
}

/// Reviews that say too little, or a wish that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum UnusableReviews {
    /// No review has a time.
    #[error("{} read, and none of them has a time", reviews(*read))]
    NoTime {
        /// Reviews that were read.
        read: u64,
    },
    /// No review is about a topic that was named.
    #[error("{} read, and none of them is about {}: {}", reviews(*read), wanted.join(" or "), topics(there))]
    NoTopic {
        /// Reviews that were read.
        read: u64,
        /// The topics.
        wanted: Vec<String>,
        /// Those that most reviews are about.
        there: Vec<String>,
    },
    /// No text has anything in it.
    #[error("Nothing is left of any text once it is cleaned")]
    NoText,
    /// Fewer reviews are labelled than shall be learned from.
    #[error("{asked} labelled reviews were asked for, and the file has {there}")]
    TooFewLabelled {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        there: u64,
    },
    /// All reviews with a time were taken to learn from.
    #[error(
        "All reviews with a time were taken to learn from, and none is left to make a trend of"
    )]
    NothingLeft,
    /// Labelled reviews do not say how the model errs.
    #[error("How the model errs cannot be learned from {what}: {error}")]
    ErrorRates {
        /// The labelled reviews.
        what: String,
        /// Why.
        error: QuantificationError,
    },
    /// The period given makes too many.
    #[error("by {period} there would be {count} periods, of which nobody sees a trend")]
    TooManyPeriods {
        /// The period.
        period: &'static str,
        /// How many there would be.
        count: i64,
    },
}

/// Nothing says how the model errs.
#[derive(Debug, thiserror::Error)]
pub enum UnknownErrorRates {
    /// A lone bundle belongs to no evaluation.
    #[error("How the model errs is not part of its bundle, and without it a share has no interval")]
    BundleOnly,
    /// It was never evaluated.
    #[error("`{model}` has not been judged, so that it is not known how it errs")]
    NotEvaluated {
        /// The model.
        model: String,
    },
    /// It is another one than that which was evaluated.
    #[error("`{model}` was trained again since it was judged, so that it is not known how it errs")]
    Retrained {
        /// The model.
        model: String,
    },
}

fn topics(there: &[String]) -> String {
    match there {
        [] => "none of them names a topic".to_owned(),
        some => format!("most are about {}", some.join(", ")),
    }
}

fn reviews(read: u64) -> String {
    format::plural(read, "review was", "reviews were")
}

impl UnusableReviews {
    /// What to do about it on the command line.
    fn hint(&self) -> Option<String> {
        let column = |role: &str| {
            Some(format!(
                "`ressenti inspect FILE` shows which column is taken for the {role}; name another with `--set ingest.columns.{role}=NAME`"
            ))
        };
        let hint = match self {
            Self::NoTopic { .. } => return column("topic"),
            Self::TooFewLabelled { .. } => return column("label"),
            Self::NoText => return column("text"),
            Self::NoTime { .. } => {
                "`ressenti inspect FILE` shows what the columns are taken for; name the one with the time: `--set ingest.columns.timestamp=NAME`"
            }
            Self::NothingLeft => {
                "Take fewer with `--adapt N`, or learn from another file with `--labelled FILE`"
            }
            Self::ErrorRates { error, .. } => match error {
                QuantificationError::TooFewPerClass { .. } => {
                    "A few hundred reviews of both classes are wanted: see `--adapt` and `--labelled`"
                }
                QuantificationError::Uninformative => {
                    "Another model may do better: `ressenti predict --challenge` and the report say how each does"
                }
                _ => return None,
            },
            Self::TooManyPeriods { .. } => {
                "Try `--period year`, or leave `--period` and `--keep-all-times` out"
            }
        };
        Some(hint.to_owned())
    }
}

impl UnknownErrorRates {
    /// What to do about it on the command line.
    fn hint(&self) -> String {
        match self {
            Self::BundleOnly => "Let labelled reviews say it with `--adapt 300` or `--labelled FILE`, or name the model with `--model` in the folder of its pipeline file".to_owned(),
            Self::NotEvaluated { model } | Self::Retrained { model } => format!(
                "Judge it with `ressenti run --variant {model}`, or let labelled reviews of the file say it: `--adapt 300`"
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
    fn from(refused: TrendError) -> Self {
        let hint = match &refused {
            TrendError::UnusableReviews(unfit) => unfit.hint(),
            TrendError::UnknownErrorRates(unjudged) => Some(unjudged.hint()),
            _ => None,
        };
        match refused {
            TrendError::Reading(error) => error.into(),
            TrendError::Failed(failure) => failure,
            refused => Self::from_error(refused).with_hint(hint),
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
