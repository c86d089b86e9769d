//! Tokenizers and embeddings.

use serde::{Deserialize, Serialize};

/// A tokenizer with its statistics of the reviews.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TokenizerData {
    /// Its name in the pipeline file.
    pub name: String,
    /// The algorithm.
    pub kind: String,
    /// Entries of its vocabulary.
    pub vocabulary_size: u64,
    /// Largest number of tokens of a review.
    pub max_length: u64,
    /// One entry per split.
    pub splits: Vec<TokenizedSplit>,
}

/// One split as tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TokenizedSplit {
    /// The split.
    #[serde(skip_deserializing)]
    pub split: String,
    /// Reviews.
    pub rows: u64,
    /// Truncated reviews.
    #[serde(rename(deserialize = "rows_truncated"))]
    pub truncated: u64,
    /// Tokens after truncation.
    #[serde(rename(deserialize = "tokens_kept"))]
    pub tokens: u64,
    /// Tokens among them that are not in the vocabulary.
    #[serde(rename(deserialize = "tokens_unknown"))]
    pub unknown: u64,
    /// Median length before truncation, in tokens.
    #[serde(skip_deserializing)]
    pub median: Option<u64>,
    /// The length before truncation that 95% of the reviews do not exceed, in tokens.
    #[serde(skip_deserializing)]
    pub q95: Option<u64>,
}

/// An embedding and its coverage of the vocabulary.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EmbeddingData {
    /// Its name in the pipeline file.
    pub name: String,
    /// `random`, `static`, `learned` or `pretrained encoder`.
    pub kind: String,
    /// Entries of the vocabulary.
    pub vocabulary_size: u64,
    /// Components of a vector.
    pub width: u64,
    /// Share of vocabulary entries that have a vector in the vector file.
    pub types: Option<f64>,
    /// Share of the tokens of the training split that have one.
    pub tokens: Option<f64>,
    /// The most frequent entries without one.
    pub missing: Vec<String>,
}
