//! The trainer: one for every network.
//!
//! A step's random numbers follow from (seed, step), an epoch's order from (seed, epoch). So all
//! that a checkpoint would need is the tensors and the step number.

use std::time::Instant;

use artifact::ArtifactError;
use classifier::{
    Batch, ClassifierError, Logits, Mode, Network, Pass, Replica, Stream, TokenRows, Weights,
    WordDropout, epoch_batches, logits_of,
};
use optimizer::AdamW;
use rayon::prelude::*;
use settings::{ModelSettings, TrainingSettings};
use tch::{Device, Kind, Tensor, no_grad};

use crate::record::{Line, Record, resident_memory};

/// What training needs to know beside the settings.
pub struct Setting<'a> {
    /// The network to train.
    pub network: &'a Network,
    /// How.
    pub model: &'a ModelSettings,
    /// The rows to learn from.
    pub train: &'a TokenRows,
    /// The rows to choose the epoch by.
    pub validation: &'a TokenRows,
    /// The id that fills short rows.
    pub pad_id: u32,
    /// Classes.
    pub classes: usize,
    /// Where.
    pub device: Device,
    /// On how many cores side by side.
    pub replicas: usize,
    /// Number format of the activations.
    pub kind: Kind,
}

/// What may happen while training.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss left the numbers.
    #[error("The loss is not a number any more at step {step} of epoch {epoch}")]
    NotANumber {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
    },
    /// The network or its data failed.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The record could not be written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// The outcome of training: the best epoch's weights are in the buffer it was given.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Epochs done.
    pub epochs: u32,
    /// The epoch kept, from 1.
    pub best_epoch: u32,
    /// Its loss on the validation split.
    pub loss: f64,
    /// Its accuracy on the validation split.
    pub accuracy: f64,
    /// Its logits on the validation split.
    pub logits: Logits,
}

/// Told of every batch: rows done, and a word on how it goes.
pub type OnBatch<'a> = dyn Fn(u64, &str) + Sync + 'a;

/// Trains until the epochs are done or the validation loss has not fallen for `patience` epochs,
/// and leaves the best epoch's weights in `weights`.
///
/// # Errors
/// See [`TrainError`].
pub fn train(
    setting: &Setting<'_>,
    weights: &mut Weights,
    record: &mut Record,
    on_batch: &OnBatch<'_>,
) -> Result<Trained, TrainError> {
    let settings = &setting.model.training;
    let mut trainer = Trainer::new(setting, weights);
    let mut best: Option<(Trained, Tensor)> = None;
    for epoch in 1..=settings.epochs {
        let sums = trainer.epoch(epoch, weights, record, on_batch)?;
        let logits = trainer.validate()?;
        let (loss, accuracy) = logits.loss_and_accuracy(setting.validation);
        if !loss.is_finite() {
            return Err(TrainError::NotANumber {
                epoch,
                step: trainer.step,
            });
        }
        let is_best = best.as_ref().is_none_or(|(best, _)| loss < best.loss);
        record.line(&Line::Epoch {
            epoch,
            step: trainer.step,
            train_loss: sums.loss / sums.rows as f64,
            train_accuracy: sums.correct as f64 / sums.rows as f64,
            validation_loss: loss,
            validation_accuracy: accuracy,
            learning_rate: trainer.last_rate,
            reviews_per_second: sums.rows as f64 / sums.seconds,
            seconds: trainer.clock.elapsed().as_secs_f64(),
            memory: resident_memory(),
            best: is_best,
        })?;
        on_batch(
            0,
            &format!(
                "epoch {epoch}: validation loss {loss:.4}, accuracy {:.2} %",
                100.0 * accuracy
            ),
        );
        if is_best {
            let trained = Trained {
                epochs: epoch,
                best_epoch: epoch,
                loss,
                accuracy,
                logits,
            };
            best = Some((trained, no_grad(|| weights.flat.copy())));
        } else if let Some((best, _)) = &mut best {
            best.epochs = epoch;
            if settings.patience > 0 && epoch - best.best_epoch >= settings.patience {
                break;
            }
        }
    }
    let (trained, flat) = best.expect("there is at least one epoch, and its loss is a number");
    weights.flat = flat;
    Ok(trained)
}

struct Trainer<'a> {
    setting: &'a Setting<'a>,
    settings: &'a TrainingSettings,
    replicas: Vec<Replica>,
    gradient: Tensor,
    adam: AdamW,
    stream: Stream,
    step: u64,
    total_steps: u64,
    last_rate: f64,
    last_norm: f64,
    clock: Instant,
}

/// Sums over some steps.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    loss: f64,
    correct: u64,
    rows: u64,
    tokens: u64,
    seconds: f64,
}

impl Sums {
    fn add(&mut self, passes: &[Pass], seconds: f64) {
        for pass in passes {
            self.loss += pass.loss;
            self.correct += pass.correct;
            self.rows += pass.rows;
            self.tokens += pass.tokens;
        }
        self.seconds += seconds;
    }
}

