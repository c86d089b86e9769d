//! `[embedding.NAME]`: word vectors for a vocabulary, pretrained encoders, and features of encoders.

use std::path::PathBuf;

use artifact::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Precision;

/// Word vectors for a vocabulary, a pretrained encoder, or features of an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// Kind of embedding.
    pub kind: EmbeddingKind,
    /// Name of the tokenizer whose vocabulary the vectors are for. `features` use the tokenizer of their encoder
    /// by default; the others require it.
    #[serde(default, skip_serializing)]
    #[schemars(extend("default" = null))]
    pub tokenizer: String,
    /// Number of components of a vector. Required for `random` and `learned`, 1 to 4096. For `static` it follows
    /// from the file; if given, it is compared with the file.
    pub width: Option<u32>,
    /// For `static`: path of a text file with GloVe, word2vec or fastText vectors, plain or `.gz`. For `encoder`:
    /// path of a Hugging Face folder. Relative to the pipeline file.
    #[serde(skip_serializing)]
    pub source: Option<PathBuf>,
    /// How word vectors are learned. Only for `learned`.
    pub learning: Option<LearnedSettings>,
    /// Name of the embedding of `kind = "encoder"` that computes the features. Only for `features`.
    #[serde(skip_serializing)]
    pub encoder: Option<String>,
    /// Continued pretraining of an encoder on your reviews. Off without this table. Only for `encoder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<AdaptationSettings>,
    /// Layers and pooling of the features. Only for `features`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSettings>,
    /// Seed of the random numbers. Default: `pipeline.seed`.
    pub seed: Option<u64>,
}

/// Word vectors learned with skip-gram and negative sampling. The defaults are those of word2vec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedSettings {
    /// Number of passes over the text.
    pub epochs: u32,
    /// Maximum context window: words on each side of a word; at least 1.
    pub window: u32,
    /// Number of negative samples per context word, at least 1.
    pub negatives: u32,
    /// Initial learning rate; it falls linearly to 0.
    pub learning_rate: f64,
    /// Subsampling threshold: occurrences of words that are a larger fraction of the text are skipped at random; 0
    /// skips none.
    pub subsample: f64,
    /// Also uses reviews without a label. Validation and test reviews are never used.
    pub unlabelled: bool,
}

impl Default for LearnedSettings {
    fn default() -> Self {
        Self {
            epochs: 5,
            window: 5,
            negatives: 5,
            learning_rate: 0.025,
            subsample: 1e-3,
            unlabelled: true,
        }
    }
}

/// Continued pretraining of an encoder: masked language modelling (Devlin et al. 2019) on the training reviews,
/// without their labels (Gururangan et al. 2020).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptationSettings {
    /// Number of passes over the text.
    pub epochs: u32,
    /// Reviews per optimizer step, at least 1.
    pub batch_size: u32,
    /// Reviews per shard, as for `training.shard_size`.
    pub shard_size: u32,
    /// Peak learning rate; it falls linearly to 0.
    pub learning_rate: f64,
    /// Warm-up: fraction of all steps, 0 to 1, in which the learning rate rises from 0.
    pub warm_up: f64,
    /// Probability that a token is masked, 0.01 to 0.9.
    pub mask_probability: f64,
    /// Also uses reviews without a label. Validation and test reviews are never used.
    pub unlabelled: bool,
    /// Number format of the activations.
    pub precision: Precision,
}

impl Default for AdaptationSettings {
    fn default() -> Self {
        Self {
            epochs: 1,
            batch_size: 32,
            shard_size: 8,
            learning_rate: 1e-4,
            warm_up: 0.06,
            mask_probability: 0.15,
            unlabelled: true,
            precision: Precision::Auto,
        }
    }
}

/// Features of a review: the states of a frozen encoder. Every pooling of every layer is computed, and the
/// results are concatenated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureSettings {
    /// Layer numbers: 0 is the embedding layer, 1 the first layer, -1 the last layer, -2 the one before it.
    pub layers: Vec<i32>,
    /// How the states of a layer become one vector: a list.
    pub pooling: Vec<FeaturePooling>,
    /// Windows over reviews that are longer than the encoder allows. Without this table such reviews are
    /// truncated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowSettings>,
    /// Number format of the computation. The features are always saved as f32.
    pub precision: Precision,
}

impl Default for FeatureSettings {
    fn default() -> Self {
        Self {
            layers: vec![-1],
            pooling: vec![FeaturePooling::Mean],
            windows: None,
            precision: Precision::Auto,
        }
    }
}

/// How the states of an encoder layer become one vector. Padding is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeaturePooling {
    /// The state of the first token, in most encoders the `[CLS]` token.
    Cls,
    /// The mean over all tokens.
    Mean,
    /// The maximum over all tokens for each component.
    Max,
}

/// Overlapping windows over a long review. Every window begins and ends with the special tokens of the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSettings {
    /// Tokens per window, including its first and last special token; at least 4.
    pub length: u32,
    /// Tokens that a window shares with the previous one, at most `length` minus 3.
    pub overlap: u32,
}

/// Files that are read from the folder of an encoder, in this order.
pub const ENCODER_FILES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

impl EmbeddingSettings {
    /// The files that the embedding reads. The files of an encoder are listed one by one, because other files in
    /// its folder do not affect the result.
    pub(crate) fn sources(&self) -> Vec<Source> {
        match (&self.source, self.kind) {
            (None, _) | (_, EmbeddingKind::Features) => Vec::new(),
            (Some(folder), EmbeddingKind::Encoder) => ENCODER_FILES
                .map(|name| Source::Path(folder.join(name)))
                .into(),
            (Some(file), _) => vec![Source::Path(file.clone())],
        }
    }
}

/// Kind of embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingKind {
    /// Random vectors, learned together with the model.
    Random,
    /// Vectors from a file of pretrained word vectors.
    Static,
    /// Vectors learned from your reviews: skip-gram with negative sampling (Mikolov et al. 2013).
    Learned,
    /// A pretrained encoder from a Hugging Face folder, for models of `kind = "transformer"` and for `features`.
    Encoder,
    /// Features of a frozen encoder, computed once for every review, for models of `kind = "probe"`.
    Features,
}
