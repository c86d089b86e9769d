//! Finds regressions against a stored baseline, so that a CI run fails for a real loss and not for noise.
//!
//! A loss of accuracy is a regression if it is significant at [`ALPHA`] over all models together (one-sided tests with
//! Holm's correction). If the predictions of the baseline on the same rows are available, the test is paired and
//! detects much smaller losses.

use std::collections::BTreeMap;

use crate::distribution::{binomial_at_most, hypergeometric_at_most};
use crate::paired::PairedCounts;
use crate::{Estimate, Metric, MetricsFile, holm, is_correct};

/// Probability of one or more false alarms in a comparison with a baseline.
pub const ALPHA: f64 = 0.01;

/// Two runs of a model on the same rows: the current run first, the baseline second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairedRuns(PairedCounts);

/// A row with its prediction: row id, label, probability of the positive class.
pub type ScoredRow = (u64, u8, f32);

impl PairedRuns {
    /// Pairs the rows of two runs of a model by row id. `None` if the runs have different rows or labels; then only
    /// their metrics can be compared.
    pub fn new(baseline: &[ScoredRow], current: &[ScoredRow]) -> Option<Self> {
        let (baseline, current) = (by_row_id(baseline)?, by_row_id(current)?);
        if baseline.len() != current.len() {
            return None;
        }
        let pairs = current.iter().map(|(id, (label, current))| {
            let (baseline_label, baseline) = baseline.get(id)?;
            (baseline_label == label)
                .then(|| (is_correct(*label, *current), is_correct(*label, *baseline)))
        });
        let pairs: Vec<(bool, bool)> = pairs.collect::<Option<_>>()?;
        Some(Self(PairedCounts::count(pairs.into_iter())))
    }

    /// Numbers of rows that only the baseline and that only the current run predicts correctly.
    pub fn only(&self) -> (u64, u64) {
        (self.0.second_only, self.0.first_only)
    }

    /// Accuracy of the current run minus that of the baseline, with its interval.
    pub fn difference(&self, confidence: f64) -> Estimate {
        self.0.difference(confidence)
    }

    /// P-value of the one-sided exact McNemar test.
    fn p_value(&self) -> f64 {
        let (lost, won) = self.only();
        binomial_at_most(won, lost + won)
    }
}

/// Labels and probabilities by row id; `None` if a row id occurs twice.
fn by_row_id(rows: &[ScoredRow]) -> Option<BTreeMap<u64, (u8, f32)>> {
    let by_id = rows.iter().map(|&(id, label, value)| (id, (label, value)));
    let by_id: BTreeMap<_, _> = by_id.collect();
    (by_id.len() == rows.len()).then_some(by_id)
}

/// A model that became worse than the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regression {
    /// The model.
    pub model: String,
    /// Whether the model or its accuracy is missing; otherwise its accuracy fell significantly.
    pub is_missing: bool,
    /// The message about it.
    pub text: String,
}

/// Compares the accuracy of each model with that in a baseline. `paired` has the [`PairedRuns`] of models whose baseline
/// predictions are available. Models that only the current run has are not regressions.
pub fn find_regressions(
    baseline: &MetricsFile,
    current: &MetricsFile,
    paired: &BTreeMap<String, PairedRuns>,
) -> Vec<Regression> {
    let mut regressions = Vec::new();
    let mut changes = Vec::new();
    for model in baseline.models.keys() {
        let Some(before) = baseline.figure(model, Metric::Accuracy) else {
            continue;
        };
        let Some(after) = current.figure(model, Metric::Accuracy) else {
            regressions.push(Regression {
                model: model.clone(),
                is_missing: true,
                text: format!("`{model}` is in the baseline but not in this run"),
            });
            continue;
        };
        let (before, after) = (before.value(), after.value());
        let p_value = match paired.get(model) {
            Some(pair) => pair.p_value(),
            None => fisher((before, baseline.rows), (after, current.rows)),
        };
        changes.push((model, before, after, p_value));
    }
    let p_values: Vec<f64> = changes.iter().map(|change| change.3).collect();
    let adjusted = holm(&p_values);
    for ((model, before, after, _), p_value) in changes.into_iter().zip(adjusted) {
        if after < before && p_value < ALPHA {
            let (before, after) = (100.0 * before, 100.0 * after);
            let is_paired = paired.contains_key(model);
            let test = if is_paired { "paired" } else { "unpaired" };
            regressions.push(Regression {
                model: model.clone(),
                is_missing: false,
                text: format!(
                    "`{model}` fell from {before:.1}% to {after:.1}% accuracy on {} test reviews (p-value {p_value:.2e}, {test} test)",
                    current.rows
                ),
            });
        }
    }
    regressions
}

