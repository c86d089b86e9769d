//! Paired comparison of the accuracy of models on the same rows.

use serde::{Deserialize, Serialize};

use crate::bootstrap::check_confidence;
use crate::distribution::binomial_at_most;
use crate::paired::PairedCounts;
use crate::scored_rows::check_labels;
use crate::{Estimate, MetricsError, is_correct};

/// The paired comparison of two models' accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The first model.
    pub first: String,
    /// The second model.
    pub second: String,
    /// Number of rows.
    pub rows: u64,
    /// Number of rows that only the first model predicts correctly.
    pub first_only: u64,
    /// Number of rows that only the second model predicts correctly.
    pub second_only: u64,
    /// Accuracy of the first minus accuracy of the second, with Newcombe's interval for paired shares.
    pub difference: Estimate,
    /// P-value of the two-sided exact McNemar test of equal accuracy.
    pub p_value: f64,
    /// P-value after Holm's correction for all comparisons that are made together.
    pub adjusted_p_value: f64,
}

/// The name of a model and its probabilities, one per row.
type Predictions<'a> = (&'a str, &'a [f32]);

/// Compares two models on the same rows. It is a single comparison, so the adjusted p-value equals the p-value.
///
/// # Errors
/// Lengths differ, a label is neither 0 nor 1, or `confidence` is not between 0 and 1.
pub fn compare(
    labels: &[u8],
    first: Predictions<'_>,
    second: Predictions<'_>,
    confidence: f64,
) -> Result<Comparison, MetricsError> {
    check_confidence(confidence)?;
    check_labels(labels, first.1.len(), "probabilities")?;
    check_labels(labels, second.1.len(), "probabilities")?;
    let rows = labels.iter().zip(first.1).zip(second.1);
    let pairs = rows.map(|((&label, &one), &two)| (is_correct(label, one), is_correct(label, two)));
    let counts = PairedCounts::count(pairs);
    let (first_only, second_only) = (counts.first_only, counts.second_only);
    let p_value = mcnemar(first_only, second_only);
    Ok(Comparison {
        first: first.0.to_owned(),
        second: second.0.to_owned(),
        rows: labels.len() as u64,
        first_only,
        second_only,
        difference: counts.difference(confidence),
        p_value,
        adjusted_p_value: p_value,
    })
}

