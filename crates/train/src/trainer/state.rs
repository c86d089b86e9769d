//! Out of a checkpoint and into one.

use std::collections::BTreeMap;
use std::time::Instant;

use checkpoint::Checkpoint;
use classifier::{Logits, Weights, as_slice};
use tch::{Device, Tensor, no_grad};

use super::position::Position;
use super::{Trainer, device_name};
use crate::error::TrainError;
use crate::record::{Record, seconds_of};

const WEIGHTS: &str = "weights";
const MOMENTS: [&str; 2] = ["optimizer.first_moment", "optimizer.second_moment"];
/// Weights of the best epoch and its logits on validation; empty before the first epoch's end.
const BEST: [&str; 2] = ["best.weights", "best.logits"];

/// All that training goes on from.
pub(super) struct State {
    position: Position,
    weights: Vec<f32>,
    moments: [Vec<f32>; 2],
    best: [Vec<f32>; 2],
    record: Vec<u8>,
}

impl State {
    /// What a checkpoint holds; `None` where a program of another version wrote it, or another training.
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

    /// The same of a state that was kept without a time: the record says how long it took.
    pub(super) fn handed_on(checkpoint: Checkpoint, steps_per_epoch: u64) -> Option<Self> {
        let mut state = Self::of(checkpoint, steps_per_epoch)?;
        state.position.seconds = seconds_of(&state.record);
        Some(state)
    }
}

impl Trainer<'_> {
    /// Goes on from a state of the same training.
    pub(super) fn restore(
        &mut self,
        state: &State,
        weights: &mut Weights,
        record: &mut Record,
    ) -> Result<(), TrainError> {
        let State {
            position,
            weights: flat,
            moments,
            best,
            record: text,
        } = state;
        if position.device == "cuda" && !self.setting.device.is_cuda() && !self.setting.may_move {
            return Err(TrainError::DeviceLost);
        }
        let device = self.setting.device;
        let tensor = |values: &[f32]| Tensor::from_slice(values).to_device(device);
        no_grad(|| weights.flat.copy_(&tensor(flat)));
        self.adam
            .restore([&moments[0], &moments[1]], position.optimizer_steps);
        for replica in &mut self.replicas {
            replica.refresh(self.setting.network, weights);
        }
        self.best = position.best.map(|_| {
            let logits = Logits {
                values: best[1].clone(),
                classes: self.setting.classes,
            };
            (tensor(&best[0]), logits)
        });
        self.position = position.clone();
        self.position.device = device_name(device).to_owned();
        self.clock = Instant::now();
        record.restart(text)?;
        Ok(())
    }

    /// All of the state, copied, with what was recorded in so many seconds.
    pub(super) fn checkpoint(&self, weights: &Weights, record: &[u8], seconds: f64) -> Checkpoint {
        let values = |tensor: &Tensor| as_slice(&tensor.to_device(Device::Cpu)).to_vec();
        let ([first, second], optimizer_steps) = self.adam.state();
        let position = Position {
            optimizer_steps,
            seconds,
            ..self.position.clone()
        };
        let best = match &self.best {
            Some((flat, logits)) => [values(flat), logits.values.clone()],
            None => [Vec::new(), Vec::new()],
        };
        let names = [WEIGHTS, MOMENTS[0], MOMENTS[1], BEST[0], BEST[1]];
        let [best_weights, best_logits] = best;
        let tensors = [
            values(&weights.flat),
            values(first),
            values(second),
            best_weights,
            best_logits,
        ];
        let names = names.map(str::to_owned).into_iter();
        Checkpoint {
            step: position.step,
            position: serde_json::to_string(&position).expect("numbers are plain data"),
            tensors: names.zip(tensors).collect::<BTreeMap<_, _>>(),
            record: record.to_vec(),
        }
    }
}
