//! `calibration.json`: what calibration did to the probabilities of a model.

use serde::{Deserialize, Serialize};

use crate::{BrierParts, Metric, ReliabilityBin, ScoredRows, brier_parts, reliability};

/// Bins of a reliability diagram: enough to see a shape, few enough for narrow intervals.
const BINS: u64 = 10;

/// The content of `calibration.json`: the same test rows before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationFile {
    /// How logits become probabilities, in half a line.
    pub method: String,
    /// Test rows behind every figure.
    pub rows: u64,
    /// What the logits say as they are.
    pub before: ProbabilityFigures,
    /// What the model says.
    pub after: ProbabilityFigures,
}

/// How far probabilities can be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbabilityFigures {
    /// See [`Metric::CalibrationError`].
    pub ece: f64,
    /// See [`Metric::LogLoss`].
    pub log_loss: f64,
    /// See [`Metric::Brier`].
    pub brier: f64,
    /// What the Brier score is made of, over ten bins of equal mass.
    pub brier_parts: BrierParts,
    /// The reliability diagram, from the highest probability down.
    pub reliability: Vec<ReliabilityBin>,
}

impl ProbabilityFigures {
    /// The figures of judged rows, `None` without rows.
    pub fn of(tally: &ScoredRows) -> Option<Self> {
        Some(Self {
            ece: tally.figure(Metric::CalibrationError)?,
            log_loss: tally.figure(Metric::LogLoss)?,
            brier: tally.figure(Metric::Brier)?,
            brier_parts: brier_parts(tally, BINS)?,
            reliability: reliability(tally, BINS),
        })
    }
}
