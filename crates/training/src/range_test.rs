//! The learning-rate range test (Smith 2017): the rate rises from step to step, and the loss shows where
//! the model begins to learn, learns fastest, and diverges.

use artifact::files::RangeTestStep;
use classifier::Weights;
use settings::RangeTestSettings;

use crate::error::TrainError;
use crate::record::{Record, RecordLine};
use crate::task::Task;
use crate::trainer::{BatchSource, OnBatch, TrainContext, Trainer};

/// Share of the smoothed loss that stays from step to step.
const SMOOTHING: f64 = 0.95;

/// Steps after which the running mean has settled: one batch alone says little.
pub const SETTLING_STEPS: usize = 20;

/// A smoothed loss so many times the lowest has diverged.
const DIVERGED: f64 = 4.0;

/// Trains at rising rates until the loss diverges or the last rate is reached. Returns the steps, and the
/// rate at which it diverged, if it did: a non-finite loss counts as that.
///
/// # Errors
/// See [`TrainError`].
pub fn run_range_test<T: Task>(
    context: &TrainContext<'_, T>,
    weights: &mut Weights,
    test: RangeTestSettings,
    record: &mut Record,
    on_batch: &OnBatch<'_>,
) -> Result<(Vec<RangeTestStep>, Option<f64>), TrainError> {
    let source = BatchSource::new(context);
    let mut trainer = Trainer::new(context, weights, &source);
    let mut tried: Vec<RangeTestStep> = Vec::new();
    let mut mean = 0.0;
    let mut batches = trainer.batches_in_epoch(1);
    let mut next = 0;
    for step in 0..test.steps {
        if next == batches.len() {
            batches = trainer.next_epoch();
            next = 0;
        }
        let rows = &batches[next];
        next += 1;
        let rate = test.rate(step);
        // Every step is read at once: the test stops where the loss is not finite.
        let prepared = source.prepare(rows, trainer.rng_of_step(step.into()))?;
        let stepped = trainer.step(rows, prepared, rate);
        match stepped.and_then(|()| trainer.collect_pending(&batches)) {
            Err(TrainError::NonFinite { .. }) => return Ok((tried, Some(rate))),
            other => other?,
        }
        let loss = trainer.take_recent_loss();
        mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
        let smoothed_loss = mean / (1.0 - SMOOTHING.powi(step as i32 + 1));
        let now = RangeTestStep {
            step,
            learning_rate: rate,
            loss,
            smoothed_loss,
        };
        tried.push(now);
        record.line(&RecordLine::Rate(now))?;
        on_batch(
            rows.len() as u64,
            &format!("rate {rate:.2e}: loss {smoothed_loss:.4}"),
        );
        let settled = tried.iter().skip(SETTLING_STEPS);
        let losses = settled.map(|tried| tried.smoothed_loss);
        if smoothed_loss > DIVERGED * losses.fold(f64::INFINITY, f64::min) {
            return Ok((tried, Some(rate)));
        }
    }
    Ok((tried, None))
}
