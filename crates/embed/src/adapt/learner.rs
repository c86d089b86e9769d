//! One step after the other: texts with some tokens hidden, and how well they are guessed.

use std::ops::Range;

use checkpoint::Keeper;
use classifier::{
    ChosenDevice, ClassifierError, Hidden, MaskedModel, Mode, Parameters, Stream, TokenContract,
    TokenRows, hidden_batch, hide,
};
use rayon::prelude::*;
use settings::{AdaptationSettings, Schedule, TrainingSettings};
use stage::{Failure, Task};
use tch::{Kind, Tensor, no_grad};

use super::Score;
use super::standing::Standing;
use crate::EmbedError;
use crate::learned::Corpus;

/// Validation rows on which it is measured, at most. Nothing is learned from them.
const MEASURED: usize = 512;

/// The model at work.
pub(super) struct Learner<'a> {
    pub(super) model: &'a MaskedModel,
    pub(super) settings: &'a AdaptationSettings,
    pub(super) device: ChosenDevice,
    pub(super) kind: Kind,
    pub(super) mask: u32,
    pub(super) contract: TokenContract,
    pub(super) replicas: Vec<Parameters>,
    pub(super) stream: Stream,
}

/// The settings of the optimizer and of the rate.
pub(super) fn training_of(settings: &AdaptationSettings) -> TrainingSettings {
    TrainingSettings {
        epochs: settings.epochs,
        batch_size: settings.batch_size,
        learning_rate: settings.learning_rate,
        schedule: Schedule::Linear,
        warm_up: settings.warm_up,
        ..TrainingSettings::default()
    }
}

