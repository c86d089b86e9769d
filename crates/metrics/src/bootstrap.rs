//! Intervals by resampling rows (Efron 1979).

use indexmap::IndexMap;
use rayon::prelude::*;

use crate::metric::figures;
use crate::random::Draws;
use crate::{Estimate, Metric, MetricsError, Tally};

/// Every figure of a model with its percentile bootstrap interval over rows, by the names and in
/// the order of [`Metric::ALL`]. A figure that the rows do not define is left out; a resample that
/// does not define it (only possible with very few rows) does not count for its interval.
///
/// The result depends on the rows, `samples`, `confidence` and `seed`, not on the number of threads.
///
/// # Errors
/// There are no samples, or the confidence is no share.
pub fn summary(
    tally: &Tally,
    samples: u32,
    confidence: f64,
    seed: u64,
) -> Result<IndexMap<String, Estimate>, MetricsError> {
    check(samples, confidence)?;
    let replicates: Vec<_> = (0..samples)
        .into_par_iter()
        .map(|sample| replicate(tally, Draws::new(seed, sample.into())))
        .collect();
    let values = figures(&tally.levels, &tally.counts);
    let estimates = Metric::ALL
        .into_iter()
        .enumerate()
        .filter_map(|(place, metric)| {
            let found = replicates
                .iter()
                .filter_map(|figures| figures[place])
                .collect();
            let estimate = Estimate::from_replicates(values[place]?, found, confidence)?;
            Some((metric.name().to_owned(), estimate))
        });
    Ok(estimates.collect())
}

/// All figures of one resample.
fn replicate(tally: &Tally, draws: Draws) -> [Option<f64>; Metric::ALL.len()] {
    let rows = tally.rows();
    let mut counts = vec![[0_u32; 2]; tally.levels.len()];
    for place in 0..rows {
        let cell = tally.cell_of_row[draws.index(place as u64, rows)] as usize;
        counts[cell / 2][cell % 2] += 1;
    }
    figures(&tally.levels, &counts)
}

/// Refuses what gives no interval.
pub(crate) fn check(samples: u32, confidence: f64) -> Result<(), MetricsError> {
    if samples == 0 {
        return Err(MetricsError::NoSamples);
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(MetricsError::Confidence(confidence));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a model that is right about this share of them, from counter-based draws.
    fn rows(number: u64, right: f64, seed: u64) -> Tally {
        let draws = Draws::new(seed, 0);
        let unit = |place: u64| draws.bits(place) as f64 / u64::MAX as f64;
        let labels: Vec<u8> = (0..number)
            .map(|row| u8::from(unit(3 * row) < 0.5))
            .collect();
        let probabilities: Vec<f32> = (0..number)
            .map(|row| {
                let positive = (labels[row as usize] == 1) == (unit(3 * row + 1) < right);
                let sure = 0.5 + 0.5 * unit(3 * row + 2);
                (if positive { sure } else { 1.0 - sure }) as f32
            })
            .collect();
        Tally::new(&labels, &probabilities).expect("the rows are fine")
    }

    #[test]
    fn figures_are_those_of_the_plain_functions() {
        let tally = rows(500, 0.8, 1);
        let outcomes = crate::confusion(&tally);
        let expected = [
            outcomes.accuracy(),
            outcomes.precision(),
            outcomes.recall(),
            outcomes.f1(),
            outcomes.mcc(),
            crate::roc_auc(&tally),
            crate::average_precision(&tally),
            crate::log_loss(&tally),
            crate::brier(&tally),
            crate::expected_calibration_error(&tally),
        ];
        let found = summary(&tally, 10, 0.95, 1).expect("there are samples");
        for (metric, expected) in Metric::ALL.into_iter().zip(expected) {
            let (found, expected) = (found[metric.name()].value, expected.expect("it is defined"));
            assert!(
                (found - expected).abs() < 1e-12,
                "{}: {found} {expected}",
                metric.name()
            );
        }
    }

    #[test]
    fn the_interval_of_accuracy_is_the_binomial_one() {
        let tally = rows(2000, 0.85, 2);
        let found = summary(&tally, 2000, 0.95, 3).expect("there are samples")["accuracy"];
        let error = (found.value * (1.0 - found.value) / 2000.0).sqrt();
        assert!(
            (found.value - found.low - 1.96 * error).abs() < 0.15 * error,
            "{found:?}"
        );
        assert!(
            (found.high - found.value - 1.96 * error).abs() < 0.15 * error,
            "{found:?}"
        );
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let covered = (0..200).filter(|seed| {
            let found = summary(&rows(300, 0.8, 1000 + seed), 300, 0.9, *seed)
                .expect("there are samples")["accuracy"];
            (found.low..=found.high).contains(&0.8)
        });
        // Binomial of 200 and 0.9: standard deviation 4.2.
        let covered = covered.count();
        assert!((163..=197).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let tally = rows(400, 0.7, 4);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a pool starts");
            pool.install(|| summary(&tally, 50, 0.95, 9).expect("there are samples"))
        };
        assert_eq!(with(1), with(3));
        assert_ne!(
            with(1),
            summary(&tally, 50, 0.95, 10).expect("there are samples")
        );
    }

    #[test]
    fn edge_cases_leave_out_what_is_not_defined() {
        let check = |labels: &[u8], probabilities: &[f32], expected: &[&str]| {
            let tally = Tally::new(labels, probabilities).expect("the rows are fine");
            let found = summary(&tally, 20, 0.95, 1).expect("there are samples");
            assert_eq!(found.keys().collect::<Vec<_>>(), expected);
            let finite = |estimate: &Estimate| {
                [estimate.value, estimate.low, estimate.high]
                    .iter()
                    .all(|x| x.is_finite())
            };
            assert!(found.values().all(finite));
        };
        check(&[], &[], &[]);
        check(
            &[0, 0],
            &[0.1, 0.3],
            &["accuracy", "log_loss", "brier", "ece"],
        );
        check(
            &[1],
            &[0.9],
            &[
                "accuracy",
                "precision",
                "recall",
                "f1",
                "pr_auc",
                "log_loss",
                "brier",
                "ece",
            ],
        );
        let tally = Tally::new(&[0], &[0.5]).expect("the row is fine");
        assert!(summary(&tally, 0, 0.95, 1).is_err());
        assert!(summary(&tally, 10, 1.0, 1).is_err());
        assert!(summary(&tally, 10, f64::NAN, 1).is_err());
    }
}
