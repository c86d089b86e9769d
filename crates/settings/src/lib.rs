//! The settings of `pipeline.toml`: one module for each table, the checks, overrides, and the graph of steps.

mod check;
mod clean;
mod defaults;
mod embedding;
mod encoder;
mod engine;
mod evaluation;
mod halving;
mod ingest;
mod mismatch;
mod model;
mod names;
mod overrides;
mod pipeline;
mod questions;
mod range_test;
#[cfg(test)]
mod reference_tests;
mod schema;
mod selection;
mod setting_path;
mod step;
mod sweep;
mod tokenizer;
mod training;
pub mod vectors;

pub use clean::{CleanSettings, NearDuplicateSettings, SplitSettings};
pub use embedding::{
    AdaptationSettings, ENCODER_FILES, EmbeddingKind, EmbeddingSettings, FeaturePooling,
    FeatureSettings, LearnedSettings, WindowSettings,
};
pub use engine::{EngineKind, EngineSettings, Resources, check_engine};
pub use evaluation::{EnsembleSettings, EnsembleWeights, EvaluationSettings, ReportSettings};
pub use halving::{HalvingSettings, RungSettings};
pub use ingest::{
    Column, Columns, Download, IngestSettings, LabelValues, RatingRule, SourceFormat,
    TimestampSettings,
};
pub use model::{CalibrationKind, ModelKind, ModelSettings, NgramSettings, Pooling};
pub use names::{nearest, suggest, unknown_variant};
pub use overrides::{Override, table_from_overrides};
pub use pipeline::{CheckpointSettings, Device, Pipeline, RunSettings};
pub use questions::OPEN_QUESTION;
pub use range_test::RangeTestSettings;
pub use selection::with_dependencies;
pub use step::{REVIEWS, Step, StepId, expand_pattern};
pub use sweep::{SweepSettings, Trial};
pub use tokenizer::{TokenizerKind, TokenizerSettings, Truncation};
pub use training::{Precision, Schedule, TrainingSettings};
