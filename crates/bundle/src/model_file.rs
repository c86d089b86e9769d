//! `model.json`: what a bundle says of itself.

use std::fs;
use std::path::Path;

use artifact::{ArtifactError, Digest, Normalization};
use metrics::{Knot, interpolate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::{FeatureSettings, ModelSettings, Truncation};

use crate::BundleError;

/// `model.json`: all that a reader needs beside the weights and the tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Layout of this file.
    pub format: u32,
    /// The network and how it was trained.
    pub architecture: ModelSettings,
    /// What a probe reads of its encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSettings>,
    /// Sizes taken over from the artifacts.
    pub sizes: Sizes,
    /// How the texts it learned from were normalised, before they came to the tokenizer; a bundle that
    /// does not say can be evaluated and not asked about new texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalization: Option<Normalization>,
    /// The tokenizer it reads.
    pub tokenizer: TokenizerReference,
    /// Class names in the order of the logits.
    pub labels: Vec<String>,
    /// How logits become probabilities.
    pub calibration: Calibration,
    /// Number of weights, the embedding included.
    pub parameters: u64,
    /// How strongly the weights of a linear model or a probe were drawn to 0: half of it is the weight of their
    /// squared length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<f64>,
    /// Epochs trained.
    pub epochs: u32,
    /// The epoch, from 1, whose weights these are.
    pub best_epoch: u32,
    /// How it did on the validation split then.
    pub validation: ValidationResult,
    /// What it was made from.
    pub provenance: Provenance,
}

/// The sizes that a network takes over from the artifacts; none of them is a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Entries of the vocabulary.
    pub vocabulary_size: u32,
    /// Components of a token vector.
    pub width: u32,
    /// Classes.
    pub classes: u32,
}

/// The tokenizer that belongs to a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerReference {
    /// Digest of `tokenizer.json`.
    pub fingerprint: Digest,
    /// The id that fills short rows.
    pub pad_id: u32,
    /// Tokens kept of a row at most.
    pub max_length: u32,
    /// Which ones.
    pub truncation: Truncation,
}

/// How logits become probabilities; fitted on validation. `{"temperature": 1.2}` or `{"isotonic": [...]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Calibration {
    /// Logits are divided by it before the softmax (Guo et al. 2017), which changes no decision.
    Temperature(f64),
    /// A rising line over the difference of the logits (Zadrozny and Elkan 2002), which can move the
    /// difference at which decisions change.
    Isotonic(Vec<Knot>),
}

impl Calibration {
    /// The probability of the positive class, from how far its logit is ahead.
    pub fn probability(&self, difference: f64) -> f64 {
        match self {
            Self::Temperature(temperature) => 1.0 / (1.0 + (-difference / temperature).exp()),
            Self::Isotonic(knots) => interpolate(knots, difference),
        }
    }

    /// In half a line: `logits divided by 1.084`.
    pub fn describe(&self) -> String {
        match self {
            Self::Temperature(temperature) => format!("logits divided by {temperature:.3}"),
            Self::Isotonic(knots) => format!("isotonic, a rising line of {} points", knots.len()),
        }
    }
}

/// The best epoch's figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationResult {
    /// Rows of the validation split.
    pub rows: u64,
    /// Mean cross-entropy, in nats, before calibration.
    pub loss: f64,
    /// Share of rows classified rightly.
    pub accuracy: f64,
}

/// The artifacts a model was made from, by identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The tokens.
    pub tokens: Digest,
    /// The embedding; a linear model has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Digest>,
}

impl ModelFile {
    /// The format of `model.json` that this version writes and reads.
    pub const FORMAT: u32 = 1;

    /// Reads the description of a bundle, and checks that its tokenizer is the one it says.
    ///
    /// # Errors
    /// A file is missing or not what it should be, or the tokenizer was swapped.
    pub fn load(folder: &Path) -> Result<Self, BundleError> {
        let refused = |problem: String| BundleError::unusable(folder, problem);
        let read = |name: &str| read(folder, name);
        let text = read("model.json")?;
        let parsed = serde_json::from_slice(&text)
            .and_then(|model: Self| Ok((model, serde_json::from_slice(&text)?)));
        let (model, written) = parsed.map_err(|error| {
            refused(format!("`model.json` is not a model description: {error}"))
        })?;
        // Settings have defaults for a pipeline file; here a missing key is a lost one.
        if keys(&written) < keys(&json!(model)) {
            return Err(refused("`model.json` lacks some of its keys".to_owned()));
        }
        if model.format != Self::FORMAT {
            let (found, ours) = (model.format, Self::FORMAT);
            return Err(refused(format!(
                "it has format {found}, and this version reads format {ours}"
            )));
        }
        let found = Digest::of_bytes(&read("tokenizer.json")?);
        let expected = model.tokenizer.fingerprint;
        if found != expected {
            return Err(refused(format!(
                "its tokenizer should be {expected} and is {found}: `tokenizer.json` was swapped"
            )));
        }
        Ok(model)
    }

    /// Writes `model.json` and `tokenizer.json` into a folder: all of a bundle but its weights.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save(&self, folder: &Path, tokenizer: &Path) -> Result<(), BundleError> {
        let path = folder.join("model.json");
        let text = serde_json::to_string_pretty(self).expect("a model description is plain data");
        fs::write(&path, text + "\n").map_err(ArtifactError::io("write", &path))?;
        let path = folder.join("tokenizer.json");
        fs::copy(tokenizer, &path).map_err(ArtifactError::io("write", &path))?;
        Ok(())
    }
}

/// The number of keys in a value and all below it.
fn keys(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(|member| 1 + keys(member)).sum(),
        Value::Array(members) => members.iter().map(keys).sum(),
        _ => 0,
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, ArtifactError> {
    let path = folder.join(name);
    fs::read(&path).map_err(ArtifactError::io("read", &path))
}
