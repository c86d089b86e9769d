//! Why a training can fail.

use artifact::{ArtifactError, Failure, FailureKind};
use classifier::ClassifierError;

/// Why a training can fail.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss or the gradient was not finite, also at half the learning rate.
    #[error("The loss is not finite at step {step} of epoch {epoch}, in {rows}")]
    NonFinite {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
        /// The first reviews of the batch, by their ids.
        rows: String,
    },
    /// Not even one review at a time fits into memory.
    #[error("Memory is too small for a single review at step {step}")]
    OutOfMemory {
        /// Steps done.
        step: u64,
        /// What was asked for, in the words of libtorch.
        source: ClassifierError,
    },
    /// The user stopped it.
    #[error("Saved after step {step} of {total}; the same command resumes from there")]
    Stopped {
        /// Steps done.
        step: u64,
        /// Of how many at most.
        total: u64,
    },
    /// The state of the rung before was written by another version of the program.
    #[error("The state that the rung before has left cannot be read by this version")]
    UnreadableState,
    /// The GPU that a checkpoint was made on is not there any more.
    #[error("This training began on a GPU, and there is none now")]
    DeviceLost,
    /// The network or its data failed.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The record or a checkpoint could not be written.
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
                "Use less of a review, with a smaller `max_length` of its tokenizer, or train a smaller \
                 model; on a GPU, `--set run.device=cpu` uses the machine's memory instead"
            }
            TrainError::UnreadableState => "Train the sweep again with `ressenti run --from train`",
            TrainError::DeviceLost => {
                let hint = "Look for it with `ressenti doctor`; `--set run.device=cpu` resumes without it, \
                            from the last checkpoint";
                return Self::from_error(error)
                    .with_hint(hint.to_owned())
                    .with_kind(FailureKind::Transient);
            }
        };
        Self::from_error(error).with_hint(hint.to_owned())
    }
}
