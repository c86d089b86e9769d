//! `[evaluation]`, `[ensemble.NAME]` and `[report]`: how models are judged, united and shown.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::Trial;

/// `[evaluation]`, with the model it is applied to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSettings {
    /// The model judged.
    pub model: String,
    /// Bootstrap samples behind every interval.
    pub bootstrap_samples: u32,
    /// Coverage of the intervals, 0 to 1.
    pub confidence: f64,
    /// Reviews per batch.
    pub batch_size: u32,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// A challenge set of one's own beside the built-in one: JSON lines, relative to the pipeline file.
    #[serde(skip_serializing, default)]
    pub challenge: Option<PathBuf>,
    /// Parts of the training reviews, each of which is predicted by a linear model that learned from the others;
    /// 0 for none, and for models that are not linear.
    #[serde(default, skip_serializing_if = "is_none")]
    pub folds: u32,
    /// The models it is made of, where it is an ensemble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<EnsembleSettings>,
}

/// `[ensemble.NAME]`: several models as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnsembleSettings {
    /// Which, by name.
    pub models: Vec<String>,
    /// How much each of them counts.
    #[serde(default)]
    pub weights: EnsembleWeights,
}

/// How much the members of an ensemble count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnsembleWeights {
    /// As much as validation says: logistic regression on their log-odds (Wolpert 1992).
    #[default]
    Stacked,
    /// All the same.
    Equal,
}

/// `[evaluation]` as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EvaluationTable {
    pub(crate) bootstrap_samples: u32,
    pub(crate) confidence: f64,
    pub(crate) batch_size: u32,
    pub(crate) seed: Option<u64>,
    pub(crate) challenge: Option<PathBuf>,
    pub(crate) folds: u32,
}

impl Default for EvaluationTable {
    fn default() -> Self {
        Self {
            bootstrap_samples: 1000,
            confidence: 0.95,
            batch_size: 128,
            seed: None,
            challenge: None,
            folds: 10,
        }
    }
}

fn is_none(folds: &u32) -> bool {
    *folds == 0
}

/// `[report]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// Heading; the pipeline's name where none is given.
    pub title: String,
    /// The trials of every `[sweep.NAME]`, which follow from those tables.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub sweeps: IndexMap<String, Vec<Trial>>,
    /// The models that are trained several times, and their repetitions with other seeds, which follow
    /// from `[model.NAME] seeds`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub repeats: IndexMap<String, Vec<String>>,
}

/// `[report]` as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReportTable {
    pub(crate) title: String,
}
