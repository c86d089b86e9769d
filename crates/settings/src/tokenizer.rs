//! `[tokenizer.NAME]`: how text becomes token ids.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults::number;

/// A tokenizer: trained on the training split, or pretrained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSettings {
    /// Algorithm of the tokenizer.
    pub kind: TokenizerKind,
    /// Maximum number of vocabulary entries, including special tokens. Not for `pretrained`. At least 100; 300 for
    /// `bpe`.
    #[schemars(extend("default" = Self::DEFAULT_VOCABULARY))]
    pub vocabulary_size: Option<u32>,
    /// Minimum count of a word or pair in the training split; rarer ones are ignored. Not for `pretrained`.
    #[schemars(extend("default" = Self::DEFAULT_FREQUENCY))]
    pub min_frequency: Option<u32>,
    /// Converts text to lower case first. Not for `pretrained`.
    #[schemars(extend("default" = true))]
    pub lowercase: Option<bool>,
    /// Path of the `tokenizer.json`, relative to the pipeline file. Only for `pretrained`.
    #[serde(skip_serializing)]
    pub source: Option<PathBuf>,
    /// Maximum number of tokens per review, at least 2. Longer reviews are truncated.
    #[serde(default = "number::<256>")]
    pub max_length: u32,
    /// Which tokens of a longer review are kept.
    #[serde(default)]
    pub truncation: Truncation,
}

impl TokenizerSettings {
    /// Default of `vocabulary_size`.
    pub const DEFAULT_VOCABULARY: u32 = 20_000;
    /// Default of `min_frequency`.
    pub const DEFAULT_FREQUENCY: u32 = 2;
}

/// Algorithm of a tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenizerKind {
    /// Words and punctuation marks.
    Word,
    /// Byte-level byte-pair encoding (Sennrich et al. 2016).
    Bpe,
    /// WordPiece (Schuster and Nakajima 2012).
    Wordpiece,
    /// Unigram language model (Kudo 2018).
    Unigram,
    /// A `tokenizer.json` in the format of Hugging Face.
    Pretrained,
}

/// Which tokens of a review longer than `max_length` are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Truncation {
    /// The first tokens.
    #[default]
    Head,
    /// The last tokens, because many reviews end with a conclusion.
    Tail,
    /// The first tokens for a quarter of `max_length`, and the last tokens for the rest. Best on IMDB in Sun et
    /// al. (2019).
    HeadTail,
}
