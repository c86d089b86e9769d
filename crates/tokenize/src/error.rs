//! What can keep the stage from its output.

use artifact::{ArtifactError, Failure};
use text::TextError;

/// A failure of `tokenize`.
#[derive(Debug, thiserror::Error)]
pub enum TokenizeError {
    /// A table or file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The tokenizer file cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// One review could not be encoded.
    #[error("The review with the row id `{row_id}` could not be encoded")]
    Row {
        /// Which one.
        row_id: u64,
        /// Why.
        source: TextError,
    },
    /// The `tokenizers` library gave up.
    #[error("Could not {action}")]
    Library {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The training split has no row.
    #[error("The training split is empty, so there is nothing to learn a vocabulary from")]
    NothingToLearnFrom,
    /// No word of the training split is frequent enough.
    #[error(
        "No word of the training split occurs {frequency} times, so the vocabulary would be empty"
    )]
    NothingFrequent {
        /// The setting in force.
        frequency: u64,
    },
    /// The thread that some vocabularies are learned on could not be started.
    #[error("Could not start a thread to learn the vocabulary")]
    Thread {
        /// Why.
        source: rayon::ThreadPoolBuildError,
    },
}

impl TokenizeError {
    /// An error of the library: `map_err(TokenizeError::library("learn the vocabulary"))`.
    pub(crate) fn library(
        action: &'static str,
    ) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |source| Self::Library { action, source }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Artifact(error) => error.hint(),
            Self::Text(error) | Self::Row { source: error, .. } => error.hint(),
            Self::NothingToLearnFrom => Some(
                "Give the training split rows: lower `clean.split.test` and `clean.split.validation`, or ingest more reviews"
                    .to_owned(),
            ),
            Self::NothingFrequent { .. } => Some("Lower the tokenizer's `min_frequency`".to_owned()),
            Self::Library { .. } | Self::Thread { .. } => None,
        }
    }
}

impl From<TokenizeError> for Failure {
    fn from(error: TokenizeError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}
