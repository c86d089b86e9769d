//! `[training]`: the settings of the training loop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Training settings for all models trained in epochs. `[model.NAME.training]` overrides single settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingSettings {
    /// Maximum number of passes over the training split, at least 1.
    pub epochs: u32,
    /// Reviews per optimizer step, at least 1.
    pub batch_size: u32,
    /// Gradient accumulation: number of parts that a batch is split into to save memory, at most `batch_size`.
    /// The result of a step stays the same.
    pub accumulation: u32,
    /// Reviews per shard. A CPU core computes the gradient of one shard at a time, so more cores than shards do
    /// not make training faster. The weights do not depend on the number of cores. A GPU computes whole batches.
    /// Default: 16; 8 for `transformer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_size: Option<u32>,
    /// Peak learning rate, above 0.
    pub learning_rate: f64,
    /// How the learning rate falls after the warm-up.
    pub schedule: Schedule,
    /// Warm-up: fraction of all steps, 0 to 1, in which the learning rate rises from 0.
    pub warm_up: f64,
    /// Weight decay of AdamW (Loshchilov and Hutter 2019), 0 to 10. Biases and embeddings have none.
    pub weight_decay: f64,
    /// AdamW: decay rate of the mean of gradients, 0 to 0.9999.
    pub beta1: f64,
    /// AdamW: decay rate of the mean of squared gradients, 0 to 0.999999.
    pub beta2: f64,
    /// Maximum norm of the gradient (gradient clipping); 0 disables clipping.
    pub clip_norm: f64,
    /// Early stopping: number of epochs without a lower validation loss after which training stops; 0 disables
    /// it.
    pub patience: u32,
    /// Label smoothing, 0 to 0.9 (Szegedy et al. 2016).
    pub label_smoothing: f64,
    /// Number format of a transformer's activations. Weights and optimizer state are always f32.
    pub precision: Precision,
    /// Steps between two lines of the training log, `metrics.jsonl`; at least 1.
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

/// Number format of a transformer's activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// `bf16` on devices where it is faster, otherwise `f32`; the choice is printed.
    Auto,
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point (bfloat16), with the range of `f32` and less precision.
    Bf16,
}

/// Learning-rate schedule after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Stays constant.
    Constant,
    /// Falls linearly to 0.
    Linear,
    /// Falls to 0 along a cosine (Loshchilov and Hutter 2017).
    Cosine,
}
