//! The confusion matrix of predicted labels, and the metrics that follow from it.

use serde::{Deserialize, Serialize};

use crate::scored_rows::THRESHOLD;
use crate::{Estimate, Metric, ScoredRows, wilson_interval};

/// The confusion matrix of two classes, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// Negative rows predicted negative.
    pub true_negative: u64,
    /// Negative rows predicted positive.
    pub false_positive: u64,
    /// Positive rows predicted negative.
    pub false_negative: u64,
    /// Positive rows predicted positive.
    pub true_positive: u64,
}

/// Counts the confusion matrix. A probability of exactly 0.5 is predicted positive.
pub fn confusion_matrix(rows: &ScoredRows) -> ConfusionMatrix {
    let mut matrix = ConfusionMatrix::default();
    for (level, counts) in rows.cells() {
        matrix.add(level.probability, counts);
    }
    matrix
}

impl ConfusionMatrix {
    /// Adds rows with the same probability, given by label.
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

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.true_negative + self.false_positive + self.false_negative + self.true_positive
    }

    /// Share of correctly predicted rows; `None` without rows.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.true_negative + self.true_positive, self.rows())
    }

    /// Share of positive rows among those predicted positive; `None` if no row is predicted positive.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Share of positive rows that are predicted positive; `None` without positive rows.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Harmonic mean of precision and recall, `2 tp / (2 tp + fp + fn)` (van Rijsbergen 1979).
    /// 0 without true positives; `None` if no row is positive or predicted positive.
    pub fn f1(&self) -> Option<f64> {
        let twice = 2 * self.true_positive;
        ratio(twice, twice + self.false_positive + self.false_negative)
    }

    /// Correlation of predicted and true class, from -1 to 1 (Matthews 1975):
    /// `(tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))`. `None` if a
    /// class is missing or never predicted, because the root is then 0.
    pub fn mcc(&self) -> Option<f64> {
        let [tn, fp] = [self.true_negative, self.false_positive].map(|rows| rows as f64);
        let [fn_, tp] = [self.false_negative, self.true_positive].map(|rows| rows as f64);
        let square = (tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_);
        (square > 0.0).then(|| (tp * tn - fp * fn_) / square.sqrt())
    }

    /// A metric that is a share of rows, and F1, with the Wilson interval. `None` if it is not defined, and for all
    /// other metrics.
    ///
    /// F1 is `2 j / (1 + j)`, where `j` is the share of true positives among rows that are positive or predicted
    /// positive. This function is increasing, so it maps the interval of `j` to that of F1 (Lam, Gopal and Qian 2023,
    /// arXiv 2309.14621, "Wilson indirect").
    pub(crate) fn wilson_interval(&self, metric: Metric, confidence: f64) -> Option<Estimate> {
        let correct = self.true_positive;
        let share = |count, rows| wilson_interval(count, rows, confidence);
        match metric {
            Metric::Accuracy => share(self.true_negative + correct, self.rows()),
            Metric::Precision => share(correct, correct + self.false_positive),
            Metric::Recall => share(correct, correct + self.false_negative),
            Metric::F1 => {
                let rows = correct + self.false_positive + self.false_negative;
                let Estimate { low, high, .. } = share(correct, rows)?;
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