impl<'a> Trainer<'a> {
    fn new(setting: &'a Setting<'a>, weights: &Weights) -> Self {
        let settings = &setting.model.training;
        let layout = setting.network.layout();
        let steps_per_epoch = setting.train.len().div_ceil(settings.batch_size as usize) as u64;
        Self {
            setting,
            settings,
            replicas: (0..setting.replicas)
                .map(|_| Replica::new(setting.network, weights, true, setting.kind))
                .collect(),
            gradient: layout.zeros(setting.device),
            adam: AdamW::new(layout, settings, setting.model.layer_decay, setting.device),
            stream: Stream::new(setting.model.seed).child(1),
            step: 0,
            total_steps: steps_per_epoch * u64::from(settings.epochs),
            last_rate: 0.0,
            last_norm: 0.0,
            clock: Instant::now(),
        }
    }

    fn epoch(
        &mut self,
        epoch: u32,
        weights: &mut Weights,
        record: &mut Record,
        on_batch: &OnBatch<'_>,
    ) -> Result<Sums, TrainError> {
        let order = self.stream.child(0).child(u64::from(epoch));
        let batches = epoch_batches(self.setting.train, self.settings.batch_size as usize, order);
        let mut whole = Sums::default();
        let mut recent = Sums::default();
        for rows in &batches {
            let clock = Instant::now();
            let passes = self.update(rows, weights)?;
            let seconds = clock.elapsed().as_secs_f64();
            whole.add(&passes, seconds);
            recent.add(&passes, seconds);
            if !recent.loss.is_finite() {
                return Err(TrainError::NotANumber {
                    epoch,
                    step: self.step,
                });
            }
            on_batch(rows.len() as u64, "");
            if self.step.is_multiple_of(u64::from(self.settings.log_every)) {
                let line = self.step_line(epoch, &recent);
                on_batch(
                    0,
                    &format!(
                        "epoch {epoch}: loss {:.4}",
                        recent.loss / recent.rows as f64
                    ),
                );
                record.line(&line)?;
                recent = Sums::default();
            }
        }
        Ok(whole)
    }

    fn step_line(&self, epoch: u32, sums: &Sums) -> Line {
        Line::Step {
            epoch,
            step: self.step,
            loss: sums.loss / sums.rows as f64,
            accuracy: sums.correct as f64 / sums.rows as f64,
            learning_rate: self.last_rate,
            gradient_norm: self.last_norm,
            reviews_per_second: sums.rows as f64 / sums.seconds,
            tokens_per_second: sums.tokens as f64 / sums.seconds,
            seconds: self.clock.elapsed().as_secs_f64(),
            memory: resident_memory(),
        }
    }

    /// One optimizer step on a batch.
    fn update(
        &mut self,
        rows: &[usize],
        weights: &mut Weights,
    ) -> Result<Vec<Pass>, ClassifierError> {
        let stream = self.stream.child(1).child(self.step);
        let scale = 1.0 / rows.len() as f64;
        let micro_batch = rows.len().div_ceil(self.settings.accumulation as usize);
        let _ = self.gradient.zero_();
        let mut passes = Vec::new();
        for (number, part) in rows.chunks(micro_batch).enumerate() {
            passes.extend(self.backward(part, stream.child(number as u64), scale)?);
        }
        self.last_norm = self.gradient.norm().double_value(&[]);
        let limit = self.settings.clip_norm;
        if limit > 0.0 && self.last_norm > limit {
            let _ = self.gradient.g_mul_scalar_(limit / self.last_norm);
        }
        self.last_rate = optimizer::rate(self.settings, self.step, self.total_steps);
        self.adam
            .step(&mut weights.flat, &self.gradient, self.last_rate);
        for replica in &mut self.replicas {
            replica.refresh(self.setting.network, weights);
        }
        self.step += 1;
        Ok(passes)
    }

    /// Forward and backward of a part of a batch, spread over the replicas; the gradients are added
    /// in the order of the replicas, so that the sum does not depend on who was faster.
    fn backward(
        &mut self,
        rows: &[usize],
        stream: Stream,
        scale: f64,
    ) -> Result<Vec<Pass>, ClassifierError> {
        let Setting {
            network,
            model,
            train,
            pad_id,
            device,
            ..
        } = *self.setting;
        let smoothing = self.settings.label_smoothing;
        let shards: Vec<&[usize]> = rows
            .chunks(rows.len().div_ceil(self.replicas.len()))
            .collect();
        let passes = self
            .replicas
            .par_iter_mut()
            .zip(shards.into_par_iter().enumerate())
            .map(|(replica, (number, shard))| {
                let stream = stream.child(number as u64);
                let dropout = (model.word_dropout > 0.0).then(|| WordDropout {
                    share: model.word_dropout,
                    stream: stream.child(0),
                });
                let batch = Batch::gather(train, shard, pad_id, network.reading(), dropout, device);
                replica.backward(
                    network,
                    &batch,
                    Mode::Train(stream.child(1)),
                    smoothing,
                    scale,
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        for (replica, pass) in self.replicas.iter_mut().zip(&passes) {
            replica.collect(network, pass, &mut self.gradient);
        }
        Ok(passes)
    }

    fn validate(&mut self) -> Result<Logits, ClassifierError> {
        let Setting {
            network,
            validation,
            pad_id,
            classes,
            device,
            ..
        } = *self.setting;
        let shape = (2 * self.settings.batch_size as usize, pad_id, classes);
        logits_of(
            network,
            &mut self.replicas,
            validation,
            shape,
            device,
            &|_| (),
        )
    }
}
