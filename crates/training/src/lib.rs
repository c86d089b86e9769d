//! How networks are trained: optimizer, checkpoints, the record of a run, and one loop over any [`Task`],
//! on a processor or on a device.

mod adam;
mod checkpoint;
mod classification;
mod error;
mod faults;
mod range_test;
mod record;
mod schedule;
mod task;
mod trainer;

pub use adam::AdamW;
pub use checkpoint::{BeforeWrite, Checkpoint, CheckpointManager, Note, Snapshot, bits};
pub use classification::Classification;
pub use error::TrainError;
pub use faults::on_write;
pub use range_test::{SETTLED, raise_rate};
pub use record::{Line, Record};
pub use schedule::rate;
pub use task::{Requests, Task, Validation};
pub use trainer::{BestValidation, OnBatch, TrainContext, Trained, train};
