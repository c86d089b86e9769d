//! What can keep the stage from its output.

use std::path::PathBuf;

use artifact::{ArtifactError, Digest, Failure, format};
use classifier::ClassifierError;
use settings::vectors::VectorsError;
use text::TextError;

/// A failure of `embed`.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// An artifact could not be read or written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The encoder cannot be used.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The encoder was trained with another tokenizer than the tokens come from.
    #[error(
        "The encoder `{}` was trained with its own tokenizer ({own}), and the tokens come from another ({tokens})",
        folder.display()
    )]
    OtherTokenizer {
        /// The encoder's folder.
        folder: PathBuf,
        /// Fingerprint of its tokenizer.
        own: Digest,
        /// Fingerprint of the tokens'.
        tokens: Digest,
    },
    /// The encoder has fewer words than the tokenizer.
    #[error(
        "The encoder `{}` knows {} ids, and its tokenizer makes {}",
        folder.display(), format::count(*known), format::count(*made)
    )]
    TooFewWords {
        /// The encoder's folder.
        folder: PathBuf,
        /// Rows of its word table.
        known: u32,
        /// Ids of the tokenizer.
        made: u32,
    },
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The file of word vectors cannot be used.
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    /// The file ended where it should not have.
    #[error("The word vectors `{}` are cut off after line {line}", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// The last line that was read.
        line: u64,
        /// Why it is thought so.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Too many lines are not what a line of word vectors is.
    #[error(
        "{} of {} lines of the word vectors `{}` cannot be used, the first in line {first}: {reasons}",
        format::count(*bad), format::count(*lines), path.display()
    )]
    BadLines {
        /// The file.
        path: PathBuf,
        /// How many.
        bad: u64,
        /// Of how many.
        lines: u64,
        /// Where the first one is.
        first: u64,
        /// Counts by reason.
        reasons: String,
    },
    /// The file has other vectors than the setting says.
    #[error("`width` is {wanted}, and the vectors in `{}` have {found} components", path.display())]
    Width {
        /// The file.
        path: PathBuf,
        /// The setting.
        wanted: u32,
        /// The file's.
        found: u32,
    },
    /// Not one entry of the vocabulary has a vector.
    #[error("`{}` has no vector for any of the {} entries of the vocabulary", path.display(), format::count(*entries))]
    NothingFound {
        /// The file.
        path: PathBuf,
        /// Entries looked up.
        entries: u64,
    },
}

impl EmbedError {
    fn hint(&self) -> Option<String> {
        let again = "Get the file again and compare its size or checksum with its publisher's";
        match self {
            Self::Artifact(error) => error.hint(),
            Self::Classifier(error) => error.hint(),
            Self::OtherTokenizer { folder, .. } => Some(format!(
                "Give the tokenizer's table `kind = \"pretrained\"` and `source = \"{}\"`",
                folder.join("tokenizer.json").display()
            )),
            Self::TooFewWords { .. } => Some(
                "Get `config.json`, `model.safetensors` and `tokenizer.json` again, all of the same encoder"
                    .to_owned(),
            ),
            Self::Text(error) => error.hint(),
            Self::Vectors(_) | Self::CutOff { .. } => Some(again.to_owned()),
            Self::BadLines { .. } => Some(format!(
                "{again}; every line should be a word and its numbers, separated by single spaces"
            )),
            Self::Width { wanted, .. } => {
                Some(format!("Remove `width` from the embedding's table, or name vectors of {wanted} components as its `source`"))
            }
            Self::NothingFound { .. } => {
                Some("Name vectors of the reviews' language as the embedding's `source`, or take a `word` tokenizer".to_owned())
            }
        }
    }
}

/// Errors of other crates keep their own kind: a device fault stays transient.
impl From<EmbedError> for Failure {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Classifier(error) => error.into(),
            EmbedError::Artifact(error) => error.into(),
            error => {
                let hint = error.hint();
                Self::from_error(error).with_hint(hint)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use artifact::FailureKind;
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn a_device_fault_stays_transient() {
        // There is no device of this number, with or without CUDA.
        let error = ClassifierError::catch("make a tensor", || {
            Ok(Tensor::zeros([1], (Kind::Float, Device::Cuda(99))))
        });
        let error = error.expect_err("the operation fails");
        let failure = Failure::from(EmbedError::from(error));
        assert_eq!(failure.kind(), FailureKind::Transient);
        assert_eq!(failure.chain()[0], "libtorch could not make a tensor");
        assert!(failure.hint().is_some_and(|hint| hint.contains("doctor")));
    }
}
