//! The learning-rate range test (Smith 2017): the learning rate rises from step to step, and the loss shows where the
//! model starts to learn, learns fastest, and diverges.

use artifact::files::RangeTestStep;
use classifier::Weights;
use settings::RangeTestSettings;

use crate::error::TrainError;
use crate::record::{Record, RecordLine};
use crate::task::Task;
use crate::trainer::{BatchSource, OnBatch, TrainContext, Trainer};

/// Weight of the previous value in the smoothed loss.
const SMOOTHING: f64 = 0.95;

/// Number of steps at the start that are ignored, until the smoothed loss has settled.
pub const SETTLING_STEPS: usize = 20;

/// The loss has diverged if the smoothed loss is this many times its minimum.
const DIVERGED: f64 = 4.0;

/// Trains at rising learning rates until the loss diverges or the last rate is reached. Returns the steps, and the
/// rate at which the loss diverged or was not finite; `None` if it did not.
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
    let mut steps: Vec<RangeTestStep> = Vec::new();
    let mut mean = 0.0;
    let mut batches = trainer.batches_in_epoch(1);
    let mut next = 0;
    for step in 0..test.steps {
        if next == batches.len() {
            (batches, next) = (trainer.next_epoch(), 0);
        }
        let rows = &batches[next];
        next += 1;
        let rate = test.rate(step);
        // The loss of every step is read at once, because the test stops at a non-finite loss.
        let prepared = source.prepare(rows, trainer.rng_of_step(step.into()))?;
        let stepped = trainer.step(rows, prepared, rate);
        match stepped.and_then(|()| trainer.collect_pending(&batches)) {
            Err(TrainError::NonFinite { .. }) => return Ok((steps, Some(rate))),
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
        steps.push(now);
        record.line(&RecordLine::Rate(now))?;
        let message = format!("learning rate {rate:.2e}: loss {smoothed_loss:.4}");
        on_batch(rows.len() as u64, &message);
        let settled = steps.iter().skip(SETTLING_STEPS);
        let losses = settled.map(|step| step.smoothed_loss);
        if smoothed_loss > DIVERGED * losses.fold(f64::INFINITY, f64::min) {
            return Ok((steps, Some(rate)));
        }
    }
    Ok((steps, None))
}
