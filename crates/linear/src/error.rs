//! What can be wrong with a linear model.

use std::path::PathBuf;

use artifact::ArtifactError;

/// What can be wrong with a linear model or with what it is made from.
#[derive(Debug, thiserror::Error)]
pub enum LinearError {
    /// An n-gram's ids do not fit into its number.
    #[error(
        "Sequences of {longest} tokens cannot be made of {vocabulary_size} words: of so many, {most} is the most"
    )]
    TooLong {
        /// Tokens in the longest.
        longest: u32,
        /// Ids.
        vocabulary_size: u32,
        /// Tokens that would fit.
        most: u32,
    },
    /// Nothing to learn from.
    #[error("No sequence of words stands in {0} training reviews or more")]
    NoFeatures(u32),
    /// The file is not what a linear model is kept in.
    #[error("`{path}` is not a linear model: {problem}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The disk refuses.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}
