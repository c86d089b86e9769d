//! What can be wrong with a bundle.

use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure};

/// What can be wrong with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be understood.
    #[error("The model bundle `{}` cannot be used: {problem}", folder.display())]
    Unusable {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of it could not be read or written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl BundleError {
    /// What is wrong with the bundle in a folder.
    pub(crate) fn unusable(folder: &Path, problem: impl Into<String>) -> Self {
        Self::Unusable {
            folder: folder.to_owned(),
            problem: problem.into(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unusable { .. } => {
                Some("Train the model again with `ressenti run --only train --force`".to_owned())
            }
            Self::Artifact(error) => error.hint(),
        }
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}
