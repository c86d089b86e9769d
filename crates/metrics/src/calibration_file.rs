//! `calibration.json`: probabilities of a model before and after calibration.

use serde::{Deserialize, Serialize};

use crate::{BrierParts, Metric, ReliabilityBin, ScoredRows, brier_parts, reliability};

/// Bins of a reliability diagram: enough to see its shape, few enough for narrow intervals.
const BINS: u64 = 10;

/// The content of `calibration.json`: figures of the test rows before and after calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationFile {
    /// Short description of the calibration method.
    pub method: String,
    /// Number of test rows.
    pub rows: u64,
    /// Before calibration.
    pub before: ProbabilityFigures,
    /// After calibration.
    pub after: ProbabilityFigures,
}

/// Figures of the quality of probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbabilityFigures {
    /// See [`Metric::CalibrationError`].
    pub ece: f64,
    /// See [`Metric::LogLoss`].
    pub log_loss: f64,
    /// See [`Metric::Brier`].
    pub brier: f64,
    /// Decomposition of the Brier score, over ten bins of equal mass.
    pub brier_parts: BrierParts,
    /// The reliability diagram, in descending order of probability.
    pub reliability: Vec<ReliabilityBin>,
}

impl ProbabilityFigures {
    /// The figures of scored rows; `None` without rows.
    pub fn of(rows: &ScoredRows) -> Option<Self> {
        Some(Self {
            ece: rows.figure(Metric::CalibrationError)?,
            log_loss: rows.figure(Metric::LogLoss)?,
            brier: rows.figure(Metric::Brier)?,
            brier_parts: brier_parts(rows, BINS)?,
            reliability: reliability(rows, BINS),
        })
    }
}
