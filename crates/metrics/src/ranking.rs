//! Metrics of the ranking of rows, which do not depend on a threshold.

use serde::{Deserialize, Serialize};

use crate::ScoredRows;
use crate::scored_rows::{Counts, totals};

/// Area under the ROC curve, see [`crate::Metric::RocAuc`]. `None` if a class is missing. The counts are those of
/// distinct probabilities in descending order.
pub(crate) fn roc_auc(counts: &[Counts]) -> Option<f64> {
    let [negatives, positives] = totals(counts);
    let mut above = 0_u64;
    // Twice the number of pairs in the correct order, so that a tie adds an integer.
    let mut ordered = 0_u64;
    for [negative, positive] in counts.iter().map(|count| count.map(u64::from)) {
        ordered += negative * (2 * above + positive);
        above += positive;
    }
    let pairs = 2 * negatives * positives;
    (pairs > 0).then(|| ordered as f64 / pairs as f64)
}

/// Average precision, the step-wise area under the precision-recall curve: the sum over distinct probabilities of the
/// gain in recall times the precision, without interpolation (Davis and Goadrich 2006). `None` without positive rows.
/// The counts are as for [`roc_auc`].
pub(crate) fn average_precision(counts: &[Counts]) -> Option<f64> {
    let [_, positives] = totals(counts);
    let (mut true_positives, mut predicted, mut sum) = (0_u64, 0_u64, 0.0);
    for [negative, positive] in counts.iter().map(|count| count.map(u64::from)) {
        true_positives += positive;
        predicted += negative + positive;
        if positive > 0 {
            sum += positive as f64 * (true_positives as f64 / predicted as f64);
        }
    }
    (positives > 0).then(|| sum / positives as f64)
}

/// A point of a ROC curve: both rates at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of negative rows that are predicted positive.
    pub false_positive_rate: f64,
    /// Share of positive rows that are predicted positive.
    pub true_positive_rate: f64,
}

/// The ROC curve from (0, 0) to (1, 1), with one point per distinct probability. `None` if a class is missing.
pub fn roc_curve(rows: &ScoredRows) -> Option<Vec<RocPoint>> {
    let [negatives, positives] = rows.class_counts().map(|count| count as f64);
    if negatives == 0.0 || positives == 0.0 {
        return None;
    }
    let mut counted = [0_u64; 2];
    let point = |counted: [u64; 2]| RocPoint {
        false_positive_rate: counted[0] as f64 / negatives,
        true_positive_rate: counted[1] as f64 / positives,
    };
    let mut curve = vec![point(counted)];
    for (_, counts) in rows.cells() {
        counted[0] += u64::from(counts[0]);
        counted[1] += u64::from(counts[1]);
        curve.push(point(counted));
    }
    Some(curve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    fn check(labels: &[u8], probabilities: &[f32], auc: Option<f64>, precision: Option<f64>) {
        let rows = ScoredRows::new(labels, probabilities).expect("valid rows");
        for (found, expected) in [
            (rows.figure(Metric::RocAuc), auc),
            (rows.figure(Metric::PrAuc), precision),
        ] {
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() < 1e-12, "{found} {expected}")
                }
                (found, expected) => assert_eq!(found, expected),
            }
        }
    }

    #[test]
    fn areas_match_tables_computed_by_hand() {
        // The example of scikit-learn's documentation: 3 of 4 pairs in order; precision 1 and 2/3 at recall 1/2 and 1.
        check(
            &[0, 0, 1, 1],
            &[0.1, 0.4, 0.35, 0.8],
            Some(0.75),
            Some(0.5 + 0.5 * 2.0 / 3.0),
        );
        check(&[0, 1], &[0.2, 0.7], Some(1.0), Some(1.0));
        check(&[1, 0], &[0.2, 0.7], Some(0.0), Some(0.5));
        // All tied: half of each pair; precision is the share of positives.
        check(&[0, 1, 1, 0, 0], &[0.5; 5], Some(0.5), Some(0.4));
        // One tie between classes among four pairs: (1 + 1 + 1 + 0.5) / 4.
        check(
            &[1, 1, 0, 0],
            &[0.9, 0.5, 0.5, 0.1],
            Some(0.875),
            Some(0.5 + 0.5 * 2.0 / 3.0),
        );
    }

    #[test]
    fn areas_are_undefined_without_one_class() {
        check(&[], &[], None, None);
        check(&[0, 0], &[0.1, 0.2], None, None);
        check(&[1, 1], &[0.1, 0.2], None, Some(1.0));
    }

    #[test]
    fn the_curve_goes_from_corner_to_corner() {
        let rows = ScoredRows::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8]).expect("valid rows");
        let curve = roc_curve(&rows).expect("both classes");
        let points: Vec<(f64, f64)> = curve
            .iter()
            .map(|point| (point.false_positive_rate, point.true_positive_rate))
            .collect();
        assert_eq!(
            points,
            [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]
        );
    }
}
