//! The learning rate range test (Smith 2017): the rate rises from step to step, and the loss says where
//! the model begins to learn, learns fastest, and is thrown off.

use checkpoint::Keeper;
use classifier::{Pass, Weights, epoch_batches};
use serde::Serialize;
use settings::RangeTestSettings;

use super::{OnBatch, Setting, Trainer};
use crate::error::TrainError;
use crate::record::{Line, Record};

/// Share of the smoothed loss that stays from step to step.
const SMOOTHING: f64 = 0.95;

/// Steps after which the running mean has settled: one batch alone says little.
pub(crate) const SETTLED: usize = 20;

/// A smoothed loss so many times the lowest has diverged.
const DIVERGED: f64 = 4.0;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// From 0.
    pub step: u32,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Mean loss of the batch before the step, in nats.
    pub loss: f64,
    /// The running mean of the losses so far, free of its start (Kingma and Ba 2015).
    pub smoothed_loss: f64,
}

/// Trains at rising rates until the loss diverges or the last rate is reached. The steps, and the rate
/// at which it diverged, if it did.
///
/// # Errors
/// See [`TrainError`]; a loss that is no number is none.
pub(crate) fn rise(
    setting: &Setting<'_>,
    weights: &mut Weights,
    test: RangeTestSettings,
    record: &mut Record,
    keeper: &Keeper<'_>,
    on_batch: &OnBatch<'_>,
) -> Result<(Vec<Tried>, Option<f64>), TrainError> {
    let mut trainer = Trainer::new(setting, weights);
    let mut tried: Vec<Tried> = Vec::new();
    let mut mean = 0.0;
    let mut batches = Vec::new();
    for step in 0..test.steps {
        if batches.is_empty() {
            let order = trainer
                .stream
                .child(0)
                .child(u64::from(trainer.position.epoch));
            batches = epoch_batches(setting.train, trainer.settings.batch_size as usize, order);
            batches.reverse();
            trainer.position.epoch += 1;
        }
        let rows = batches.pop().expect("an epoch has batches");
        let rate = test.rate(step);
        let passes = match trainer.update(&rows, weights, rate, keeper) {
            Err(TrainError::NotANumber { .. }) => return Ok((tried, Some(rate))),
            other => other?,
        };
        let loss = passes.iter().map(|pass: &Pass| pass.loss).sum::<f64>() / rows.len() as f64;
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
        let smoothed_loss = mean / (1.0 - SMOOTHING.powi(step as i32 + 1));
        let now = Tried {
            step,
            learning_rate: rate,
            loss,
            smoothed_loss,
        };
        tried.push(now);
        record.line(&Line::Rate(now))?;
        on_batch(
            rows.len() as u64,
            &format!("rate {rate:.2e}: loss {smoothed_loss:.4}"),
        );
        let settled = tried.iter().skip(SETTLED);
        let losses = settled.map(|tried| tried.smoothed_loss);
        if smoothed_loss > DIVERGED * losses.fold(f64::INFINITY, f64::min) {
            return Ok((tried, Some(rate)));
        }
    }
    Ok((tried, None))
}
