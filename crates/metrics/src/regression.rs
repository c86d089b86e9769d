//! Is a run worse than a stored baseline, or just different? For a CI run that fails on the first
//! and never on the second.
//!
//! A loss counts when it would appear by chance less than once in a hundred checks, over all models
//! of the check together (one-sided tests with Holm's correction). Where the baseline's predictions
//! on the same rows are at hand the test is paired and sees much smaller losses.

use std::collections::BTreeMap;

use crate::distribution::{binomial_at_most, hypergeometric_at_most};
use crate::paired::Outcomes;
use crate::{Estimate, Metric, MetricsFile, holm, is_correct};

/// The chance of a false alarm that a check accepts.
pub const ALPHA: f64 = 0.01;

/// Rows of a model's two versions, compared one by one: first the current one, second the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairedRuns(Outcomes);

/// One judged row: row id, label, probability of the positive class.
pub type ScoredRow = (u64, u8, f32);

impl PairedRuns {
    /// Pairs the rows of two runs of one model by row id. `None` where they are not the same rows
    /// with the same labels: the runs can then only be compared by their figures.
    pub fn new(baseline: &[ScoredRow], current: &[ScoredRow]) -> Option<Self> {
        let (baseline, current) = (by_row_id(baseline)?, by_row_id(current)?);
        if baseline.len() != current.len() {
            return None;
        }
        let pairs = current.iter().map(|(id, (label, now))| {
            let (was_label, was) = baseline.get(id)?;
            (was_label == label).then(|| (is_correct(*label, *now), is_correct(*label, *was)))
        });
        let pairs: Vec<(bool, bool)> = pairs.collect::<Option<_>>()?;
        Some(Self(Outcomes::of(pairs.into_iter())))
    }

    /// Rows that only the baseline got right, and rows that only the current run did.
    pub fn only(&self) -> (u64, u64) {
        (self.0.second_only, self.0.first_only)
    }

    /// The accuracy of the current run minus that of the baseline, with its interval.
    pub fn difference(&self, confidence: f64) -> Estimate {
        self.0.difference(confidence)
    }

    /// Exact McNemar test, one-sided: how likely at least this many losses are by chance.
    fn p_value(&self) -> f64 {
        let (lost, won) = self.only();
        binomial_at_most(won, lost + won)
    }
}

/// Labels and probabilities by row id, `None` where a row stands twice.
fn by_row_id(rows: &[ScoredRow]) -> Option<BTreeMap<u64, (u8, f32)>> {
    let by_id = rows.iter().map(|&(id, label, value)| (id, (label, value)));
    let by_id: BTreeMap<_, _> = by_id.collect();
    (by_id.len() == rows.len()).then_some(by_id)
}

/// What has become worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regression {
    /// The model.
    pub model: String,
    /// Whether it, or its accuracy, is missing; otherwise its accuracy fell by more than chance explains.
    pub is_missing: bool,
    /// The sentence about it.
    pub text: String,
}

/// Compares a run with a baseline, model by model, on accuracy. `paired` holds, by model, what
/// [`PairedRuns::new`] found where the baseline's predictions are at hand. Models that only the current
/// run has are no regression; equal results never are.
pub fn find_regressions(
    baseline: &MetricsFile,
    current: &MetricsFile,
    paired: &BTreeMap<String, PairedRuns>,
) -> Vec<Regression> {
    let mut regressions = Vec::new();
    let mut losses = Vec::new();
    for (model, figures) in &baseline.models {
        let Some(was) = figures.get(Metric::Accuracy.name()) else {
            continue;
        };
        let figures = current.models.get(model);
        let Some(now) = figures.and_then(|figures| figures.get(Metric::Accuracy.name())) else {
            regressions.push(Regression {
                model: model.clone(),
                is_missing: true,
                text: format!("`{model}` stands in the baseline and not in this run"),
            });
            continue;
        };
        let p_value = match paired.get(model) {
            Some(pair) => pair.p_value(),
            None => unpaired((was.value(), baseline.rows), (now.value(), current.rows)),
        };
        losses.push((model, was.value(), now.value(), p_value));
    }
    let p_values: Vec<f64> = losses.iter().map(|loss| loss.3).collect();
    let adjusted = holm(&p_values);
    for ((model, baseline, now, _), p_value) in losses.into_iter().zip(adjusted) {
        if now < baseline && p_value < ALPHA {
            let (was, is) = (100.0 * baseline, 100.0 * now);
            let test = match paired.contains_key(model) {
                true => "paired",
                false => "unpaired",
            };
            regressions.push(Regression {
                model: model.clone(),
                is_missing: false,
                text: format!(
                    "`{model}` fell from {was:.1} % to {is:.1} % accuracy on {} test reviews (chance of that without a cause: {p_value:.2e}, {test} test)",
                    current.rows
                ),
            });
        }
    }
    regressions
}

