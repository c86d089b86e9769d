//! `[embedding.NAME]`: a vector for every entry of a vocabulary.

use std::path::PathBuf;

use artifact::Source;
use serde::{Deserialize, Serialize};

use crate::Precision;

/// `[embedding.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// Where the vectors come from.
    pub kind: EmbeddingKind,
    /// The tokenizer whose vocabulary they are for.
    #[serde(default, skip_serializing)]
    pub tokenizer: String,
    /// Components of a vector. A setting for `random` and `learned`; a vector file has its own, and naming
    /// it then only asks for a check.
    pub width: Option<u32>,
    /// GloVe, word2vec or fastText text file, plain or gz, or the folder of an encoder; relative to
    /// the pipeline file.
    #[serde(skip_serializing)]
    pub source: Option<PathBuf>,
    /// How vectors are learned.
    pub learning: Option<LearnedSettings>,
    /// The embedding of `kind = "encoder"` whose states are kept, for `kind = "features"`.
    #[serde(skip_serializing)]
    pub encoder: Option<String>,
    /// How an encoder goes on learning on our own text before anything reads it, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<AdaptationSettings>,
    /// What is kept of an encoder's states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSettings>,
    /// Seed of random and learned vectors; the pipeline's where none is given.
    pub seed: Option<u64>,
}

/// `[embedding.NAME.learning]`, for `kind = "learned"`; the values are those of word2vec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedSettings {
    /// Passes over the text.
    pub epochs: u32,
    /// Words on each side that a word foretells, at most.
    pub window: u32,
    /// Words drawn by chance for each that is foretold.
    pub negatives: u32,
    /// Rate at the start; it falls to 0 in a straight line.
    pub learning_rate: f64,
    /// Share of the text from which on occurrences of a word are left out; 0 leaves none out.
    pub subsample: f64,
    /// Whether reviews without a label are read, too. Those of validation and test never are.
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

/// `[embedding.NAME.adaptation]`, for `kind = "encoder"`: it goes on as a masked language model (Devlin
/// et al. 2019) on our own text, without the labels (Gururangan et al. 2020).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptationSettings {
    /// Passes over the text.
    pub epochs: u32,
    /// Reviews per optimizer step.
    pub batch_size: u32,
    /// Reviews whose gradient a core computes at a time, as for `training.shard_size`.
    pub shard_size: u32,
    /// Peak learning rate; it falls to 0 in a straight line.
    pub learning_rate: f64,
    /// Share of all steps, 0 to 1, over which the rate rises from 0.
    pub warm_up: f64,
    /// Share of tokens that are hidden, 0 to 1.
    pub mask_probability: f64,
    /// Whether reviews without a label are read, too. Those of validation and test never are.
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

/// `[embedding.NAME.features]`, for `kind = "features"`: what an encoder that is not trained further
/// says about a review. Every pooling of every layer is kept, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureSettings {
    /// Layers by number: 0 is the embedding, 1 the first layer, -1 the last, -2 the one before it.
    pub layers: Vec<i32>,
    /// How the states of a layer become one vector.
    pub pooling: Vec<FeaturePooling>,
    /// How a review that is longer than the encoder reads is read in parts; it is cut where nothing
    /// is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowSettings>,
    /// Number format of the states while they are computed; what is kept is f32.
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

/// How the states of an encoder's layer become one vector. Padding never takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeaturePooling {
    /// The state of the first token, which is the class token of most encoders.
    Cls,
    /// The mean over all tokens.
    Mean,
    /// The maximum over all tokens, component by component.
    Max,
}

/// Overlapping windows over a long review. Each begins and ends with the tokens that the whole row
/// begins and ends with, as the encoder was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowSettings {
    /// Tokens of a window, the first and last one included.
    pub length: u32,
    /// Tokens that a window shares with the one before it.
    pub overlap: u32,
}

/// The files of an encoder's folder that are read, in this order.
pub const ENCODER_FILES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

impl EmbeddingSettings {
    /// The files it reads. Those of an encoder one by one, because the folder may hold
    /// others, of which nothing follows.
    pub(crate) fn sources(&self) -> Vec<Source> {
        match (&self.source, self.kind) {
            (None, _) | (_, EmbeddingKind::Features) => Vec::new(),
            (Some(folder), EmbeddingKind::Encoder) => ENCODER_FILES
                .iter()
                .map(|name| Source::Path(folder.join(name)))
                .collect(),
            (Some(file), _) => vec![Source::Path(file.clone())],
        }
    }
}

/// Where vectors come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingKind {
    /// Drawn at random, to be learned while training.
    Random,
    /// From a file of word vectors, aligned to the vocabulary.
    Static,
    /// Learned from our own text: skip-gram with negative sampling (Mikolov et al. 2013).
    Learned,
    /// A pretrained encoder in a Hugging Face folder, for a model of `kind = "transformer"`.
    Encoder,
    /// What a pretrained encoder says about every review, computed once, for models of
    /// `kind = "probe"`.
    Features,
}
