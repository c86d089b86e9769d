//! `ensemble.json`: several models as one.

use std::path::Path;

use artifact::files::{read_json, write_json};
use artifact::{ArtifactError, Failure};
use serde::{Deserialize, Serialize};
use settings::EnsembleWeights;

/// What an ensemble is made of and how.
pub const ENSEMBLE: &str = "ensemble.json";

/// A probability that was rounded to 0 or 1 has log-odds of this size.
const LARGEST: f64 = 16.0;

/// `ensemble.json`: the log-odds of the ensemble are `bias` and the weighted sum of its members'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// How the weights were found.
    pub weights: EnsembleWeights,
    /// Members and the weights of their log-odds.
    pub members: Vec<(String, f64)>,
    /// Added to the sum.
    pub bias: f64,
    /// Validation rows that the weights were learned from.
    pub rows: u64,
    /// Mean cross-entropy on them, in nats.
    pub loss: f64,
}

impl Ensemble {
    /// The log-odds from those of the members, in their order.
    pub fn log_odds(&self, members: &[f64]) -> f64 {
        let members = self.members.iter().zip(members);
        let weighed = members.map(|((_, weight), value)| weight * value);
        self.bias + weighed.sum::<f64>()
    }

    /// The probability from those of the members, in their order.
    pub fn probability(&self, members: &[f32]) -> f32 {
        let odds: Vec<f64> = members.iter().copied().map(log_odds).collect();
        self.probability_from_log_odds(&odds)
    }

    /// The same from their log-odds.
    pub fn probability_from_log_odds(&self, odds: &[f64]) -> f32 {
        (1.0 / (1.0 + (-self.log_odds(odds)).exp())) as f32
    }

    /// Reads `ensemble.json`.
    ///
    /// # Errors
    /// The file is not there or is not what `evaluate` writes.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        read_json(path, "is not an ensemble", None)
    }

    /// Writes `ensemble.json` into a folder.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, folder: &Path) -> Result<(), ArtifactError> {
        write_json(&folder.join(ENSEMBLE), self)
    }

    /// In half a line: `linear 0.61, gru 0.48`.
    pub fn describe(&self) -> String {
        let members = self.members.iter();
        let parts = members.map(|(name, weight)| format!("{name} {weight:.2}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// The log-odds of a probability, bounded where it was rounded to 0 or 1.
pub fn log_odds(probability: f32) -> f64 {
    let probability = f64::from(probability);
    let odds = probability / (1.0 - probability);
    odds.ln().clamp(-LARGEST, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_probabilities_have_odds() {
        assert_eq!(log_odds(1.0), LARGEST);
        assert_eq!(log_odds(0.0), -LARGEST);
        assert_eq!(log_odds(0.5), 0.0);
    }
}
