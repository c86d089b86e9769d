//! Bins of nearly equal log-odds.

use std::collections::BTreeMap;

/// Bound of log-odds; larger values come from probabilities that were rounded to 0 or 1.
const MAX_LOG_ODDS: f64 = 16.0;

/// Bins per unit of log-odds. A probability of 0.5 is a bin edge, so no bin has rows with both predicted
/// labels.
const BINS_PER_UNIT: f64 = 32.0;

/// The log-odds of a probability, bounded by [`MAX_LOG_ODDS`].
pub(crate) fn logit(probability: f64) -> f64 {
    let odds = probability / (1.0 - probability);
    odds.ln().clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)
}

/// The probability of log-odds; the inverse of the logit.
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// 1 if the predicted label is positive, else 0.
pub(crate) fn predicted_label(probability: f64) -> f64 {
    f64::from(u8::from(probability >= 0.5))
}

/// Number of rows per class and bin, negative first: `[2][L]`.
pub(crate) type Counts = [Vec<f64>; 2];

/// Mean probability and mean log-odds of each bin, `[L]`, in ascending order; and the bin of each row, `[N]`.
#[derive(Debug)]
pub(crate) struct LogOddsBins {
    pub(crate) probabilities: Vec<f64>,
    pub(crate) log_odds: Vec<f64>,
    pub(crate) bin_of_row: Vec<usize>,
}

impl LogOddsBins {
    /// The bins of rows with these probabilities.
    pub(crate) fn new(probabilities: &[f32]) -> Self {
        let rows = probabilities.iter().map(|value| f64::from(*value));
        let rows: Vec<(f64, f64)> = rows.map(|value| (value, logit(value))).collect();
        let number = |log_odds: f64| (log_odds * BINS_PER_UNIT).floor() as i64;
        // Sums per bin: probabilities, log-odds, rows.
        let mut sums: BTreeMap<i64, [f64; 3]> = BTreeMap::new();
        for (probability, log_odds) in &rows {
            let sums = sums.entry(number(*log_odds)).or_default();
            sums[0] += probability;
            sums[1] += log_odds;
            sums[2] += 1.0;
        }
        let mean = |which: usize| sums.values().map(|sums| sums[which] / sums[2]).collect();
        let indices: BTreeMap<i64, usize> = sums.keys().copied().zip(0..).collect();
        Self {
            probabilities: mean(0),
            log_odds: mean(1),
            bin_of_row: rows.iter().map(|row| indices[&number(row.1)]).collect(),
        }
    }

    /// The number of rows in each bin, from the bins of the rows.
    pub(crate) fn count(&self, bins: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut counts = vec![0.0; self.log_odds.len()];
        bins.for_each(|bin| counts[bin] += 1.0);
        counts
    }
}