/// P-value of the one-sided exact test of Fisher (1935), from two accuracies with their numbers of rows. 1 if the
/// accuracy did not fall.
fn fisher(baseline: (f64, u64), current: (f64, u64)) -> f64 {
    if current.0 >= baseline.0 {
        return 1.0;
    }
    let count = |(accuracy, rows): (f64, u64)| ((accuracy * rows as f64).round() as u64).min(rows);
    let (before, after) = (count(baseline), count(current));
    hypergeometric_at_most(after, current.1, before + after, baseline.1 + current.1)
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::CounterRng;
    use crate::{ScoredRows, compute_figures};

    /// Predictions of a model with this accuracy. A row depends on `rows_seed`, which two runs of a model share, or with
    /// probability `noise` on `noise_seed`.
    fn run(
        rows: u64,
        accuracy: f64,
        rows_seed: u64,
        noise_seed: u64,
        noise: f64,
    ) -> Vec<ScoredRow> {
        let unit = |seed: u64, index: u64| {
            CounterRng::for_sample(seed, 0).bits(index) as f64 / u64::MAX as f64
        };
        let row = |id: u64| {
            let label = u8::from(unit(1, id) < 0.5);
            let seed = if unit(noise_seed, 2 * id) < noise {
                noise_seed
            } else {
                rows_seed
            };
            let is_correct = unit(seed, 2 * id + 1) < accuracy;
            let is_positive = (label == 1) == is_correct;
            (id, label, if is_positive { 0.8 } else { 0.2 })
        };
        (0..rows).map(row).collect()
    }

    #[test]
    fn the_paired_difference_equals_that_of_a_comparison() {
        for seed in 0..20 {
            let (baseline, current) = (
                run(700, 0.8, 3, seed + 10, 0.3),
                run(700, 0.85, 3, seed + 40, 0.4),
            );
            let paired = PairedRuns::new(&baseline, &current).expect("the same rows");
            let column =
                |rows: &[ScoredRow]| -> Vec<f32> { rows.iter().map(|row| row.2).collect() };
            let labels: Vec<u8> = current.iter().map(|row| row.1).collect();
            let (one, two) = (column(&current), column(&baseline));
            let compared = crate::compare(&labels, ("one", &one), ("two", &two), 0.95);
            let compared = compared.expect("valid rows");
            assert_eq!(paired.difference(0.95), compared.difference);
            assert_eq!(paired.only(), (compared.second_only, compared.first_only));
        }
    }

    fn file(rows: &[ScoredRow]) -> MetricsFile {
        let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
        let probabilities: Vec<f32> = rows.iter().map(|row| row.2).collect();
        let scored = ScoredRows::new(&labels, &probabilities).expect("valid rows");
        let figures = compute_figures(&scored, 200, 0.95, 1).expect("there are samples");
        MetricsFile::of_model("lstm", rows.len() as u64, 0.95, figures)
    }

    fn has_regression(baseline: &[ScoredRow], current: &[ScoredRow], is_paired: bool) -> bool {
        let pair =
            is_paired.then(|| PairedRuns::new(baseline, current).expect("the rows are the same"));
        let paired = pair
            .map(|pair| ("lstm".to_owned(), pair))
            .into_iter()
            .collect();
        !find_regressions(&file(baseline), &file(current), &paired).is_empty()
    }

    #[test]
    fn noise_rarely_fails_a_run() {
        let baseline = run(2000, 0.88, 10, 0, 0.0);
        for is_paired in [false, true] {
            // A third of the rows is drawn again, with the same accuracy.
            let alarms = (0..100).filter(|seed| {
                has_regression(
                    &baseline,
                    &run(2000, 0.88, 10, 1000 + seed, 0.33),
                    is_paired,
                )
            });
            assert!(alarms.count() <= 5, "paired: {is_paired}");
        }
    }

    #[test]
    fn a_loss_of_three_points_fails_a_run() {
        let found = |is_paired| {
            (0..40).filter(move |seed| {
                let baseline = run(2000, 0.91, 50 + seed, 0, 0.0);
                // The same model, with some correct predictions turned into errors.
                let mut current = baseline.clone();
                let rng = CounterRng::for_sample(*seed, 9);
                for row in current
                    .iter_mut()
                    .filter(|row| is_correct(row.1, row.2) && rng.bits(row.0) % 1000 < 33)
                {
                    row.2 = 1.0 - row.2;
                }
                has_regression(&baseline, &current, is_paired)
            })
        };
        assert_eq!(found(true).count(), 40);
        assert!(found(false).count() >= 36);
    }

    #[test]
    fn equal_and_better_results_never_fail() {
        let rows = run(500, 0.8, 3, 0, 0.0);
        let better = run(500, 0.95, 3, 0, 0.0);
        for is_paired in [false, true] {
            assert!(!has_regression(&rows, &rows, is_paired));
            assert!(!has_regression(&rows, &better, is_paired));
            assert!(has_regression(&better, &rows, is_paired));
        }
    }

    #[test]
    fn a_missing_model_is_a_regression_and_a_new_one_is_not() {
        let file = file(&run(100, 0.8, 3, 0, 0.0));
        let none = MetricsFile {
            models: IndexMap::new(),
            ..file.clone()
        };
        let found = find_regressions(&file, &none, &BTreeMap::new());
        assert_eq!(found.len(), 1);
        assert!(found[0].model == "lstm" && found[0].is_missing);
        assert_eq!(
            found[0].text,
            "`lstm` is in the baseline but not in this run"
        );
        assert!(find_regressions(&none, &file, &BTreeMap::new()).is_empty());
    }

    #[test]
    fn other_rows_are_not_paired() {
        let rows = run(50, 0.8, 3, 0, 0.0);
        let check = |change: &dyn Fn(&mut Vec<ScoredRow>)| {
            let mut other = rows.clone();
            change(&mut other);
            assert_eq!(PairedRuns::new(&rows, &other), None);
        };
        check(&|rows| rows[0].1 = 1 - rows[0].1);
        check(&|rows| rows[0].0 = 999);
        check(&|rows| rows[1] = rows[0]);
        check(&|rows| rows.truncate(49));
        let mut shuffled = rows.clone();
        shuffled.reverse();
        assert_eq!(
            PairedRuns::new(&rows, &shuffled),
            Some(PairedRuns(PairedCounts {
                both: 36,
                neither: 14,
                ..PairedCounts::default()
            }))
        );
    }

    #[test]
    fn perfect_scores_compare() {
        let perfect = run(200, 2.0, 3, 0, 0.0);
        let useless = run(200, -1.0, 3, 0, 0.0);
        assert!(has_regression(&perfect, &useless, false));
        assert!(!has_regression(&perfect, &perfect, false));
    }

    #[test]
    fn few_rows_cannot_prove_a_loss() {
        // All correct, then all wrong. The p-value is 1/2 with one row, 1/20 with three, and below 1/100 with five.
        for (rows, expected) in [(1, false), (3, false), (5, true)] {
            let (correct, wrong) = (run(rows, 2.0, 3, 0, 0.0), run(rows, -1.0, 3, 0, 0.0));
            assert_eq!(has_regression(&correct, &wrong, false), expected, "{rows}");
        }
        let p_value = fisher((1.0, 3), (0.0, 3));
        assert!((p_value - 1.0 / 20.0).abs() < 1e-12, "{p_value}");
    }
}
