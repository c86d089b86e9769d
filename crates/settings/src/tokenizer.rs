//! `[tokenizer.NAME]`: how text becomes token ids.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::defaults::number;

/// `[tokenizer.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSettings {
    /// Which algorithm.
    pub kind: TokenizerKind,
    /// Entries of the vocabulary at most, special tokens included; only for kinds that are trained.
    pub vocabulary_size: Option<u32>,
    /// A word or pair seen less often in the training split is left out; only for kinds that are trained.
    pub min_frequency: Option<u32>,
    /// Whether text is lower-cased first, which it is where nothing is said; only for kinds that are trained.
    pub lowercase: Option<bool>,
    /// `tokenizer.json`, relative to the pipeline file; only for `pretrained`.
    #[serde(skip_serializing)]
    pub source: Option<PathBuf>,
    /// Tokens kept of each row at most.
    #[serde(default = "number::<256>")]
    pub max_length: u32,
    /// Which tokens of a longer row are kept.
    #[serde(default)]
    pub truncation: Truncation,
}

impl TokenizerSettings {
    /// Entries of a trained vocabulary at most.
    pub const DEFAULT_VOCABULARY: u32 = 20_000;
    /// How often a word or pair must be seen to count.
    pub const DEFAULT_FREQUENCY: u32 = 2;
}

/// The algorithms of the `tokenizers` crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenizerKind {
    /// Whole words and punctuation marks.
    Word,
    /// Byte-pair encoding (Sennrich et al. 2016) over bytes.
    Bpe,
    /// WordPiece (Schuster and Nakajima 2012).
    Wordpiece,
    /// Unigram language model (Kudo 2018).
    Unigram,
    /// A finished `tokenizer.json`.
    Pretrained,
}

/// Which tokens of a row longer than `max_length` are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truncation {
    /// The first ones.
    #[default]
    Head,
    /// The last ones, where reviews tend to conclude.
    Tail,
    /// The first quarter and the last three quarters (Sun et al. 2019 found head + tail best on IMDB).
    HeadTail,
}
