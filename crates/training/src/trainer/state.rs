//! Converts between the trainer's state and checkpoints.

use std::sync::atomic::Ordering;
use std::time::Instant;

use classifier::{ClassifierError, Logits};
use tch::{Device, Kind, Tensor, no_grad};

use super::position::{Best, Position, Sums};
use super::{BestEpoch, Trainer};
use crate::checkpoint::Checkpoint;
use crate::error::{Result, TrainError};
use crate::record::{Record, seconds_of};
use crate::task::{Task, Validation};

/// The tensors of a checkpoint: the trained weights, the moments of the optimizer, the weights of the best epoch and
/// its validation logits. The last two are empty before the end of the first epoch. Frozen weights are not stored:
/// they come from the inputs of the step.
const TENSORS: [&str; 5] = [
    "weights",
    "optimizer.first_moment",
    "optimizer.second_moment",
    "best.weights",
    "best.logits",
];

/// A checkpoint that training can resume from.
pub(super) struct ResumeState {
    position: Position,
    checkpoint: Checkpoint,
}

impl ResumeState {
    /// Parses a checkpoint; `None` if another version of the program or another training wrote it.
    pub(super) fn parse(checkpoint: Checkpoint, steps_per_epoch: u64) -> Option<Self> {
        let position: Position = serde_json::from_str(&checkpoint.position).ok()?;
        let has = |name: &&str| checkpoint.tensors.contains_key(*name);
        let is_whole = position.fits(steps_per_epoch) && TENSORS.iter().all(has);
        is_whole.then_some(Self {
            position,
            checkpoint,
        })
    }

    /// Parses the state that a previous rung has stored without a time; the time is read from its record.
    pub(super) fn from_previous_rung(checkpoint: Checkpoint, steps_per_epoch: u64) -> Option<Self> {
        let mut state = Self::parse(checkpoint, steps_per_epoch)?;
        state.position.seconds = seconds_of(&state.checkpoint.record);
        Some(state)
    }
}

impl<T: Task> Trainer<'_, T> {
    /// Resumes from a state of the same training.
    pub(super) fn restore(&mut self, state: &ResumeState, record: &mut Record) -> Result<()> {
        let (position, checkpoint) = (&state.position, &state.checkpoint);
        let device = self.context.device;
        if position.device == "cuda" && !device.is_cuda() && !self.context.may_resume_on_cpu {
            return Err(TrainError::DeviceLost);
        }
        let [weights, first, second, best, logits] = TENSORS.map(|name| &checkpoint.tensors[name]);
        no_grad(|| self.trained.copy_(weights));
        self.adam.restore([first, second], position.optimizer_steps);
        self.replicas[0].refresh();
        self.best = position.best.map(|found| BestEpoch {
            epoch: found.epoch,
            validation: Validation {
                loss: found.loss,
                accuracy: found.accuracy,
                logits: Logits {
                    values: Vec::try_from(logits).expect("logits are f32"),
                    classes: found.classes,
                },
            },
            weights: best.to_device(device),
        });
        self.position = position.clone();
        let accumulation = &self.source.accumulation;
        accumulation.store(position.accumulation, Ordering::Relaxed);
        if let Some(sums) = &mut self.gpu_sums {
            sums.read();
        }
        self.pending = Sums::default();
        self.pending_steps = 0;
        self.clock = Instant::now();
        Ok(record.restart(&checkpoint.record)?)
    }

    /// Copies the whole state into a checkpoint with this record and time. The pending sums must be collected first.
    pub(super) fn checkpoint(&self, record: &[u8], seconds: f64) -> Result<Checkpoint> {
        let best = self.best.as_ref();
        let is_cuda = self.context.device.is_cuda();
        let device = if is_cuda { "cuda" } else { "cpu" };
        let position = Position {
            optimizer_steps: self.adam.steps(),
            seconds,
            accumulation: self.source.accumulation.load(Ordering::Relaxed),
            device: device.to_owned(),
            best: best.map(|best| Best {
                epoch: best.epoch,
                loss: best.validation.loss,
                accuracy: best.validation.accuracy,
                classes: best.validation.logits.classes,
            }),
            ..self.position.clone()
        };
        let none = || Tensor::zeros([0], (Kind::Float, Device::Cpu));
        let logits = |best: &BestEpoch| Tensor::from_slice(&best.validation.logits.values);
        let [first, second] = &self.adam.moments;
        let tensors = [
            copy_tensor(&self.trained)?,
            copy_tensor(first)?,
            copy_tensor(second)?,
            // No step changes the weights of the best epoch, so they need no copy.
            best.map_or_else(none, |best| best.weights.shallow_clone()),
            best.map_or_else(none, logits),
        ];
        let names = TENSORS.map(str::to_owned);
        Ok(Checkpoint {
            step: position.step,
            position: serde_json::to_string(&position).expect("numbers are plain data"),
            tensors: names.into_iter().zip(tensors).collect(),
            record: record.to_vec(),
        })
    }
}

/// A copy that no step changes: on the same device, or on the CPU if the device has no memory for it.
fn copy_tensor(tensor: &Tensor) -> Result<Tensor, ClassifierError> {
    let copy = |work: &dyn Fn() -> Tensor| ClassifierError::catch("copy the state", || Ok(work()));
    match copy(&|| no_grad(|| tensor.copy())) {
        Err(error) if tensor.device() != Device::Cpu && error.is_memory() => {
            copy(&|| tensor.to_device(Device::Cpu))
        }
        copied => copied,
    }
}
