//! From a checkpoint and into one.

use std::collections::BTreeMap;
use std::time::Instant;

use classifier::{ClassifierError, Fault, Logits};
use tch::{Device, Kind, Tensor, no_grad};

use super::position::{Position, Sums};
use super::{BestEpoch, Trainer, device_name};
use crate::checkpoint::{Checkpoint, Snapshot};
use crate::error::TrainError;
use crate::record::{Record, seconds_of};
use crate::task::Task;

const WEIGHTS: &str = "weights";
const MOMENTS: [&str; 2] = ["optimizer.first_moment", "optimizer.second_moment"];
/// Weights of the best epoch and its logits on validation; empty before the first epoch's end.
const BEST: [&str; 2] = ["best.weights", "best.logits"];

/// All that training resumes from. Weights are those that training changes; frozen ones are where the
/// network came from.
pub(super) struct State {
    position: Position,
    weights: Vec<f32>,
    moments: [Vec<f32>; 2],
    best: [Vec<f32>; 2],
    record: Vec<u8>,
}

impl State {
    /// What a checkpoint holds; `None` if another version of the program or another training wrote it.
    pub(super) fn of(mut checkpoint: Checkpoint, steps_per_epoch: u64) -> Option<Self> {
        let position: Position = serde_json::from_str(&checkpoint.position).ok()?;
        if !position.is_of(steps_per_epoch) {
            return None;
        }
        let mut take = |name: &str| checkpoint.take(name);
        Some(Self {
            position,
            weights: take(WEIGHTS)?,
            moments: [take(MOMENTS[0])?, take(MOMENTS[1])?],
            best: [take(BEST[0])?, take(BEST[1])?],
            record: checkpoint.record,
        })
    }

    /// The same of a state that was stored without a time: the record states it.
    pub(super) fn handed_on(checkpoint: Checkpoint, steps_per_epoch: u64) -> Option<Self> {
        let mut state = Self::of(checkpoint, steps_per_epoch)?;
        state.position.seconds = seconds_of(&state.record);
        Some(state)
    }
}

impl<T: Task> Trainer<'_, T> {
    /// Resumes from a state of the same training.
    pub(super) fn restore(&mut self, state: &State, record: &mut Record) -> Result<(), TrainError> {
        let State {
            position,
            weights,
            moments,
            best,
            record: text,
        } = state;
        let device = self.context.device;
        if position.device == "cuda" && !device.is_cuda() && !self.context.may_move {
            return Err(TrainError::DeviceLost);
        }
        no_grad(|| self.trained.copy_(&Tensor::from_slice(weights)));
        self.adam
            .restore([&moments[0], &moments[1]], position.optimizer_steps);
        self.replicas[0].refresh();
        self.best = position.best.map(|found| BestEpoch {
            weights: Tensor::from_slice(&best[0]).to_device(device),
            logits: Logits {
                values: best[1].clone(),
                classes: found.classes,
            },
        });
        self.position = position.clone();
        self.position.device = device_name(device).to_owned();
        self.accumulation
            .store(position.accumulation, std::sync::atomic::Ordering::Relaxed);
        if let Some(meter) = &mut self.meter {
            meter.read();
        }
        self.pending = Sums::default();
        self.pending_steps = 0;
        self.clock = Instant::now();
        record.restart(text)?;
        Ok(())
    }

    /// All of the state, copied, with what was recorded in so many seconds. The sums must be settled.
    pub(super) fn snapshot(
        &self,
        record: &[u8],
        seconds: f64,
    ) -> Result<Snapshot, ClassifierError> {
        let [first, second] = self.adam.moments();
        let position = Position {
            optimizer_steps: self.adam.steps(),
            seconds,
            ..self.position.clone()
        };
        let none = || Tensor::zeros([0], (Kind::Float, Device::Cpu));
        // No step changes the best weights: they need no copy.
        let (best, logits) = match &self.best {
            Some(best) => (
                best.weights.shallow_clone(),
                Tensor::from_slice(&best.logits.values),
            ),
            None => (none(), none()),
        };
        let tensors = [
            copy_of(&self.trained)?,
            copy_of(first)?,
            copy_of(second)?,
            best,
            logits,
        ];
        let names = [WEIGHTS, MOMENTS[0], MOMENTS[1], BEST[0], BEST[1]].map(str::to_owned);
        Ok(Snapshot {
            step: position.step,
            position: serde_json::to_string(&position).expect("numbers are plain data"),
            tensors: names.into_iter().zip(tensors).collect::<BTreeMap<_, _>>(),
            record: record.to_vec(),
        })
    }
}

/// A copy that no step changes: on the device, or on the host if the device has no memory for it.
fn copy_of(tensor: &Tensor) -> Result<Tensor, ClassifierError> {
    let copy = |work: &dyn Fn() -> Tensor| ClassifierError::catch("copy the state", || Ok(work()));
    match copy(&|| no_grad(|| tensor.copy())) {
        Err(error) if tensor.device() != Device::Cpu && is_memory(&error) => {
            copy(&|| tensor.to_device(Device::Cpu))
        }
        copied => copied,
    }
}

fn is_memory(error: &ClassifierError) -> bool {
    error.fault().is_some_and(Fault::is_memory)
}
