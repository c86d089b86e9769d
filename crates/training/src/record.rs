//! `metrics.jsonl`: one JSON line for groups of steps and for epochs, written while training runs, so that it can be
//! watched and compared later.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use artifact::ArtifactError;
use artifact::files::RangeTestStep;
use serde::Serialize;

/// A line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum RecordLine {
    /// The steps since the previous line.
    Step {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
        /// Mean training loss, in nats.
        loss: f64,
        /// Share of training rows predicted correctly, with dropout on.
        accuracy: f64,
        /// Learning rate of the last step.
        learning_rate: f64,
        /// Norm of the last step's gradient before clipping.
        gradient_norm: f64,
        /// Reviews per second.
        reviews_per_second: f64,
        /// Tokens per second, without padding.
        tokens_per_second: f64,
        /// Seconds since training began.
        seconds: f64,
        /// Resident memory in bytes.
        memory: u64,
    },
    /// An epoch.
    Epoch {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
        /// Mean training loss over the epoch, with dropout on.
        train_loss: f64,
        /// Share of training rows predicted correctly, with dropout on.
        train_accuracy: f64,
        /// Mean loss on the validation split.
        validation_loss: f64,
        /// Share of validation rows predicted correctly.
        validation_accuracy: f64,
        /// Learning rate of the last step.
        learning_rate: f64,
        /// Training reviews per second over the epoch, without validation.
        reviews_per_second: f64,
        /// Seconds since training began.
        seconds: f64,
        /// Resident memory in bytes.
        memory: u64,
        /// Whether the validation loss was the lowest so far.
        best: bool,
    },
    /// The loss was not finite: training went back to an earlier state and continues at a lower learning rate.
    Backoff {
        /// Steps done in the earlier state.
        step: u64,
        /// Factor of the learning rate from now on.
        factor: f64,
    },
    /// A step of a range test.
    Rate(RangeTestStep),
    /// The fit of a probe or a linear model with one penalty.
    Penalty {
        /// The penalty: twice the factor of the squared norm of the weights.
        penalty: f64,
        /// Newton steps.
        steps: usize,
        /// Mean loss on the training split, in nats, without the penalty.
        train_loss: f64,
        /// Mean loss on the validation split.
        validation_loss: f64,
        /// Mean loss on the validation split at the best temperature; the penalty is chosen by it.
        calibrated_loss: f64,
        /// Share of validation rows predicted correctly.
        validation_accuracy: f64,
        /// Seconds since fitting began.
        seconds: f64,
        /// Whether the validation loss was the lowest so far.
        best: bool,
    },
}

/// The lines so far, and the file they are written to; `None` without a file.
#[derive(Default)]
pub struct Record {
    file: Option<(PathBuf, File)>,
    /// All lines so far, for the checkpoints.
    pub(crate) text: Vec<u8>,
}

impl Record {
    /// Creates the file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<Self, ArtifactError> {
        let file = File::create(path).map_err(ArtifactError::io("create", path))?;
        let (file, text) = (Some((path.to_owned(), file)), Vec::new());
        Ok(Self { file, text })
    }

    /// A record without a file.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Starts again with these lines.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn restart(&mut self, text: &[u8]) -> Result<(), ArtifactError> {
        *self = match &self.file {
            Some((path, _)) => Self::create(path)?,
            None => Self::in_memory(),
        };
        self.append(text)
    }

    /// Writes a line at once, so that a killed run keeps its lines.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn line(&mut self, line: &RecordLine) -> Result<(), ArtifactError> {
        let text = serde_json::to_string(line).expect("a line is plain numbers");
        self.append(format!("{text}\n").as_bytes())
    }

    fn append(&mut self, text: &[u8]) -> Result<(), ArtifactError> {
        self.text.extend_from_slice(text);
        let Some((path, file)) = &mut self.file else {
            return Ok(());
        };
        file.write_all(text)
            .map_err(ArtifactError::io("write", path))
    }
}

/// Seconds of training at the last line of a record; 0 if the line does not have them.
pub(crate) fn seconds_of(text: &[u8]) -> f64 {
    let mut lines = text.split(|byte| *byte == b'\n');
    let last = lines.rfind(|line| !line.is_empty()).unwrap_or_default();
    let line: serde_json::Value = serde_json::from_slice(last).unwrap_or_default();
    line["seconds"].as_f64().unwrap_or(0.0)
}

/// Resident memory of this process in bytes; 0 if the system does not report it.
pub(crate) fn resident_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1);
    pages.map_or(0, |pages| pages.parse().unwrap_or(0)) * 4096
}
