//! `[embedding.NAME]`: a vector for every entry of a vocabulary.

use std::path::PathBuf;

use artifact::Source;
use serde::{Deserialize, Serialize};

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
    #[serde(default)]
    pub width: Option<u32>,
    /// GloVe, word2vec or fastText text file, plain or gz, or the folder of an encoder; relative to
    /// the pipeline file.
    #[serde(default, skip_serializing)]
    pub source: Option<PathBuf>,
    /// How vectors are learned.
    #[serde(default)]
    pub learning: Option<LearnedSettings>,
    /// Seed of random and learned vectors; the pipeline's where none is given.
    #[serde(default)]
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

/// The files of an encoder's folder that are read, in this order.
pub const ENCODER_FILES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

impl EmbeddingSettings {
    /// The files it reads. Those of an encoder one by one, because a file is named by its content
    /// and a folder by its times.
    pub(crate) fn sources(&self) -> Vec<Source> {
        match (&self.source, self.kind) {
            (None, _) => Vec::new(),
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
}
