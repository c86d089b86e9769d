//! Challenge set, slices, and reviews whose label and prediction differ.

use std::ops::Range;

use metrics::{Estimate, wilson_interval};
use serde::Serialize;

/// Failures in the challenge set.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChallengeData {
    /// Capabilities with their numbers of cases; the first is the whole set.
    pub capabilities: Vec<(String, u64)>,
    /// One result per model.
    pub models: Vec<ChallengeResult>,
}

impl ChallengeData {
    /// The share of a capability's cases that a model fails.
    pub(crate) fn failure_rate(&self, model: &ChallengeResult, capability: usize) -> f64 {
        let cases = self.capabilities.get(capability).map_or(0, |it| it.1);
        let failed = model.failed.get(capability).copied().unwrap_or(0);
        failed as f64 / cases.max(1) as f64
    }
}

/// One model's failures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChallengeResult {
    /// The model.
    pub name: String,
    /// Failures by capability.
    pub failed: Vec<u64>,
    /// Cases whose text is also a training review.
    pub seen: u64,
    /// Cases and failures without them.
    pub unseen: (u64, u64),
    /// The most confident failure in each capability.
    pub examples: Vec<ChallengeExample>,
}

/// A case that a model failed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChallengeExample {
    /// The capability that it tests.
    pub capability: String,
    /// The text.
    pub text: String,
    /// Its label; where only its relation to the first text of its pair failed, the expected relation.
    pub label: String,
    /// The model's probability of the positive class.
    pub probability: f32,
}

/// A subset of the test reviews.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SliceData {
    /// A description, for example `with a negation`.
    pub name: String,
    /// Its number of reviews.
    pub rows: u64,
    /// Correct predictions of each model, in the order of the models.
    #[serde(rename = "right")]
    pub correct: Vec<u64>,
}

impl SliceData {
    /// The accuracy of the model with this index.
    pub(crate) fn accuracy(&self, model: usize, confidence: f64) -> Option<Estimate> {
        wilson_interval(*self.correct.get(model)?, self.rows, confidence)
    }
}

/// A review whose label differs from the model's prediction: the model or the label is wrong.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Disagreement {
    /// The review's id, as in `clean.parquet`.
    pub row_id: u64,
    /// The part that is shown. Untrusted text.
    pub text: String,
    /// Attributions of the words in that part, in their order; empty where they are not known.
    pub words: Vec<WordWeight>,
    /// Its label.
    pub label: String,
    /// The predicted class.
    pub prediction: String,
    /// The model's probability of the predicted class.
    pub confidence: f64,
    /// The model's probability of the positive class.
    pub probability: f64,
    /// Other models whose prediction equals the label.
    #[serde(rename = "others_right")]
    pub others_correct: usize,
}

/// A word of a text with its attribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WordWeight {
    /// Its bytes in the text.
    #[serde(rename = "place")]
    pub bytes: Range<usize>,
    /// Its contribution to the log-odds of the positive class, in nats.
    pub weight: f64,
    /// The weight divided by the largest one of the review, from -1 to 1.
    pub strength: f64,
}
