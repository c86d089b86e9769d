//! Out of a checkpoint and into one.

use std::time::Instant;

use classifier::{Logits, Weights, as_slice};
use tch::{Device, Tensor, no_grad};

use super::{Trainer, device_name};
use crate::checkpoint::{Checkpoint, Position};
use crate::error::TrainError;
use crate::record::Record;

impl Trainer<'_> {
    /// Goes on from a checkpoint of the same training.
    pub(super) fn restore(
        &mut self,
        checkpoint: &Checkpoint,
        weights: &mut Weights,
        record: &mut Record,
    ) -> Result<(), TrainError> {
        let Checkpoint {
            position,
            weights: flat,
            moments,
            best,
            record: text,
        } = checkpoint;
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

    /// All of the state, copied.
    pub(super) fn checkpoint(&self, weights: &Weights, record: &Record) -> Checkpoint {
        let values = |tensor: &Tensor| as_slice(&tensor.to_device(Device::Cpu)).to_vec();
        let ([first, second], optimizer_steps) = self.adam.state();
        let position = Position {
            optimizer_steps,
            seconds: self.seconds(),
            ..self.position.clone()
        };
        Checkpoint {
            position,
            weights: values(&weights.flat),
            moments: [values(first), values(second)],
            best: match &self.best {
                Some((flat, logits)) => [values(flat), logits.values.clone()],
                None => [Vec::new(), Vec::new()],
            },
            record: record.text().to_vec(),
        }
    }
}
