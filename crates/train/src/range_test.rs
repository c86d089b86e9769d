//! `[range_test.NAME]`: records the loss at rising learning rates and suggests a rate.

use artifact::files::{RangeTest, RangeTestStep, write_json};
use artifact::{Contract, OutputFile, format};
use settings::{ModelSettings, RangeTestSettings};
use stage::{Context, Outcome};
use training::{Record, SETTLING_STEPS, run_range_test};

use crate::data::TrainingInputs;
use crate::{Result, classification_task, show, train_context};

/// The file with the result.
const FILE: &str = "range.json";

/// Runs the test. The trained weights are discarded.
pub(crate) fn run(
    context: &Context,
    settings: &ModelSettings,
    test: RangeTestSettings,
) -> Result<Outcome> {
    let (data, mut weights) = TrainingInputs::open(context, settings)?;
    let note = |text: &str| context.progress().note(text);
    let task = classification_task(settings, &data);
    let training = train_context(context, settings, &task, &data.device, &note);
    let mut record = Record::create(&context.output().join("metrics.jsonl"))?;
    let rows = u64::from(test.steps) * u64::from(settings.training.batch_size);
    let progress = context.progress();
    let bar = progress.task("raising the learning rate", Some(rows), "reviews");
    let on_batch = |rows, message: &str| show(&bar, rows, message);
    let (points, diverged) = run_range_test(&training, &mut weights, test, &mut record, &on_batch)?;
    drop(bar);
    let range = RangeTest {
        from: test.from,
        to: test.to,
        suggested: steepest(&points),
        diverged,
        tenth_of_diverged: diverged.map(|rate| rate / 10.0),
        points,
    };
    write_json(&context.output().join(FILE), &range)?;
    let fall = match range.suggested {
        Some(rate) => format!("it falls fastest at {rate:.1e}"),
        None => "it does not fall".to_owned(),
    };
    let end = match diverged.zip(range.tenth_of_diverged) {
        Some((rate, tenth)) => format!("it diverges at {rate:.1e}; a tenth of this is {tenth:.1e}"),
        None => format!("it does not diverge up to {:.1e}", test.to),
    };
    let steps = format::plural(range.points.len() as u64, "step", "steps");
    let summary = format!("loss over {steps} at rising learning rates: {fall}, {end}");
    let steps = range.points.len() as u32;
    let contract = Contract::RangeTest { steps };
    let files = vec![OutputFile::data(FILE), OutputFile::record("metrics.jsonl")];
    Ok(Outcome {
        device: Some(data.device.describe()),
        ..Outcome::new(contract, files, summary)
    })
}

/// The rate at which the smoothed loss falls most steeply over the logarithm of the rate, before its minimum. Slopes
/// are those of straight lines through a tenth of the steps each.
fn steepest(points: &[RangeTestStep]) -> Option<f64> {
    let points = points.get(SETTLING_STEPS..)?;
    let by_loss = |one: &&RangeTestStep, two: &&RangeTestStep| {
        one.smoothed_loss.total_cmp(&two.smoothed_loss)
    };
    let lowest = points.iter().min_by(by_loss)?;
    let falling = &points[..=points.iter().position(|point| point == lowest)?];
    let width = (points.len() / 10).max(3);
    let slopes = falling.windows(width);
    let slopes = slopes.map(|window| (slope(window), window[width / 2].learning_rate));
    let (slope, rate) = slopes.min_by(|one, two| one.0.total_cmp(&two.0))?;
    (slope < 0.0).then_some(rate)
}

/// The least-squares slope of some points, in nats per power of ten of the learning rate.
fn slope(points: &[RangeTestStep]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let rates = points.iter().map(|point| point.learning_rate.log10());
    let losses = points.iter().map(|point| point.smoothed_loss);
    let (rates, losses): (Vec<f64>, Vec<f64>) = rates.zip(losses).unzip();
    let (rate, loss) = (mean(&rates), mean(&losses));
    let pairs = rates.iter().zip(&losses);
    let covariance: f64 = pairs.map(|(one, two)| (one - rate) * (two - loss)).sum();
    let variance: f64 = rates.iter().map(|one| (one - rate).powi(2)).sum();
    covariance / variance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(loss: impl Fn(f64) -> f64) -> Vec<RangeTestStep> {
        (0..101)
            .map(|step| {
                let power = -5.0 + f64::from(step) * 0.05;
                RangeTestStep {
                    step,
                    learning_rate: 10_f64.powf(power),
                    loss: loss(power),
                    smoothed_loss: loss(power),
                }
            })
            .collect()
    }

    #[test]
    fn the_steepest_fall_is_found_before_the_lowest_loss() {
        // The loss falls around 10^-3, then rises after 10^-1, then falls more steeply than before.
        let curve = |power: f64| {
            let fall = 0.7 - 0.5 / (1.0 + (-4.0 * (power + 3.0)).exp());
            let rise = if power > -0.3 {
                2.1 - 5.0 * (power + 0.3)
            } else {
                (3.0 * (power + 1.0)).max(0.0)
            };
            fall + rise
        };
        let rate = steepest(&points(curve)).expect("it falls");
        assert!((5e-4..2e-3).contains(&rate), "{rate}");
    }

    #[test]
    fn a_low_loss_of_the_first_batches_is_ignored() {
        let curve = |power: f64| match power {
            ..-4.9 => 0.1,
            _ => 0.7 - 0.5 / (1.0 + (-4.0 * (power + 3.0)).exp()),
        };
        let rate = steepest(&points(curve)).expect("it falls");
        assert!((5e-4..2e-3).contains(&rate), "{rate}");
    }

    #[test]
    fn a_loss_that_never_falls_gives_no_suggestion() {
        assert_eq!(steepest(&points(|power| power)), None);
        assert_eq!(steepest(&points(|_| 0.7)), None);
        assert_eq!(steepest(&[]), None);
    }
}
