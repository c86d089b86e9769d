//! `[evaluation]`, `[ensemble.NAME]` and `[report]`.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Trial;
use crate::model::is_default;

/// Settings of the evaluation of one model or ensemble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSettings {
    /// Name of the model or ensemble.
    pub model: String,
    /// Number of bootstrap samples for confidence intervals.
    pub bootstrap_samples: u32,
    /// Nominal coverage of the confidence intervals, 0 to 1.
    pub confidence: f64,
    /// Reviews per batch.
    pub batch_size: u32,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Path of an additional challenge set.
    #[serde(skip_serializing, default)]
    pub challenge: Option<PathBuf>,
    /// Number of folds for cross-fitting the error rates of linear models; 0 for other models.
    #[serde(default, skip_serializing_if = "is_default")]
    pub folds: u32,
    /// The members, for an ensemble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<EnsembleSettings>,
}

/// An ensemble: several models combined into one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnsembleSettings {
    /// Names of the models, at least two.
    pub models: Vec<String>,
    /// Weights of the models.
    #[serde(default)]
    pub weights: EnsembleWeights,
}

/// Weights of the models in an ensemble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnsembleWeights {
    /// Stacking: logistic regression on the log-odds of the models, fitted on validation (Wolpert 1992).
    #[default]
    Stacked,
    /// Equal weights.
    Equal,
}

/// How models and ensembles are evaluated.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EvaluationTable {
    /// Number of bootstrap samples for confidence intervals.
    pub(crate) bootstrap_samples: u32,
    /// Nominal coverage of the confidence intervals, 0.5 to 0.9999.
    pub(crate) confidence: f64,
    /// Reviews per batch.
    pub(crate) batch_size: u32,
    /// Seed of the bootstrap. Default: `pipeline.seed`.
    pub(crate) seed: Option<u64>,
    /// Path of your own challenge set (JSON Lines), used in addition to the built-in one. Relative to the pipeline
    /// file.
    pub(crate) challenge: Option<PathBuf>,
    /// For linear models: number of folds, 2 to 100. Every fold of the training reviews is predicted by a model
    /// fitted to the other folds, which makes the estimated error rates more precise. 0 uses validation only.
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

/// Settings of the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// Title of the report.
    pub title: String,
    /// The trials of every `[sweep.NAME]`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub sweeps: IndexMap<String, Vec<Trial>>,
    /// For every model with `seeds` above 1, its repetitions with other seeds.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub repeats: IndexMap<String, Vec<String>>,
}

/// The report.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReportTable {
    /// Title of the report. Default: `pipeline.name`.
    #[schemars(extend("default" = null))]
    pub(crate) title: String,
}
