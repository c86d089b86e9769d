//! Figures of the decision at probability 0.5: what was called positive, and what was.

use serde::{Deserialize, Serialize};

use crate::tally::THRESHOLD;
use crate::{Estimate, Metric, ScoredRows, wilson_interval};

/// The four outcomes of a decision between two classes, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
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
pub fn confusion_matrix(tally: &ScoredRows) -> ConfusionMatrix {
    let mut found = ConfusionMatrix::default();
    for (level, counts) in tally.cells() {
        found.add(level.probability, counts);
    }
    found
}

impl ConfusionMatrix {
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
            Metric::Accuracy => {
                wilson_interval(self.true_negative + found, self.rows(), confidence)
            }
            Metric::Precision => wilson_interval(found, found + self.false_positive, confidence),
            Metric::Recall => wilson_interval(found, found + self.false_negative, confidence),
            Metric::F1 => {
                let rows = found + self.false_positive + self.false_negative;
                let Estimate { low, high, .. } = wilson_interval(found, rows, confidence)?;
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
mod tests;