impl Learner<'_> {
    /// Trains from where it stands to the end, and leaves the state behind where it is stopped.
    pub(super) fn train(
        &mut self,
        corpus: &Corpus,
        standing: &mut Standing,
        keeper: &mut Keeper<'_>,
        task: &Task,
    ) -> Result<(), Failure> {
        let settings = self.settings;
        let training = training_of(settings);
        let layout = self.model.layout();
        let mut gradient = layout.zeros(self.device.device);
        let batch_size = settings.batch_size as usize;
        let steps_per_epoch = corpus.texts().div_ceil(batch_size) as u64;
        let total = steps_per_epoch * u64::from(settings.epochs);
        for epoch in standing.step / steps_per_epoch..u64::from(settings.epochs) {
            let batches = batches(corpus, batch_size, self.stream.child(epoch));
            let done = standing.step - epoch * steps_per_epoch;
            for texts in batches.iter().skip(done as usize) {
                let step = standing.step;
                let stream = self.stream.child(1 << 32).child(step);
                let rows = texts.iter().enumerate().map(|(number, text)| {
                    self.hide(corpus.text(*text), stream.child(number as u64))
                });
                let rows: Vec<Hidden> = rows.collect();
                let _ = gradient.zero_();
                let score = self.backward(&rows, stream.child(1 << 33), &mut gradient)?;
                if !score.loss.is_finite() {
                    return Err(Failure::new(format!(
                        "The loss is not a number any more at step {step}"
                    ))
                    .with_hint("Lower `adaptation.learning_rate`".to_owned()));
                }
                let norm = gradient.norm().double_value(&[]);
                if norm > training.clip_norm {
                    let _ = gradient.g_mul_scalar_(training.clip_norm / norm);
                }
                let rate = optimizer::rate(&training, step, total);
                standing.adam.step(&mut standing.weights, &gradient, rate);
                self.refresh(&standing.weights);
                standing.step += 1;
                task.advance(rows.len() as u64);
                if step.is_multiple_of(20) {
                    task.message(&format!("loss {:.3}", score.mean_loss()));
                }
                standing.keep(keeper, total)?;
            }
        }
        keeper.finish();
        Ok(())
    }

    /// Takes over new weights.
    pub(super) fn refresh(&mut self, weights: &Tensor) {
        // Those of f32 are views of the same memory.
        if self.kind != Kind::Float {
            let layout = self.model.layout();
            for replica in &mut self.replicas {
                replica.refresh(layout, weights);
            }
        }
    }

    fn hide(&self, ids: &[u32], stream: Stream) -> Hidden {
        let size = self.contract.vocabulary_size;
        hide(ids, self.settings.masked, self.mask, size, stream)
    }

    /// Forward and backward of some rows in shards, as many at a time as there are replicas. Their
    /// gradients are added in the order of the shards, so that the sum does not depend on how many
    /// replicas there are.
    fn backward(
        &mut self,
        rows: &[Hidden],
        stream: Stream,
        gradient: &mut Tensor,
    ) -> Result<Score, Failure> {
        let (model, pad_id, device) = (self.model, self.contract.pad_id, self.device.device);
        let hidden: usize = rows.iter().map(|row| row.truth.len()).sum();
        if hidden == 0 {
            return Ok(Score::default());
        }
        let scale = 1.0 / hidden as f64;
        let size = if device.is_cuda() {
            rows.len()
        } else {
            self.settings.shard_size as usize
        };
        let shards: Vec<(usize, &[Hidden])> = rows.chunks(size).enumerate().collect();
        let mut total = Score::default();
        for shards in shards.chunks(self.replicas.len()) {
            let scores = self
                .replicas
                .par_iter_mut()
                .zip(shards)
                .map(|(parameters, (number, rows))| {
                    let (batch, places, truth) = hidden_batch(rows, pad_id, device);
                    if truth.size()[0] == 0 {
                        return Ok(Score::default());
                    }
                    let mode = Mode::Train(stream.child(*number as u64));
                    let guesses = model.guess(&batch, (&places, &truth), parameters, mode);
                    (&guesses.loss * scale)
                        .f_backward()
                        .map_err(ClassifierError::torch("compute the gradient"))?;
                    Ok(Score {
                        loss: guesses.loss.double_value(&[]),
                        correct: guesses.correct,
                        hidden: guesses.hidden,
                    })
                })
                .collect::<Result<Vec<_>, ClassifierError>>()
                .map_err(EmbedError::from)?;
            for parameters in &self.replicas {
                collect(model, parameters, gradient);
            }
            total = scores.into_iter().fold(total, Score::and);
        }
        Ok(total)
    }

    /// How well it guesses in the first validation rows, the same tokens hidden every time.
    pub(super) fn measure(&self, rows: &TokenRows) -> Result<Score, Failure> {
        let stream = Stream::new(0);
        let hidden: Vec<Hidden> = (0..rows.len().min(MEASURED))
            .map(|row| {
                let mut ids = Vec::with_capacity(rows.length(row));
                rows.for_each_id(row, |_, id| ids.push(id));
                self.hide(&ids, stream.child(row as u64))
            })
            .collect();
        let parameters = &self.replicas[0];
        let mut score = Score::default();
        for rows in hidden.chunks(32) {
            let (batch, places, truth) =
                hidden_batch(rows, self.contract.pad_id, self.device.device);
            if truth.size()[0] > 0 {
                let guesses = no_grad(|| {
                    self.model
                        .guess(&batch, (&places, &truth), parameters, Mode::Evaluate)
                });
                score = score.and(Score {
                    loss: guesses.loss.double_value(&[]),
                    correct: guesses.correct,
                    hidden: guesses.hidden,
                });
            }
        }
        Ok(score)
    }
}

/// Adds the gradients of a replica to a flat gradient and clears them there.
fn collect(model: &MaskedModel, parameters: &Parameters, gradient: &Tensor) {
    for (spec, leaf) in model.layout().specs().iter().zip(parameters.iter()) {
        let mut own = leaf.grad();
        if own.defined() {
            let Range { start, end } = spec.range;
            let mut place = gradient.narrow(0, start as i64, (end - start) as i64);
            let _ = place.g_add_(&own.view([-1]));
            let _ = own.zero_();
        }
    }
}

/// The texts of an epoch: shuffled, of about the same length within a batch.
fn batches(corpus: &Corpus, size: usize, stream: Stream) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..corpus.texts()).collect();
    stream.child(0).shuffle(&mut order);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for pool in order.chunks_mut(40 * size) {
        pool.sort_by_key(|text| corpus.text(*text).len());
        batches.extend(pool.chunks(size).map(<[usize]>::to_vec));
    }
    stream.child(1).shuffle(&mut batches);
    batches
}