/// How likely a fall this deep is by chance, from two accuracies with the rows behind each, as if the rows
/// were others: the exact test of Fisher (1935), one-sided. 1 where nothing fell.
fn unpaired(baseline: (f64, u64), current: (f64, u64)) -> f64 {
    if current.0 >= baseline.0 {
        return 1.0;
    }
    let right = |(accuracy, rows): (f64, u64)| ((accuracy * rows as f64).round() as u64).min(rows);
    let (was, now) = (right(baseline), right(current));
    hypergeometric_at_most(now, current.1, was + now, baseline.1 + current.1)
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::CounterRng;
    use crate::{ScoredRows, compute_figures};

    /// Predictions of a model that is right about this share of rows. The first draw of a row
    /// decides by `rows_seed` (the same in two runs of one model), the second by `noise_seed`.
    fn run(number: u64, right: f64, rows_seed: u64, noise_seed: u64, noise: f64) -> Vec<ScoredRow> {
        let unit = |seed: u64, place: u64| {
            CounterRng::for_sample(seed, 0).bits(place) as f64 / u64::MAX as f64
        };
        let row = |id: u64| {
            let label = u8::from(unit(1, id) < 0.5);
            let seed = if unit(noise_seed, 2 * id) < noise {
                noise_seed
            } else {
                rows_seed
            };
            let is_correct = unit(seed, 2 * id + 1) < right;
            (
                id,
                label,
                if (label == 1) == is_correct { 0.8 } else { 0.2 },
            )
        };
        (0..number).map(row).collect()
    }

    #[test]
    fn the_difference_of_pairs_is_that_of_a_comparison_to_the_last_digit() {
        for seed in 0..20 {
            let (was, is) = (
                run(700, 0.8, 3, seed + 10, 0.3),
                run(700, 0.85, 3, seed + 40, 0.4),
            );
            let paired = PairedRuns::new(&was, &is).expect("the same rows");
            let said = |rows: &[ScoredRow]| -> Vec<f32> { rows.iter().map(|row| row.2).collect() };
            let labels: Vec<u8> = is.iter().map(|row| row.1).collect();
            let compared = crate::compare(&labels, ("is", &said(&is)), ("was", &said(&was)), 0.95);
            let compared = compared.expect("sound rows");
            assert_eq!(paired.difference(0.95), compared.difference);
            assert_eq!(paired.only(), (compared.second_only, compared.first_only));
        }
    }

    fn file(rows: &[ScoredRow]) -> MetricsFile {
        let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
        let probabilities: Vec<f32> = rows.iter().map(|row| row.2).collect();
        let tally = ScoredRows::new(&labels, &probabilities).expect("the rows are fine");
        let figures = compute_figures(&tally, 200, 0.95, 1).expect("there are samples");
        MetricsFile::of_model("lstm", rows.len() as u64, 0.95, figures)
    }

    fn flagged(baseline: &[ScoredRow], current: &[ScoredRow], is_paired: bool) -> bool {
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
            // A third of the rows is drawn anew, with the same quality.
            let alarms = (0..100).filter(|seed| {
                flagged(
                    &baseline,
                    &run(2000, 0.88, 10, 1000 + seed, 0.33),
                    is_paired,
                )
            });
            assert!(alarms.count() <= 5, "paired: {is_paired}");
        }
    }

    #[test]
    fn a_real_loss_of_three_points_fails_a_run() {
        let found = |is_paired| {
            (0..40).filter(move |seed| {
                let baseline = run(2000, 0.91, 50 + seed, 0, 0.0);
                // The same model, except that of its right answers some have become wrong.
                let mut current = baseline.clone();
                let lost = CounterRng::for_sample(*seed, 9);
                for row in current
                    .iter_mut()
                    .filter(|row| is_correct(row.1, row.2) && lost.bits(row.0) % 1000 < 33)
                {
                    row.2 = 1.0 - row.2;
                }
                flagged(&baseline, &current, is_paired)
            })
        };
        assert_eq!(found(true).count(), 40);
        assert!(found(false).count() >= 36);
    }

    #[test]
    fn equal_results_never_fail_and_better_ones_neither() {
        let rows = run(500, 0.8, 3, 0, 0.0);
        let better = run(500, 0.95, 3, 0, 0.0);
        for is_paired in [false, true] {
            assert!(!flagged(&rows, &rows, is_paired));
            assert!(!flagged(&rows, &better, is_paired));
            assert!(flagged(&better, &rows, is_paired));
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
            "`lstm` stands in the baseline and not in this run"
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
            Some(PairedRuns(Outcomes {
                both: 36,
                neither: 14,
                ..Outcomes::default()
            }))
        );
    }

    #[test]
    fn perfect_scores_compare() {
        let perfect = run(200, 2.0, 3, 0, 0.0);
        let useless = run(200, -1.0, 3, 0, 0.0);
        assert!(flagged(&perfect, &useless, false));
        assert!(!flagged(&perfect, &perfect, false));
    }

    #[test]
    fn few_rows_prove_no_loss() {
        // All right, and then all wrong: by chance in half of all cases of one row, in one of 20 of three,
        // and in less than one of a hundred of five.
        for (rows, expected) in [(1, false), (3, false), (5, true)] {
            let (right, wrong) = (run(rows, 2.0, 3, 0, 0.0), run(rows, -1.0, 3, 0, 0.0));
            assert_eq!(flagged(&right, &wrong, false), expected, "{rows}");
        }
        let p_value = unpaired((1.0, 3), (0.0, 3));
        assert!((p_value - 1.0 / 20.0).abs() < 1e-12, "{p_value}");
    }
}
