//! Figures of the decision at probability 0.5: what was called positive, and what was.

use serde::{Deserialize, Serialize};

use crate::tally::THRESHOLD;
use crate::{Estimate, Metric, Tally, share_of};

/// The four outcomes of a decision between two classes, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Negatives called negative.
    pub true_negative: u64,
    /// Negatives called positive.
    pub false_positive: u64,
    /// Positives called negative.
    pub false_negative: u64,
    /// Positives called positive.
    pub true_positive: u64,
}

/// Counts the outcomes. A probability of exactly 0.5 is called positive.
pub fn confusion(tally: &Tally) -> Confusion {
    let mut found = Confusion::default();
    for (level, counts) in tally.cells() {
        found.add(level.probability, counts);
    }
    found
}

impl Confusion {
    /// Adds the rows of one probability.
    pub(crate) fn add(&mut self, probability: f64, counts: [u32; 2]) {
        let [negative, positive] = counts.map(u64::from);
        if probability >= THRESHOLD {
            self.false_positive += negative;
            self.true_positive += positive;
        } else {
            self.true_negative += negative;
            self.false_negative += positive;
        }
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.true_negative + self.false_positive + self.false_negative + self.true_positive
    }

    /// Share of rows called what they are. `None` without rows.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.true_negative + self.true_positive, self.rows())
    }

    /// Share of positives among what was called positive. `None` where nothing was.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Share of positives that were found. `None` without positives.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Harmonic mean of precision and recall, `2 tp / (2 tp + fp + fn)` (van Rijsbergen 1979).
    /// 0 where positives exist and none was found; `None` where there are neither positives nor
    /// calls of positive.
    pub fn f1(&self) -> Option<f64> {
        let found = 2 * self.true_positive;
        ratio(found, found + self.false_positive + self.false_negative)
    }

    /// Correlation of decision and class, from -1 to 1 (Matthews 1975):
    /// `(tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))`. `None` where a class is
    /// missing or was never called, because the root is then 0.
    pub fn mcc(&self) -> Option<f64> {
        let [tn, fp] = [self.true_negative, self.false_positive].map(|rows| rows as f64);
        let [fn_, tp] = [self.false_negative, self.true_positive].map(|rows| rows as f64);
        let square = (tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_);
        (square > 0.0).then(|| (tp * tn - fp * fn_) / square.sqrt())
    }

    /// A figure that is a share of rows, or follows from one, with Wilson's interval, which holds for
    /// few rows and for shares near 0 and 1. `None` where it is not defined, and for every other figure.
    ///
    /// F1 follows from the share `j` of rows found among those that are positive or called so: it is
    /// `2 j / (1 + j)`, which rises with `j`, so that ends become ends (Lam, Gopal and Qian 2023, arXiv
    /// 2309.14621, "Wilson indirect").
    pub(crate) fn share(&self, metric: Metric, confidence: f64) -> Option<Estimate> {
        let found = self.true_positive;
        match metric {
            Metric::Accuracy => share_of(self.true_negative + found, self.rows(), confidence),
            Metric::Precision => share_of(found, found + self.false_positive, confidence),
            Metric::Recall => share_of(found, found + self.false_negative, confidence),
            Metric::F1 => {
                let rows = found + self.false_positive + self.false_negative;
                let Estimate { low, high, .. } = share_of(found, rows, confidence)?;
                let value = self.f1()?;
                let [low, high] = [low, high].map(|share| 2.0 * share / (1.0 + share));
                let (low, high) = (low.min(value), high.max(value));
                Some(Estimate { value, low, high })
            }
            _ => None,
        }
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: accuracy, precision, recall, F1, MCC.
    fn check(found: Confusion, expected: [Option<f64>; 5]) {
        let figures = [
            found.accuracy(),
            found.precision(),
            found.recall(),
            found.f1(),
            found.mcc(),
        ];
        for (figure, expected) in figures.into_iter().zip(expected) {
            match (figure, expected) {
                (Some(figure), Some(expected)) => {
                    assert!((figure - expected).abs() < 1e-12, "{figure} {expected}")
                }
                (figure, expected) => assert_eq!(figure, expected),
            }
        }
    }

    fn table(tn: u64, fp: u64, fn_: u64, tp: u64) -> Confusion {
        Confusion {
            true_negative: tn,
            false_positive: fp,
            false_negative: fn_,
            true_positive: tp,
        }
    }

    #[test]
    fn figures_match_a_table_worked_by_hand() {
        // 50 negatives, 40 kept; 50 positives, 30 found. MCC: (30*40 - 10*20)/sqrt(40*50*50*60).
        let mcc = 1000.0 / 6_000_000_f64.sqrt();
        check(
            table(40, 10, 20, 30),
            [Some(0.7), Some(0.75), Some(0.6), Some(2.0 / 3.0), Some(mcc)],
        );
        check(table(5, 0, 0, 5), [Some(1.0); 5]);
        check(
            table(0, 5, 5, 0),
            [Some(0.0), Some(0.0), Some(0.0), Some(0.0), Some(-1.0)],
        );
    }

    #[test]
    fn what_is_not_defined_is_none() {
        check(table(0, 0, 0, 0), [None; 5]);
        check(table(9, 0, 0, 0), [Some(1.0), None, None, None, None]);
        check(
            table(0, 0, 3, 0),
            [Some(0.0), None, Some(0.0), Some(0.0), None],
        );
        check(
            table(0, 0, 0, 3),
            [Some(1.0), Some(1.0), Some(1.0), Some(1.0), None],
        );
    }

    #[test]
    fn shares_have_intervals_of_wilson_of_their_own_rows() {
        // 41 of 41 right, 20 of them positive: Wilson's lower ends are 1 / (1 + z^2 / rows).
        let all_right = table(21, 0, 0, 20);
        let z2 = 3.841_459;
        let [of_41, of_20] = [41.0, 20.0].map(|rows| 1.0 / (1.0 + z2 / rows));
        for (metric, low) in [
            (Metric::Accuracy, of_41),
            (Metric::Precision, of_20),
            (Metric::Recall, of_20),
            (Metric::F1, 2.0 * of_20 / (1.0 + of_20)),
        ] {
            let found = all_right.share(metric, 0.95).expect("it is defined");
            assert_eq!((found.value, found.high), (1.0, 1.0));
            assert!((found.low - low).abs() < 1e-6, "{metric:?}: {found:?}");
        }
        // 1 found of 3 that are positive or called so; statsmodels says 0.061492 to 0.792340 of 1 of 3.
        let found = table(9, 1, 1, 1)
            .share(Metric::F1, 0.95)
            .expect("it is defined");
        let expected = [
            0.5,
            2.0 * 0.061_492 / 1.061_492,
            2.0 * 0.792_340 / 1.792_340,
        ];
        for (found, expected) in [found.value, found.low, found.high].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(all_right.share(Metric::Mcc, 0.95), None);
        assert_eq!(table(9, 0, 0, 0).share(Metric::Precision, 0.95), None);
    }

    #[test]
    fn one_half_is_called_positive() {
        let tally = Tally::new(&[0, 1, 1, 0], &[0.5, 0.5, 0.499, 0.2]).expect("the rows are fine");
        assert_eq!(confusion(&tally), table(1, 1, 1, 1));
    }
}
