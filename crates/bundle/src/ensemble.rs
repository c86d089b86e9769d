//! `ensemble.json`: the weights of an ensemble.

use std::path::Path;

use artifact::ArtifactError;
use artifact::files::{read_json, write_json};
use serde::{Deserialize, Serialize};
use settings::EnsembleWeights;

use crate::Result;

/// File name of the description of an ensemble.
pub const ENSEMBLE: &str = "ensemble.json";

/// Absolute log-odds of probabilities that were rounded to 0 or 1.
const MAX_LOG_ODDS: f64 = 16.0;

/// `ensemble.json`: the log-odds of the ensemble are the weighted sum of the members' log-odds plus `bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// How the weights were chosen.
    pub weights: EnsembleWeights,
    /// Names of the members and weights of their log-odds.
    pub members: Vec<(String, f64)>,
    /// Added to the weighted sum.
    pub bias: f64,
    /// Number of validation rows to which the weights were fitted.
    pub rows: u64,
    /// Mean cross-entropy on these rows, in nats.
    pub loss: f64,
}

impl Ensemble {
    /// The log-odds of the ensemble from the log-odds of its members.
    pub fn log_odds(&self, members: &[f64]) -> f64 {
        let members = self.members.iter().zip(members);
        let weighted = members.map(|((_, weight), value)| weight * value);
        self.bias + weighted.sum::<f64>()
    }

    /// The probability of the ensemble from the probabilities of its members.
    pub fn probability(&self, members: &[f32]) -> f32 {
        let log_odds: Vec<f64> = members.iter().copied().map(log_odds).collect();
        self.probability_from_log_odds(&log_odds)
    }

    /// The probability of the ensemble from the log-odds of its members.
    pub fn probability_from_log_odds(&self, members: &[f64]) -> f32 {
        (1.0 / (1.0 + (-self.log_odds(members)).exp())) as f32
    }

    /// Reads `ensemble.json`.
    ///
    /// # Errors
    /// The file cannot be read or has unexpected content.
    pub fn read(path: &Path) -> Result<Self> {
        read_json(path, "is not the description of an ensemble", None)
    }

    /// Writes `ensemble.json` into a folder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ArtifactError> {
        write_json(&folder.join(ENSEMBLE), self)
    }

    /// The weights for people: `linear 0.61, gru 0.48`.
    pub fn describe(&self) -> String {
        let members = self.members.iter();
        let parts = members.map(|(name, weight)| format!("{name} {weight:.2}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// The log-odds of a probability, bounded for probabilities that were rounded to 0 or 1.
pub fn log_odds(probability: f32) -> f64 {
    let probability = f64::from(probability);
    let odds = probability / (1.0 - probability);
    odds.ln().clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_probabilities_have_bounded_log_odds() {
        assert_eq!(log_odds(1.0), MAX_LOG_ODDS);
        assert_eq!(log_odds(0.0), -MAX_LOG_ODDS);
        assert_eq!(log_odds(0.5), 0.0);
    }
}
