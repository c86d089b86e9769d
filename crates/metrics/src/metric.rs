//! The closed list of figures, with the names that `metrics.json` and people use.

use crate::ConfusionMatrix;
use crate::calibration::reliability_of;
use crate::ranking::{average_precision, roc_auc};
use crate::tally::{Counts, Level, ScoredRows, totals};

/// Bins of the calibration error.
const BINS: u64 = 15;

/// A figure of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Share of reviews judged right.
    Accuracy,
    /// See [`ConfusionMatrix::precision`].
    Precision,
    /// See [`ConfusionMatrix::recall`].
    Recall,
    /// See [`ConfusionMatrix::f1`].
    F1,
    /// See [`ConfusionMatrix::mcc`].
    Mcc,
    /// Area under the ROC curve: the probability that a positive is ranked above a negative, ties
    /// counting one half (Mann and Whitney 1947; Hanley and McNeil 1982).
    RocAuc,
    /// Average precision: the step-wise area under the precision-recall curve (Davis and Goadrich 2006).
    PrAuc,
    /// Mean of `-ln` of the probability given to the true class, with probabilities kept 1e-7 away from
    /// 0 and 1.
    LogLoss,
    /// Mean squared distance between probability and label (Brier 1950), from 0 (best) to 1.
    Brier,
    /// Expected calibration error: the mean distance between the share of positives and the mean
    /// probability of the positive class over 15 bins of equal mass (Guo et al. 2017 with the equal
    /// mass of Nguyen and O'Connor 2015, which keeps bins from being empty). Rows of one probability
    /// stay in one bin.
    CalibrationError,
}

impl Metric {
    /// Every figure, in the order of `metrics.json`.
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

    /// The name in `metrics.json`, and the name as people read it.
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

    /// The name as people read it.
    pub const fn title(self) -> &'static str {
        self.names().1
    }

    /// Whether a smaller value is the better one.
    pub fn lower_is_better(self) -> bool {
        matches!(self, Self::LogLoss | Self::Brier | Self::CalibrationError)
    }
}

impl ScoredRows {
    /// A figure of these rows. `None` where they do not define it.
    pub fn figure(&self, metric: Metric) -> Option<f64> {
        let place = Metric::ALL.iter().position(|it| *it == metric)?;
        figures(&self.levels, &self.counts)[place]
    }
}

/// All figures of counts, in the order of [`Metric::ALL`].
pub(crate) fn figures(levels: &[Level], counts: &[Counts]) -> [Option<f64>; Metric::ALL.len()] {
    let rows: u64 = totals(counts).iter().sum();
    let mut outcomes = ConfusionMatrix::default();
    let (mut losses, mut squares) = (0.0, 0.0);
    for (level, &count) in levels.iter().zip(counts) {
        if count == [0, 0] {
            continue;
        }
        let [negative, positive] = count.map(f64::from);
        let probability = level.probability;
        outcomes.add(probability, count);
        losses += level.losses[0] * negative + level.losses[1] * positive;
        squares += negative * probability.powi(2) + positive * (1.0 - probability).powi(2);
    }
    let bins = reliability_of(levels, counts, BINS).into_iter();
    let gaps = bins.map(|bin| bin.rows as f64 * (bin.positive_share - bin.mean_probability).abs());
    let mean = |sum: f64| (rows > 0).then(|| sum / rows as f64);
    [
        outcomes.accuracy(),
        outcomes.precision(),
        outcomes.recall(),
        outcomes.f1(),
        outcomes.mcc(),
        roc_auc(counts),
        average_precision(counts),
        mean(losses),
        mean(squares),
        mean(gaps.sum()),
    ]
}
