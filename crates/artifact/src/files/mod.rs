//! JSON files and tables that one stage writes and another stage reads.

mod languages;
mod predictions;
pub mod profile;

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{ArtifactError, Failure, Result};

pub use languages::{LanguageCounts, PredictedLanguages, UNKNOWN_LANGUAGE, is_sampled};
pub use predictions::{
    CROSS_FITTED, Prediction, prediction_rows, read_predictions, write_predictions,
};

/// An entry of `explanations.json`: one of the most confident errors of a model, with its attributions.
#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The row id in `clean.parquet`.
    pub row_id: u64,
    /// Start and end of the word in bytes of the cleaned text, and its attribution to the log-odds of the positive
    /// class before calibration. Words without attribution are omitted.
    pub words: Vec<(usize, usize, f64)>,
}

/// `rung.json`: the state of a trial of a sweep after a rung of successive halving, and its rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Epochs at the end of the rung.
    pub epochs: u32,
    /// The epochs after which the trial was stopped; `None` if it continues.
    pub stopped_after: Option<u32>,
    /// Rank in the last comparison, from 1; `None` before the first comparison.
    pub place: Option<usize>,
    /// Number of trials in that comparison.
    pub compared: Option<usize>,
    /// Mean cross-entropy on validation in the best epoch, in nats.
    pub loss: f64,
}

/// `speed.json`: the time of prediction, from tokens (or features for a probe) to probabilities.
#[derive(Debug, Serialize, Deserialize)]
pub struct Speed {
    /// Number of reviews.
    pub rows: u64,
    /// Seconds for all reviews.
    pub seconds: f64,
}

/// `range.json`: the loss of a model at rising learning rates (Smith 2017).
#[derive(Debug, Serialize, Deserialize)]
pub struct RangeTest {
    /// Learning rate of the first step.
    pub from: f64,
    /// Learning rate of the last planned step.
    pub to: f64,
    /// The rate at which the smoothed loss falls most steeply per power of ten; `None` if it never falls.
    pub suggested: Option<f64>,
    /// The rate at which the loss diverged; `None` if it did not.
    pub diverged: Option<f64>,
    /// A tenth of `diverged`.
    pub tenth_of_diverged: Option<f64>,
    /// All steps in order.
    pub points: Vec<RangeTestStep>,
}

/// One step of a range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangeTestStep {
    /// Number of the step, from 0.
    pub step: u32,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Mean loss of the batch before the step, in nats.
    pub loss: f64,
    /// Exponential moving average of the losses, with bias correction (Kingma and Ba 2015).
    pub smoothed_loss: f64,
}

/// Writes data as indented JSON.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, data: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(data).expect("plain data");
    fs::write(path, text + "\n").map_err(ArtifactError::io("write", path))
}

/// Reads a JSON file. `problem` continues a sentence that begins with the name of a file with unexpected content.
///
/// # Errors
/// The file cannot be read, or has unexpected content.
pub fn read_json<T: DeserializeOwned>(
    path: &Path,
    problem: &str,
    hint: Option<&str>,
) -> Result<T, Failure> {
    let text = fs::read(path).map_err(ArtifactError::io("read", path))?;
    serde_json::from_slice(&text).map_err(|error| {
        let failure = Failure::new(format!("`{}` {problem}", path.display()));
        failure.with_cause(error).with_hint(hint.map(str::to_owned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_back_and_damaged_files_are_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("numbers.json");
        let read = || read_json::<[u8; 2]>(&path, "has no numbers", None);
        let missing = read().expect_err("it is not there");
        assert!(
            missing.to_string().starts_with("Failed to read"),
            "{missing}"
        );
        write_json(&path, &[1, 2]).expect("the disk has room");
        assert_eq!(read().expect("it was just written"), [1, 2]);
        for text in ["", "{}", "[1]", "[-1, 2]"] {
            fs::write(&path, text).expect("the disk has room");
            let chain = read().expect_err("it is damaged").chain();
            assert!(
                chain[0].ends_with("numbers.json` has no numbers"),
                "{chain:?}"
            );
            assert_eq!(chain.len(), 2, "{chain:?}");
        }
    }
}
