//! How networks are trained: optimizer, checkpoints, the record of a run, and one loop over any [`Task`],
//! on a CPU or on a GPU.

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
pub use schedule::rate;
pub use task::{Task, Validation};
pub use trainer::{BestEpoch, OnBatch, TrainContext, TrainingResult, train};

/// There are no faults on purpose in the programs that people run.
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
