//! `calibration.json`: what calibration did to the probabilities of a model.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::file::write_json;
use crate::{
    BrierParts, MetricsError, ReliabilityBin, Tally, brier, brier_parts,
    expected_calibration_error, log_loss, reliability,
};

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
    /// See [`expected_calibration_error`].
    pub ece: f64,
    /// See [`log_loss`].
    pub log_loss: f64,
    /// See [`brier`].
    pub brier: f64,
    /// What the Brier score is made of, over ten bins of equal mass.
    pub brier_parts: BrierParts,
    /// The reliability diagram, from the highest probability down.
    pub reliability: Vec<ReliabilityBin>,
}

impl ProbabilityFigures {
    /// The figures of judged rows, `None` without rows.
    pub fn of(tally: &Tally) -> Option<Self> {
        Some(Self {
            ece: expected_calibration_error(tally)?,
            log_loss: log_loss(tally)?,
            brier: brier(tally)?,
            brier_parts: brier_parts(tally, BINS)?,
            reliability: reliability(tally, BINS),
        })
    }
}

impl CalibrationFile {
    /// Writes the file. Equal content gives equal bytes.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, path: &Path) -> Result<(), MetricsError> {
        write_json(self, path)
    }
}
