//! Errors of the linear model.

use std::path::PathBuf;

use artifact::ArtifactError;

/// An error of the linear model or its inputs.
#[derive(Debug, thiserror::Error)]
pub enum LinearError {
    /// The ids of an n-gram do not fit into its 63 bits.
    #[error(
        "N-grams of {longest} words are too long for a vocabulary of {vocabulary_size} words; the maximum is {most}"
    )]
    TooLong {
        /// Tokens of the longest n-gram.
        longest: u32,
        /// Number of token ids.
        vocabulary_size: u32,
        /// The largest number of tokens that fits.
        most: u32,
    },
    /// No n-gram is in at least this many training rows.
    #[error("No word n-gram occurs in at least {0} training reviews")]
    NoFeatures(u32),
    /// The file is not a linear model.
    #[error("`{path}` is not a linear model: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}
