//! `model.json`: the description of a bundle.

use std::fs;
use std::path::Path;

use artifact::{ArtifactError, Digest, Normalization};
use metrics::{Knot, ValidationResult, interpolate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::{FeatureSettings, ModelSettings, Truncation};

use crate::BundleError;

/// `model.json`: everything needed to use a model besides the weights and the tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Version of the file format.
    pub format: u32,
    /// Settings of the model.
    pub architecture: ModelSettings,
    /// The encoder features of a linear probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSettings>,
    /// Sizes from the artifacts.
    pub sizes: Sizes,
    /// The normalisation of the training texts. A bundle without it can be evaluated, but cannot predict new texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// Languages of at least 1% of the training reviews, by English name; empty if unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// The tokenizer.
    pub tokenizer: TokenizerReference,
    /// Class names in the order of the logits.
    pub labels: Vec<String>,
    /// Calibration from logits to probabilities.
    pub calibration: Calibration,
    /// Number of weights, including the embedding.
    pub parameters: u64,
    /// L2 regularisation of a linear model or a linear probe: the loss includes `penalty / 2` times the squared norm of
    /// the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<f64>,
    /// Number of training epochs; 0 for a model that is not trained in epochs.
    pub epochs: u32,
    /// The epoch of these weights, from 1; 0 for a model that is not trained in epochs.
    pub best_epoch: u32,
    /// Metrics on the validation split, of the best epoch if it was trained in epochs.
    pub validation: ValidationResult,
    /// The artifacts it was trained on.
    pub provenance: Provenance,
}

/// Sizes that follow from the artifacts; none of them is a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Number of token ids.
    pub vocabulary_size: u32,
    /// Components of a token vector.
    pub width: u32,
    /// Number of classes.
    pub classes: u32,
}

/// The tokenizer of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerReference {
    /// Digest of `tokenizer.json`.
    pub fingerprint: Digest,
    /// The id of padding.
    pub pad_id: u32,
    /// Most tokens of a text.
    pub max_length: u32,
    /// Which tokens of a longer text are kept.
    pub truncation: Truncation,
}

/// Calibration from logits to probabilities, fitted on validation: `{"temperature": 1.2}` or `{"isotonic": [...]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Calibration {
    /// Temperature scaling: logits are divided by this before the softmax (Guo et al. 2017). It changes no label.
    Temperature(f64),
    /// Isotonic regression on the log-odds (Zadrozny and Elkan 2002). It can change labels.
    Isotonic(Vec<Knot>),
}

impl Calibration {
    /// The probability of the positive class from its log-odds before calibration.
    pub fn probability(&self, log_odds: f64) -> f64 {
        match self {
            Self::Temperature(temperature) => 1.0 / (1.0 + (-log_odds / temperature).exp()),
            Self::Isotonic(knots) => interpolate(knots, log_odds),
        }
    }

    /// The calibration for people: `logits divided by 1.084`.
    pub fn describe(&self) -> String {
        match self {
            Self::Temperature(temperature) => format!("logits divided by {temperature:.3}"),
            Self::Isotonic(knots) => format!("isotonic regression with {} points", knots.len()),
        }
    }
}

/// The identities of the artifacts that a model was trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The tokens.
    pub tokens: Digest,
    /// The embedding; `None` for a linear model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Digest>,
}

impl ModelFile {
    /// The version of the file format that is written and read.
    pub const FORMAT: u32 = 1;

    /// Reads the description of a bundle, and checks the fingerprint of its tokenizer.
    ///
    /// # Errors
    /// A file is missing or damaged, or the tokenizer was replaced.
    pub fn load(folder: &Path) -> Result<Self, BundleError> {
        let unusable = |problem: String| BundleError::unusable(folder, problem);
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(ArtifactError::io("read", &path))
        };
        let text = read("model.json")?;
        let parsed = serde_json::from_slice(&text)
            .and_then(|model: Self| Ok((model, serde_json::from_slice(&text)?)));
        let (model, written) = parsed.map_err(|error| {
            unusable(format!("`model.json` is not a model description: {error}"))
        })?;
        // Settings have defaults in a pipeline file, but `model.json` must contain all keys.
        if count_keys(&written) < count_keys(&json!(model)) {
            return Err(unusable("`model.json` lacks required keys".to_owned()));
        }
        if model.format != Self::FORMAT {
            let (found, ours) = (model.format, Self::FORMAT);
            return Err(unusable(format!(
                "it has format {found}, but this version of Ressenti reads format {ours}"
            )));
        }
        let found = Digest::of_bytes(&read("tokenizer.json")?);
        let expected = model.tokenizer.fingerprint;
        if found != expected {
            return Err(unusable(format!(
                "`tokenizer.json` was replaced: its digest should be {expected} and is {found}"
            )));
        }
        Ok(model)
    }

    /// Writes `model.json` and `tokenizer.json` into a folder: the bundle without its weights.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, folder: &Path, tokenizer: &Path) -> Result<(), BundleError> {
        let path = folder.join("model.json");
        let text = serde_json::to_string_pretty(self).expect("a model description is plain data");
        fs::write(&path, text + "\n").map_err(ArtifactError::io("write", &path))?;
        let path = folder.join("tokenizer.json");
        fs::copy(tokenizer, &path).map_err(ArtifactError::io("write", &path))?;
        Ok(())
    }
}

/// The number of keys in a value and in all nested values.
fn count_keys(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(|member| 1 + count_keys(member)).sum(),
        Value::Array(members) => members.iter().map(count_keys).sum(),
        _ => 0,
    }
}