/// Compares all pairs of models on the same rows, in the order of the models, with p-values adjusted for all pairs.
///
/// # Errors
/// As for [`compare`].
pub fn compare_all(
    labels: &[u8],
    models: &[Predictions<'_>],
    confidence: f64,
) -> Result<Vec<Comparison>, MetricsError> {
    let mut comparisons = Vec::new();
    for (index, first) in models.iter().enumerate() {
        for second in &models[index + 1..] {
            comparisons.push(compare(labels, *first, *second, confidence)?);
        }
    }
    let p_values: Vec<f64> = comparisons.iter().map(|it| it.p_value).collect();
    let adjusted = holm(&p_values);
    for (comparison, adjusted) in comparisons.iter_mut().zip(adjusted) {
        comparison.adjusted_p_value = adjusted;
    }
    Ok(comparisons)
}

/// P-value of the exact two-sided McNemar test (1947). If two models have equal accuracy, each row that only one of
/// them predicts correctly is equally likely to be of either. 1 without such rows.
pub fn mcnemar(first_only: u64, second_only: u64) -> f64 {
    (2.0 * binomial_at_most(first_only.min(second_only), first_only + second_only)).min(1.0)
}

/// Holm's step-down correction (1979): adjusted p-values, in the given order. It keeps the probability of one or more
/// false positives below alpha.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &two| p_values[one].total_cmp(&p_values[two]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        let scaled = p_values[index] * (p_values.len() - rank) as f64;
        largest = largest.max(scaled).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

impl Comparison {
    /// Whether the difference is significant: the adjusted p-value is below `alpha`.
    pub fn is_significant(&self, alpha: f64) -> bool {
        self.adjusted_p_value < alpha
    }

    /// The better model, the worse model, and their difference in accuracy; `None` without a significant difference.
    pub fn better_model(&self, alpha: f64) -> Option<(&str, &str, Estimate)> {
        let difference = self.difference;
        if !self.is_significant(alpha) {
            return None;
        }
        Some(match difference.value > 0.0 {
            true => (&self.first, &self.second, difference),
            false => (&self.second, &self.first, -difference),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_matches_tables_computed_by_hand() {
        for (first, second, expected) in [
            (0, 0, 1.0),
            (5, 5, 1.0),
            (0, 5, 2.0 / 32.0),
            (2, 8, 112.0 / 1024.0),
            (8, 2, 112.0 / 1024.0),
        ] {
            let found = mcnemar(first, second);
            assert!(
                (found - expected).abs() < 1e-12,
                "{first} {second}: {found}"
            );
        }
    }

    #[test]
    fn holm_matches_a_table_computed_by_hand() {
        let check = |values: &[f64], expected: &[f64]| {
            for (found, expected) in holm(values).into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        };
        check(&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]);
        check(&[0.6, 0.7], &[1.0, 1.0]);
        check(&[], &[]);
    }

    fn pair(first_only: usize, second_only: usize, both: usize) -> Comparison {
        let rows = first_only + second_only + both;
        let labels = vec![1_u8; rows];
        let first: Vec<f32> = (0..rows)
            .map(|row| {
                if (first_only..first_only + second_only).contains(&row) {
                    0.1
                } else {
                    0.9
                }
            })
            .collect();
        let second: Vec<f32> = (0..rows)
            .map(|row| if row < first_only { 0.1 } else { 0.9 })
            .collect();
        compare(&labels, ("lstm", &first), ("naive", &second), 0.95).expect("valid rows")
    }

    #[test]
    fn the_difference_and_its_interval_are_paired() {
        let found = pair(60, 30, 910);
        assert_eq!(
            (found.first_only, found.second_only, found.rows),
            (60, 30, 1000)
        );
        assert!((found.difference.value - 0.03).abs() < 1e-12);
        // The standard error of a paired difference: sqrt(b + c - (b - c)^2 / n) / n.
        let error = (90.0 - 0.9_f64).sqrt() / 1000.0;
        assert!(
            (found.difference.high - 0.03 - 1.96 * error).abs() < 0.2 * error,
            "{found:?}"
        );
        assert!((found.p_value - mcnemar(60, 30)).abs() < 1e-15);
    }

    #[test]
    fn only_a_significant_difference_has_a_better_model() {
        let check = |comparison: Comparison, expected: Option<(&str, &str)>| {
            let better = comparison.better_model(0.05);
            assert_eq!(better.map(|found| (found.0, found.1)), expected);
            if let Some((_, _, lead)) = better {
                assert!((lead.value - 0.04).abs() < 1e-12, "{lead:?}");
                assert!((0.02..0.03).contains(&lead.low), "{lead:?}");
                assert!(lead.high > lead.value, "{lead:?}");
            }
        };
        check(pair(60, 20, 920), Some(("lstm", "naive")));
        check(pair(20, 60, 920), Some(("naive", "lstm")));
        check(pair(21, 20, 959), None);
        check(pair(0, 0, 10), None);
    }

    #[test]
    fn all_pairs_are_compared_and_corrected_together() {
        let labels = vec![1_u8; 100];
        let good = vec![0.9_f32; 100];
        let bad: Vec<f32> = (0..100)
            .map(|row| if row < 10 { 0.1 } else { 0.9 })
            .collect();
        let models: [Predictions<'_>; 3] = [("a", &good), ("b", &good), ("c", &bad)];
        let found = compare_all(&labels, &models, 0.95).expect("valid rows");
        let names: Vec<(&str, &str)> = found
            .iter()
            .map(|pair| (pair.first.as_str(), pair.second.as_str()))
            .collect();
        assert_eq!(names, [("a", "b"), ("a", "c"), ("b", "c")]);
        assert!((found[1].adjusted_p_value - 3.0 * found[1].p_value).abs() < 1e-15);
        assert_eq!(found[0].adjusted_p_value, 1.0);
    }
}
