//! `[embedding.NAME]`: a vector for every entry of a vocabulary.

use std::path::PathBuf;

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
    /// Components of a vector. A setting for `random` only; a vector file has its own, and naming
    /// it then only asks for a check.
    #[serde(default)]
    pub width: Option<u32>,
    /// GloVe, word2vec or fastText text file, plain or gz, relative to the pipeline file.
    #[serde(default, skip_serializing)]
    pub source: Option<PathBuf>,
    /// Seed of random vectors; the pipeline's where none is given.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// Where vectors come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingKind {
    /// Drawn at random, to be learned while training.
    Random,
    /// From a file of word vectors, aligned to the vocabulary.
    Static,
}
