//! The JSON files and tables that one stage writes and another one reads, each declared once.

mod explanations;
mod predictions;
pub mod profile;
mod range_test;
mod rung;
mod speed;

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::ArtifactError;

pub use explanations::Explanation;
pub use predictions::{
    CROSS_FITTED, Prediction, PredictionRow, prediction_rows, read_predictions, write_predictions,
};
pub use range_test::{RangeTest, RangeTestStep};
pub use rung::Rung;
pub use speed::Speed;

/// Writes plain data as indented JSON.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, data: &impl Serialize) -> Result<(), ArtifactError> {
    let text = serde_json::to_string_pretty(data).expect("plain data");
    fs::write(path, text + "\n").map_err(ArtifactError::io("write", path))
}
