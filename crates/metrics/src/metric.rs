//! The list of metrics, with their names in `metrics.json` and on pages.

use crate::ConfusionMatrix;
use crate::calibration::bin_counts;
use crate::ranking::{average_precision, roc_auc};
use crate::scored_rows::{Counts, Level, ScoredRows, totals};

/// Bins of the expected calibration error.
const BINS: u64 = 15;

/// A metric of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Share of correctly predicted rows.
    Accuracy,
    /// See [`ConfusionMatrix::precision`].
    Precision,
    /// See [`ConfusionMatrix::recall`].
    Recall,
    /// See [`ConfusionMatrix::f1`].
    F1,
    /// See [`ConfusionMatrix::mcc`].
    Mcc,
    /// Area under the ROC curve: the probability that a positive row is ranked above a negative one, with ties
    /// counted as one half (Mann and Whitney 1947; Hanley and McNeil 1982).
    RocAuc,
    /// Average precision: the step-wise area under the precision-recall curve (Davis and Goadrich 2006).
    PrAuc,
    /// Mean of `-ln` of the probability of the true class, clipped to 1e-7 from 0 and 1.
    LogLoss,
    /// Mean squared difference between probability and label (Brier 1950), from 0 (best) to 1.
    Brier,
    /// Expected calibration error: the mean absolute difference between the share of positive rows and their mean
    /// probability over 15 bins (Guo et al. 2017), of equal mass (Nguyen and O'Connor 2015) so that none is empty.
    /// Rows with equal probabilities stay in one bin.
    CalibrationError,
}

impl Metric {
    /// All metrics, in the order of `metrics.json`.
    pub const ALL: [Self; 10] = [
        Self::Accuracy,
        Self::Precision,
        Self::Recall,
        Self::F1,
        Self::Mcc,
        Self::RocAuc,
        Self::PrAuc,
        Self::LogLoss,
        Self::Brier,
        Self::CalibrationError,
    ];

    /// The names in `metrics.json` and on pages.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Accuracy => ("accuracy", "Accuracy"),
            Self::Precision => ("precision", "Precision"),
            Self::Recall => ("recall", "Recall"),
            Self::F1 => ("f1", "F1"),
            Self::Mcc => ("mcc", "MCC"),
            Self::RocAuc => ("roc_auc", "ROC-AUC"),
            Self::PrAuc => ("pr_auc", "PR-AUC"),
            Self::LogLoss => ("log_loss", "Log loss"),
            Self::Brier => ("brier", "Brier"),
            Self::CalibrationError => ("ece", "ECE"),
        }
    }

    /// The name in `metrics.json`.
    pub const fn name(self) -> &'static str {
        self.names().0
    }

    /// The name on pages and in messages.
    pub const fn title(self) -> &'static str {
        self.names().1
    }
}

impl ScoredRows {
    /// A metric of these rows; `None` if it is not defined on them.
    pub fn figure(&self, metric: Metric) -> Option<f64> {
        let index = Metric::ALL.iter().position(|it| *it == metric)?;
        figures(&self.levels, &self.counts)[index]
    }
}

/// All metrics of counts, in the order of [`Metric::ALL`].
pub(crate) fn figures(levels: &[Level], counts: &[Counts]) -> [Option<f64>; Metric::ALL.len()] {
    let rows: u64 = totals(counts).iter().sum();
    let mut matrix = ConfusionMatrix::default();
    let (mut losses, mut squares) = (0.0, 0.0);
    for (level, &count) in levels.iter().zip(counts) {
        if count == [0, 0] {
            continue;
        }
        let [negative, positive] = count.map(f64::from);
        let probability = level.probability;
        matrix.add(probability, count);
        losses += level.losses[0] * negative + level.losses[1] * positive;
        squares += negative * probability.powi(2) + positive * (1.0 - probability).powi(2);
    }
    let bins = bin_counts(levels, counts, BINS).into_iter();
    let gaps = bins.map(|bin| bin.rows as f64 * (bin.positive_share - bin.mean_probability).abs());
    let mean = |sum: f64| (rows > 0).then(|| sum / rows as f64);
    [
        matrix.accuracy(),
        matrix.precision(),
        matrix.recall(),
        matrix.f1(),
        matrix.mcc(),
        roc_auc(counts),
        average_precision(counts),
        mean(losses),
        mean(squares),
        mean(gaps.sum()),
    ]
}
