//! One step: the gradient of a batch, in as many parts as fit, and the move against it.

use checkpoint::Keeper;
use classifier::{Batch, ClassifierError, Fault, Mode, Pass, Weights, WordDropout};
use rayon::prelude::*;

use super::{Setting, Trainer};
use crate::error::TrainError;
use crate::faults;

impl Trainer<'_> {
    /// One optimizer step on a batch, at this rate. A loss or gradient that is no number changes nothing.
    pub(super) fn update(
        &mut self,
        rows: &[usize],
        weights: &mut Weights,
        rate: f64,
        keeper: &Keeper<'_>,
    ) -> Result<Vec<Pass>, TrainError> {
        let passes = self.gradient_of(rows, keeper)?;
        let norm = self.gradient.norm().double_value(&[]);
        if !norm.is_finite() || passes.iter().any(|pass| !pass.loss.is_finite()) {
            return Err(TrainError::NotANumber {
                epoch: self.position.epoch,
                step: self.position.step,
                rows: self.names_of(rows),
            });
        }
        let limit = self.settings.clip_norm;
        if limit > 0.0 && norm > limit {
            let _ = self.gradient.g_mul_scalar_(limit / norm);
        }
        self.adam.step(&mut weights.flat, &self.gradient, rate);
        for replica in &mut self.replicas {
            replica.refresh(self.setting.network, weights);
        }
        self.position.last_rate = rate;
        self.position.last_norm = norm;
        self.position.step += 1;
        Ok(passes)
    }

    /// The gradient of a batch, shard by shard: the shards add up to the same batch. They are as many
    /// as the settings say, more where the device's memory makes it needful, and never as many as
    /// there happen to be cores.
    fn gradient_of(
        &mut self,
        rows: &[usize],
        keeper: &Keeper<'_>,
    ) -> Result<Vec<Pass>, TrainError> {
        let step = self.position.step;
        loop {
            let size = self.shard_size(rows.len());
            let passes = faults::before(step).and_then(|()| self.backward(rows, size));
            match passes {
                Ok(passes) => return Ok(faults::after(step, passes)),
                Err(error) if error.fault() != Some(Fault::DeviceMemory) => {
                    return Err(error.into());
                }
                Err(source) if size == 1 => return Err(TrainError::OutOfMemory { step, source }),
                Err(_) => {
                    for replica in &mut self.replicas {
                        replica.forget();
                    }
                    while self.shard_size(rows.len()) == size {
                        self.position.accumulation *= 2;
                    }
                    keeper.note(&format!(
                        "the device's memory is full: batches are read in {} parts from now on",
                        self.position.accumulation
                    ));
                }
            }
        }
    }

    /// Reviews that one replica is given at a time. A GPU has one replica, which takes all there is.
    fn shard_size(&self, rows: usize) -> usize {
        let part = rows.div_ceil(self.position.accumulation as usize);
        if self.setting.device.is_cuda() {
            part
        } else {
            part.min(self.settings.shard_size.unwrap_or(u32::MAX) as usize)
        }
    }

    /// Some rows as `clean` numbers them.
    fn names_of(&self, rows: &[usize]) -> String {
        let shown = rows.iter().take(4);
        let names: Vec<String> = shown
            .map(|row| self.setting.train.row_id(*row).to_string())
            .collect();
        let more = rows.len().saturating_sub(names.len());
        let names = names.join(", ");
        if more > 0 {
            format!("{names} and {more} more")
        } else {
            names
        }
    }

    /// Forward and backward of a batch in shards, as many at a time as there are replicas. Their
    /// gradients are added in the order of the shards: the sum depends neither on who was faster nor
    /// on how many replicas there are.
    fn backward(&mut self, rows: &[usize], size: usize) -> Result<Vec<Pass>, ClassifierError> {
        let Setting {
            network,
            model,
            train,
            pad_id,
            device,
            ..
        } = *self.setting;
        let smoothing = self.settings.label_smoothing;
        let stream = self.stream.child(1).child(self.position.step);
        let scale = 1.0 / rows.len() as f64;
        let shards: Vec<(usize, &[usize])> = rows.chunks(size).enumerate().collect();
        let _ = self.gradient.zero_();
        let mut all = Vec::with_capacity(shards.len());
        for shards in shards.chunks(self.replicas.len()) {
            let passes = self
                .replicas
                .par_iter_mut()
                .zip(shards)
                .map(|(replica, (number, shard))| {
                    let stream = stream.child(*number as u64);
                    let dropout = (model.word_dropout > 0.0).then(|| WordDropout {
                        share: model.word_dropout,
                        stream: stream.child(0),
                    });
                    ClassifierError::catch("compute the gradient", || {
                        let reading = network.reading();
                        let batch = Batch::gather(train, shard, pad_id, reading, dropout, device);
                        let mode = Mode::Train(stream.child(1));
                        replica.backward(network, &batch, mode, smoothing, scale)
                    })
                })
                .collect::<Result<Vec<_>, _>>()?;
            for (replica, pass) in self.replicas.iter_mut().zip(&passes) {
                replica.collect(network, pass, &mut self.gradient);
            }
            all.extend(passes);
        }
        Ok(all)
    }
}
