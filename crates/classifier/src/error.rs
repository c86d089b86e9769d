//! What can go wrong between an artifact and a tensor.

use std::path::PathBuf;

use artifact::ArtifactError;

/// What went wrong with a network, its data or its device.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// CUDA was asked for and cannot be had.
    #[error("CUDA was asked for and cannot be used: {reason}")]
    NoCuda {
        /// Why not.
        reason: String,
    },
    /// Two artifacts do not fit together.
    #[error("The {left} and the {right} do not fit together: {reason}")]
    Misfit {
        /// One side.
        left: &'static str,
        /// The other side.
        right: &'static str,
        /// Expected and found.
        reason: String,
    },
    /// A row holds what no network may see.
    #[error("Row {row} of `{}` {problem}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Row number from 0.
        row: usize,
        /// What is wrong, as the rest of the sentence.
        problem: String,
    },
    /// A model bundle cannot be understood.
    #[error("The model bundle `{}` cannot be used: {problem}", folder.display())]
    Bundle {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A folder with a pretrained encoder cannot be understood.
    #[error("The encoder `{}` cannot be used: {problem}", folder.display())]
    Encoder {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// libtorch refused an operation.
    #[error("libtorch could not {action}")]
    Torch {
        /// What was attempted.
        action: &'static str,
        /// Why.
        source: tch::TchError,
    },
    /// An artifact could not be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl ClassifierError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoCuda { .. } => Some(
                "Take `--set run.device=auto` to use the processor where there is no CUDA, or set libtorch up with CUDA by `cargo xtask setup --cuda`"
                    .to_owned(),
            ),
            Self::Misfit { .. } | Self::Row { .. } => {
                Some("Rebuild what was made from other inputs with `ressenti run`".to_owned())
            }
            Self::Bundle { .. } => Some("Train the model again with `ressenti run --only train --force`".to_owned()),
            Self::Encoder { .. } => Some(
                "Name a folder with `config.json`, `model.safetensors` and `tokenizer.json` of one encoder, as the Hugging Face hub has them"
                    .to_owned(),
            ),
            Self::Torch { .. } => None,
            Self::Artifact(error) => error.hint(),
        }
    }

    /// A torch error with what was attempted: `map_err(ClassifierError::torch("add"))`.
    pub fn torch(action: &'static str) -> impl Fn(tch::TchError) -> Self {
        move |source| Self::Torch { action, source }
    }
}
