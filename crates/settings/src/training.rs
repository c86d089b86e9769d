//! `[training]`: how models are trained; `[model.NAME.training]` overrides it key by key.

use serde::{Deserialize, Serialize};

/// `[training]`, and after merging the `training` of every model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingSettings {
    /// Passes over the training split at most.
    pub epochs: u32,
    /// Reviews per optimizer step.
    pub batch_size: u32,
    /// Micro-batches a step is split into where memory is short; the step's result is the same.
    pub accumulation: u32,
    /// Reviews whose gradient a core computes at a time: 16, for a transformer 8, where nothing is
    /// said. A batch is cut into shards of this size whatever number of cores there is, so that the
    /// weights do not depend on that number; more cores than shards are of no use to one training.
    /// A GPU computes the batch whole, unless its memory is too small.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_size: Option<u32>,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How the rate falls after the warm-up.
    pub schedule: Schedule,
    /// Share of all steps, 0 to 1, over which the rate rises from 0.
    pub warm_up: f64,
    /// Decoupled weight decay (Loshchilov and Hutter 2019), on matrices but not on biases or embeddings.
    pub weight_decay: f64,
    /// Decay of the gradient's running mean.
    pub beta1: f64,
    /// Decay of the squared gradient's running mean.
    pub beta2: f64,
    /// The gradient's norm is cut to this; 0 leaves it alone.
    pub clip_norm: f64,
    /// Epochs without a better validation loss before training stops; 0 never stops early.
    pub patience: u32,
    /// Mass moved from the true class to all classes alike, 0 to 1 (Szegedy et al. 2016).
    pub label_smoothing: f64,
    /// Number format of a transformer's activations; its weights and their moments are f32 always.
    pub precision: Precision,
    /// Steps between two lines of `metrics.jsonl`.
    pub log_every: u32,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            accumulation: 1,
            shard_size: None,
            learning_rate: 1e-3,
            schedule: Schedule::Linear,
            warm_up: 0.05,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            clip_norm: 1.0,
            patience: 2,
            label_smoothing: 0.0,
            precision: Precision::Auto,
            log_every: 20,
        }
    }
}

/// The number format that a transformer computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bf16 where the device multiplies it faster, f32 elsewhere; printed.
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits, with f32's range and 8 bits of fraction.
    Bf16,
}

/// How the learning rate falls after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// In a straight line to 0.
    Linear,
    /// Along half a cosine to 0 (Loshchilov and Hutter 2017).
    Cosine,
}
