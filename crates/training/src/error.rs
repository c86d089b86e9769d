//! Errors of a training.

use artifact::{ArtifactError, Failure, FailureKind};
use classifier::ClassifierError;

pub(crate) type Result<T, E = TrainError> = std::result::Result<T, E>;

/// An error of a training.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss or the gradient was not finite, even at half the learning rate.
    #[error("The loss is not finite at step {step} of epoch {epoch}, in {rows}")]
    NonFinite {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
        /// The ids of the first reviews of the batch, as text.
        rows: String,
    },
    /// A batch of a single review does not fit into memory.
    #[error("Memory is too small for a single review at step {step}")]
    OutOfMemory {
        /// Steps done.
        step: u64,
        /// The error of libtorch.
        source: ClassifierError,
    },
    /// The user stopped the training.
    #[error("Saved after step {step} of {total}; the same command resumes from there")]
    Stopped {
        /// Steps done.
        step: u64,
        /// Maximum number of steps.
        total: u64,
    },
    /// Another version of the program wrote the state of the previous rung.
    #[error("Failed to read the state of the previous rung: another version of Ressenti wrote it")]
    UnreadableState,
    /// The checkpoint was written on a GPU, and there is no GPU now.
    #[error("Failed to resume: this training started on a GPU, and no GPU is available now")]
    DeviceLost,
    /// An error of the network, its data or its device.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        let hint = match error {
            TrainError::Classifier(error) => return error.into(),
            TrainError::Artifact(error) => return error.into(),
            TrainError::Stopped { .. } => {
                return Self::from_error(error).with_kind(FailureKind::Interrupted);
            }
            TrainError::NonFinite { .. } => {
                "Lower the learning rate, for example with `--set training.learning_rate=0.0003`, or clip \
                 the gradient with `--set training.clip_norm=1`"
            }
            TrainError::OutOfMemory { .. } => {
                "Truncate reviews with a smaller `max_length` of the tokenizer, or train a smaller \
                     model. On a GPU, `--set run.device=cpu` uses the machine's memory instead"
            }
            TrainError::UnreadableState => "Train the sweep again with `ressenti run --from train`",
            TrainError::DeviceLost => {
                let hint = "Check the GPU with `ressenti doctor`, or resume on the CPU from the last checkpoint with \
                                        `--set run.device=cpu`";
                let failure = Self::from_error(error).with_kind(FailureKind::Transient);
                return failure.with_hint(hint.to_owned());
            }
        };
        Self::from_error(error).with_hint(hint.to_owned())
    }
}
