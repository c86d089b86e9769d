//! The closed list of figures, with the names that `metrics.json` and people use.

use crate::calibration::{BINS, BinFiller, squared_error};
use crate::confusion::Confusion;
use crate::ranking::{average_precision_of, roc_auc_of};
use crate::tally::{Counts, Level};

/// A figure of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Share of reviews judged right.
    Accuracy,
    /// See [`Confusion::precision`].
    Precision,
    /// See [`Confusion::recall`].
    Recall,
    /// See [`Confusion::f1`].
    F1,
    /// See [`Confusion::mcc`].
    Mcc,
    /// See [`crate::roc_auc`].
    RocAuc,
    /// See [`crate::average_precision`].
    PrAuc,
    /// See [`crate::log_loss`].
    LogLoss,
    /// See [`crate::brier`].
    Brier,
    /// See [`crate::expected_calibration_error`].
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

    /// The name in `metrics.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::F1 => "f1",
            Self::Mcc => "mcc",
            Self::RocAuc => "roc_auc",
            Self::PrAuc => "pr_auc",
            Self::LogLoss => "log_loss",
            Self::Brier => "brier",
            Self::CalibrationError => "ece",
        }
    }

    /// The name as people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Accuracy => "Accuracy",
            Self::Precision => "Precision",
            Self::Recall => "Recall",
            Self::F1 => "F1",
            Self::Mcc => "MCC",
            Self::RocAuc => "ROC-AUC",
            Self::PrAuc => "PR-AUC",
            Self::LogLoss => "Log loss",
            Self::Brier => "Brier",
            Self::CalibrationError => "ECE",
        }
    }

    /// Whether a smaller value is the better one.
    pub fn lower_is_better(self) -> bool {
        matches!(self, Self::LogLoss | Self::Brier | Self::CalibrationError)
    }
}

/// All figures of counts, in the order of [`Metric::ALL`].
pub(crate) fn figures(levels: &[Level], counts: &[Counts]) -> [Option<f64>; Metric::ALL.len()] {
    let rows: u64 = crate::tally::totals(counts).iter().sum();
    let mut outcomes = Confusion::default();
    let mut bins = BinFiller::new(rows, BINS);
    let (mut losses, mut squares, mut gaps) = (0.0, 0.0, 0.0);
    let gap = |bin: crate::ReliabilityBin| {
        bin.rows as f64 * (bin.positive_share - bin.mean_probability).abs()
    };
    for (level, &count) in levels.iter().zip(counts) {
        if count == [0, 0] {
            continue;
        }
        let [negative, positive] = count.map(f64::from);
        outcomes.add(level.probability, count);
        losses += level.losses[0] * negative + level.losses[1] * positive;
        squares += squared_error(level.probability, [negative, positive]);
        gaps += bins.add(level.probability, count).map_or(0.0, gap);
    }
    gaps += bins.finish().map_or(0.0, gap);
    let mean = |sum: f64| (rows > 0).then(|| sum / rows as f64);
    [
        outcomes.accuracy(),
        outcomes.precision(),
        outcomes.recall(),
        outcomes.f1(),
        outcomes.mcc(),
        roc_auc_of(counts),
        average_precision_of(counts),
        mean(losses),
        mean(squares),
        mean(gaps),
    ]
}
