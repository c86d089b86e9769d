//! Figures of the order a model puts reviews in, whatever the threshold.

use serde::{Deserialize, Serialize};

use crate::ScoredRows;
use crate::tally::{Counts, totals};

/// Area under the ROC curve: the probability that a positive is ranked above a negative, ties
/// counting one half (Mann and Whitney 1947; Hanley and McNeil 1982). `None` where a class is
/// missing. The counts are those of levels from the highest probability down.
pub(crate) fn roc_auc(counts: &[Counts]) -> Option<f64> {
    let [negatives, positives] = totals(counts);
    let mut above = 0_u64;
    // Twice the number of pairs in the right order, so that a tie adds a whole number.
    let mut ordered = 0_u64;
    for [negative, positive] in counts.iter().map(|count| count.map(u64::from)) {
        ordered += negative * (2 * above + positive);
        above += positive;
    }
    let pairs = 2 * negatives * positives;
    (pairs > 0).then(|| ordered as f64 / pairs as f64)
}

/// Average precision, the step-wise area under the precision-recall curve: the sum over levels of
/// the recall gained there times the precision down to there, without interpolation (Davis and
/// Goadrich 2006 say why). `None` without positives. The counts are as for [`roc_auc`].
pub(crate) fn average_precision(counts: &[Counts]) -> Option<f64> {
    let [_, positives] = totals(counts);
    let (mut found, mut called, mut sum) = (0_u64, 0_u64, 0.0);
    for [negative, positive] in counts.iter().map(|count| count.map(u64::from)) {
        found += positive;
        called += negative + positive;
        if positive > 0 {
            sum += positive as f64 * (found as f64 / called as f64);
        }
    }
    (positives > 0).then(|| sum / positives as f64)
}

/// One point of a ROC curve: both shares at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of negatives called positive.
    pub false_positive_rate: f64,
    /// Share of positives called positive.
    pub true_positive_rate: f64,
}

/// The ROC curve from (0, 0) to (1, 1), one point per distinct probability. `None` where a class is
/// missing.
pub fn roc_curve(tally: &ScoredRows) -> Option<Vec<RocPoint>> {
    let [negatives, positives] = tally.classes().map(|rows| rows as f64);
    if negatives == 0.0 || positives == 0.0 {
        return None;
    }
    let mut seen = [0_u64; 2];
    let mut curve = vec![RocPoint {
        false_positive_rate: 0.0,
        true_positive_rate: 0.0,
    }];
    for (_, counts) in tally.cells() {
        seen[0] += u64::from(counts[0]);
        seen[1] += u64::from(counts[1]);
        curve.push(RocPoint {
            false_positive_rate: seen[0] as f64 / negatives,
            true_positive_rate: seen[1] as f64 / positives,
        });
    }
    Some(curve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    fn check(labels: &[u8], probabilities: &[f32], auc: Option<f64>, precision: Option<f64>) {
        let tally = ScoredRows::new(labels, probabilities).expect("the rows are fine");
        for (found, expected) in [
            (tally.figure(Metric::RocAuc), auc),
            (tally.figure(Metric::PrAuc), precision),
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
    fn areas_match_tables_worked_by_hand() {
        // scikit-learn's own example: 3 of 4 pairs in order; precision 1 and 2/3 at recall 1/2 and 1.
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
    fn a_missing_class_leaves_the_areas_undefined() {
        check(&[], &[], None, None);
        check(&[0, 0], &[0.1, 0.2], None, None);
        check(&[1, 1], &[0.1, 0.2], None, Some(1.0));
    }

    #[test]
    fn the_curve_runs_from_corner_to_corner() {
        let tally =
            ScoredRows::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8]).expect("the rows are fine");
        let curve = roc_curve(&tally).expect("both classes are there");
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
