//! Training of networks: the optimizer, checkpoints, the record of a run, and one training loop for any [`Task`], on
//! CPU and GPU.

mod adam;
mod checkpoint;
mod classification;
mod error;
#[cfg(feature = "faults")]
mod faults;
mod range_test;
mod record;
mod schedule;
mod task;
mod trainer;

pub use adam::AdamW;
pub use checkpoint::{Checkpoint, CheckpointManager, Note, bits};
pub use classification::Classification;
pub use error::TrainError;
pub use range_test::{SETTLING_STEPS, run_range_test};
pub use record::{Record, RecordLine};
pub use schedule::learning_rate;
pub use task::{Task, Validation};
pub use trainer::{BestEpoch, OnBatch, TrainContext, TrainingResult, train};

/// The programs that users run inject no faults.
#[cfg(not(feature = "faults"))]
mod faults {
    pub(crate) fn before(_: u64, _: &tch::Tensor) -> Result<(), classifier::ClassifierError> {
        Ok(())
    }

    pub(crate) fn after(_: u64, _: &mut tch::Tensor) {}

    pub(crate) fn on_write() -> std::io::Result<()> {
        Ok(())
    }
}
