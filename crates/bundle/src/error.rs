//! Errors of bundles.

use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure};

/// An error of a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The bundle cannot be used.
    #[error("The model bundle `{}` cannot be used: {problem}", folder.display())]
    Unusable {
        /// Folder of the bundle.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of the bundle cannot be read or written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl BundleError {
    /// A bundle that cannot be used.
    pub(crate) fn unusable(folder: &Path, problem: impl Into<String>) -> Self {
        let (folder, problem) = (folder.to_owned(), problem.into());
        Self::Unusable { folder, problem }
    }

    /// How to fix it.
    pub fn hint(&self) -> Option<String> {
        let retrain = "Train the model again with `ressenti run --only train --force`";
        match self {
            Self::Unusable { .. } => Some(retrain.to_owned()),
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
