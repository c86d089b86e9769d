//! Accuracy against coverage: a model that abstains from uncertain answers (El-Yaniv and Wiener 2010).

use serde::{Deserialize, Serialize};

use crate::{Estimate, wilson_interval};

/// The answers of a model that abstains where its confidence is below a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbstentionFigures {
    /// The lowest confidence that is answered.
    pub threshold: f64,
    /// Rows that are answered.
    pub answered: u64,
    /// Share of all rows that are answered: the coverage.
    pub coverage: f64,
    /// Accuracy of the answered rows. `None` if there are none.
    pub accuracy: Option<Estimate>,
}

/// The figures at each threshold. Each row is the probability of the predicted class, and whether the prediction
/// is correct; the number of classes does not matter. Empty without rows.
pub fn abstention_figures(
    rows: &[(f32, bool)],
    thresholds: &[f64],
    confidence: f64,
) -> Vec<AbstentionFigures> {
    if rows.is_empty() {
        return Vec::new();
    }
    let figures = |&threshold: &f64| {
        // As `predict --abstain` compares: in single precision.
        let answered = rows.iter().filter(|row| row.0 >= threshold as f32);
        let correct = answered.clone().filter(|row| row.1).count() as u64;
        let answered = answered.count() as u64;
        AbstentionFigures {
            threshold,
            answered,
            coverage: answered as f64 / rows.len() as f64,
            accuracy: wilson_interval(correct, answered, confidence),
        }
    };
    thresholds.iter().map(figures).collect()
}

/// The accuracy-coverage curve at this many equally spaced coverages: the most confident rows first, rows of equal
/// confidence together. The threshold of a point is the lowest confidence among its rows.
pub fn accuracy_coverage_curve(
    rows: &[(f32, bool)],
    points: usize,
    confidence: f64,
) -> Vec<AbstentionFigures> {
    let mut confidences: Vec<f32> = rows.iter().map(|row| row.0).collect();
    confidences.sort_unstable_by(|one, two| two.total_cmp(one));
    let last = |point: usize| (point * rows.len()).div_ceil(points).checked_sub(1);
    let thresholds = (1..=points).filter_map(|point| confidences.get(last(point)?).copied());
    let mut thresholds: Vec<f64> = thresholds.map(f64::from).collect();
    thresholds.dedup();
    abstention_figures(rows, &thresholds, confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [(f32, bool); 5] = [
        (0.99, true),
        (0.6, false),
        (0.9, true),
        (0.6, true),
        (0.8, false),
    ];

    #[test]
    fn fewer_answers_are_more_often_correct() {
        let found = abstention_figures(&ROWS, &[0.5, 0.9, 1.0], 0.95);
        let accuracy = |it: &AbstentionFigures| it.accuracy.map(|it| it.value);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.answered, it.coverage, accuracy(it)))
            .collect();
        let expected = [
            (5, 1.0, Some(0.6)),
            // A threshold equal to a confidence answers it.
            (2, 0.4, Some(1.0)),
            (0, 0.0, None),
        ];
        assert_eq!(found, expected);
        assert!(abstention_figures(&[], &[0.5], 0.95).is_empty());
    }

    #[test]
    fn the_curve_ends_at_full_coverage_and_keeps_equal_confidences_together() {
        let curve = accuracy_coverage_curve(&ROWS, 5, 0.95);
        let answered: Vec<u64> = curve.iter().map(|it| it.answered).collect();
        assert_eq!(answered, [1, 2, 3, 5]);
        assert_eq!(curve.last().map(|it| it.coverage), Some(1.0));
        let curve = accuracy_coverage_curve(&ROWS[..1], 50, 0.95);
        assert_eq!(curve.len(), 1);
        assert!(accuracy_coverage_curve(&[], 50, 0.95).is_empty());
    }
}
