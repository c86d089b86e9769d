//! What can keep a training from its end.

use artifact::ArtifactError;
use classifier::{ClassifierError, Fault};
use stage::{Failure, FailureKind};

/// What may happen while training.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss left the numbers, at half the rate, too.
    #[error(
        "The loss is not a number any more at step {step} of epoch {epoch}, in the batch of the reviews {rows}"
    )]
    NotANumber {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
        /// The first reviews of the batch, by row.
        rows: String,
    },
    /// Not even one review at a time fits the device.
    #[error("The device's memory is too small for a single review at step {step}")]
    OutOfMemory {
        /// Steps done.
        step: u64,
        /// What was asked for, in the words of libtorch.
        source: ClassifierError,
    },
    /// The user stopped it.
    #[error("Saved after step {step} of {total}; the same command goes on from there")]
    Stopped {
        /// Steps done.
        step: u64,
        /// Of how many at most.
        total: u64,
    },
    /// The state of the rung before is one of another version of the program.
    #[error("The state that the rung before has left cannot be read by this version")]
    StrangeState,
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

/// A failure of libtorch. One that only a new process can leave is worth trying again: ids and
/// labels were checked beforehand, so it is the device's.
pub(crate) fn failure(error: ClassifierError) -> Failure {
    let hint = error.hint();
    let kind = match error.fault() {
        Some(Fault::Device) => FailureKind::Transient,
        _ => FailureKind::Mendable,
    };
    Failure::from_error(error).with_hint(hint).with_kind(kind)
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        let hint = match error {
            TrainError::Classifier(error) => return failure(error),
            TrainError::Artifact(error) => return error.into(),
            TrainError::Stopped { .. } => {
                return Self::from_error(error).with_kind(FailureKind::Interrupted);
            }
            TrainError::NotANumber { .. } => {
                "Lower the rate, for example with `--set training.learning_rate=0.0003`, or clip the \
                 gradient with `--set training.clip_norm=1`"
            }
            TrainError::OutOfMemory { .. } => {
                "Read less of a review, with a smaller `max_length` of its tokenizer, or train a smaller \
                 model; `--set run.device=cpu` takes the machine's memory instead"
            }
            TrainError::StrangeState => "Train the sweep again with `ressenti run --from train`",
            TrainError::DeviceLost => {
                let hint = "Look for it with `ressenti doctor`; `--set run.device=cpu` goes on without it, \
                            from the last checkpoint";
                return Self::from_error(error)
                    .with_hint(hint.to_owned())
                    .with_kind(FailureKind::Transient);
            }
        };
        Self::from_error(error).with_hint(hint.to_owned())
    }
}
