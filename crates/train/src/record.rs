//! `metrics.jsonl`: a line per step and per epoch, written as training goes, so that a run can be
//! followed, and compared a month later.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use artifact::ArtifactError;
use serde::Serialize;

use crate::trainer::Tried;

/// A line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Line {
    /// The steps since the line before.
    Step {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
        /// Mean training loss, in nats.
        loss: f64,
        /// Share of training rows classified rightly, with dropout on.
        accuracy: f64,
        /// Rate of the last step.
        learning_rate: f64,
        /// Norm of the last step's gradient before clipping.
        gradient_norm: f64,
        /// Reviews per second.
        reviews_per_second: f64,
        /// Tokens per second, padding not counted.
        tokens_per_second: f64,
        /// Seconds since training began.
        seconds: f64,
        /// Resident memory in bytes.
        memory: u64,
    },
    /// A whole epoch.
    Epoch {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps done.
        step: u64,
        /// Mean training loss over the epoch, with dropout on.
        train_loss: f64,
        /// Share of training rows classified rightly, with dropout on.
        train_accuracy: f64,
        /// Mean loss on the validation split.
        validation_loss: f64,
        /// Share of validation rows classified rightly.
        validation_accuracy: f64,
        /// Rate of the last step.
        learning_rate: f64,
        /// Training reviews per second over the epoch, validation not counted.
        reviews_per_second: f64,
        /// Seconds since training began.
        seconds: f64,
        /// Resident memory in bytes.
        memory: u64,
        /// Whether the validation loss was the lowest so far.
        best: bool,
    },
    /// The loss was no number: back to a good state, at a lower rate.
    Gentler {
        /// Steps done in that state.
        step: u64,
        /// What the rate is multiplied by from here.
        rate_share: f64,
    },
    /// A step of a range test.
    Rate(Tried),
    /// A whole fit of a probe.
    Penalty {
        /// Weight of the squared length of the weights.
        penalty: f64,
        /// Newton steps.
        steps: usize,
        /// Mean loss on the training split, in nats, without the penalty.
        train_loss: f64,
        /// Mean loss on the validation split.
        validation_loss: f64,
        /// The same at the best temperature: what is chosen by.
        calibrated_loss: f64,
        /// Share of validation rows classified rightly.
        validation_accuracy: f64,
        /// Seconds since fitting began.
        seconds: f64,
        /// Whether the validation loss was the lowest so far.
        best: bool,
    },
}

/// The file under way.
pub struct Record {
    path: PathBuf,
    writer: BufWriter<File>,
    /// All of it, for the checkpoints.
    text: Vec<u8>,
}

impl Record {
    /// Starts the file.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(path: &Path) -> Result<Self, ArtifactError> {
        let file = File::create(path).map_err(ArtifactError::io("create", path))?;
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::new(file),
            text: Vec::new(),
        })
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Begins again with these lines.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn restart(&mut self, text: &[u8]) -> Result<(), ArtifactError> {
        *self = Self::create(&self.path)?;
        self.append(text)
    }

    /// Writes a line at once: a run that is killed leaves its curve behind.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn line(&mut self, line: &Line) -> Result<(), ArtifactError> {
        let text = serde_json::to_string(line).expect("a line is plain numbers");
        self.append(format!("{text}\n").as_bytes())
    }

    fn append(&mut self, text: &[u8]) -> Result<(), ArtifactError> {
        self.text.extend_from_slice(text);
        self.writer
            .write_all(text)
            .and_then(|()| self.writer.flush())
            .map_err(ArtifactError::io("write", &self.path))
    }
}

/// Seconds that training had taken by the last line; 0 where that says nothing of it.
pub(crate) fn seconds_of(text: &[u8]) -> f64 {
    let last = text
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.is_empty());
    let line = last.and_then(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    line.and_then(|line| line["seconds"].as_f64())
        .unwrap_or(0.0)
}

/// Resident memory of this process in bytes; 0 where the system does not say.
pub(crate) fn resident_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
