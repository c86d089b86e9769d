//! Precision and recall of a class by decision threshold.

use serde::{Deserialize, Serialize};

use crate::{Estimate, wilson_interval};

/// The decisions for one class at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdFigures {
    /// The class is predicted from this probability on.
    pub threshold: f64,
    /// Rows predicted as the class.
    pub predicted: u64,
    /// Share of correct rows among them. `None` if there are none.
    pub precision: Option<Estimate>,
    /// Share of the rows of the class that are predicted as it. `None` without such rows.
    pub recall: Option<Estimate>,
}

/// The figures of a class at each threshold. Each row is whether it has the class as its label, and the model's
/// probability of the class.
pub fn threshold_figures(
    rows: &[(bool, f32)],
    thresholds: &[f64],
    confidence: f64,
) -> Vec<ThresholdFigures> {
    let labelled = rows.iter().filter(|row| row.0).count() as u64;
    let figures = |&threshold: &f64| {
        let predicted = rows.iter().filter(|row| f64::from(row.1) >= threshold);
        let correct = predicted.clone().filter(|row| row.0).count() as u64;
        let predicted = predicted.count() as u64;
        ThresholdFigures {
            threshold,
            predicted,
            precision: wilson_interval(correct, predicted, confidence),
            recall: wilson_interval(correct, labelled, confidence),
        }
    };
    thresholds.iter().map(figures).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_threshold_trades_recall_for_precision() {
        let rows = [(true, 0.9), (true, 0.6), (false, 0.75), (false, 0.1)];
        let found = threshold_figures(&rows, &[0.5, 0.8, 0.95], 0.95);
        let value = |estimate: Option<Estimate>| estimate.map(|it| it.value);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.predicted, value(it.precision), value(it.recall)))
            .collect();
        let expected = [
            (3, Some(2.0 / 3.0), Some(1.0)),
            (1, Some(1.0), Some(0.5)),
            (0, None, Some(0.0)),
        ];
        assert_eq!(found, expected);
        assert_eq!(threshold_figures(&[], &[0.5], 0.95)[0].recall, None);
    }
}
