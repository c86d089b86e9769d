//! Contracts: what an artifact guarantees to its readers, for example sizes, ids and the tokenizer.

use serde::{Deserialize, Serialize};

use crate::{Digest, Normalization};

/// The contract of an artifact, by stage. Artifacts can be combined if their contracts agree. `orchestrator` compares
/// them while planning, and every stage again before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Contract {
    /// `reviews.parquet`: the canonical table of reviews.
    Reviews {
        /// Number of accepted rows.
        rows: u64,
    },
    /// `clean.parquet`: normalised reviews without duplicates, with a split.
    Clean {
        /// Number of training rows.
        train: u64,
        /// Number of validation rows.
        validation: u64,
        /// Number of test rows.
        test: u64,
        /// Number of rows without a label.
        unlabelled: u64,
        /// Class names in the order of their ids.
        classes: Vec<String>,
        /// How the texts were normalised; unknown for artifacts of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normalization: Option<Normalization>,
        /// Languages of at least 1% of the training reviews, by English name; empty if unknown.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        languages: Vec<String>,
    },
    /// `tokenizer.json` and one array file per labelled split.
    Tokens {
        /// Digest of `tokenizer.json`.
        tokenizer: Digest,
        /// Number of ids; every id is smaller.
        vocabulary_size: u32,
        /// The id of padding.
        pad_id: u32,
        /// The id of unknown tokens; byte-level tokenizers have none.
        unknown_id: Option<u32>,
        /// Length of the longest row in tokens.
        max_length: u32,
        /// Class names in the order of their ids.
        classes: Vec<String>,
        /// How the texts were normalised by `clean`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normalization: Option<Normalization>,
        /// Languages of at least 1% of the training reviews, by English name; empty if unknown.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        languages: Vec<String>,
    },
    /// `embedding.arrow`: one vector per id.
    Embedding {
        /// Digest of the `tokenizer.json` that defines the ids.
        tokenizer: Digest,
        /// Number of rows.
        vocabulary_size: u32,
        /// Components of a vector.
        width: u32,
        /// The id of padding; its vector is zero.
        pad_id: u32,
    },
    /// A pretrained encoder: `config.json`, `model.safetensors` and its own `tokenizer.json`.
    Encoder {
        /// Digest of the `tokenizer.json` of its training.
        tokenizer: Digest,
        /// Number of input ids.
        vocabulary_size: u32,
        /// Components of a hidden state.
        width: u32,
        /// Longest input in tokens.
        longest: u32,
    },
    /// The features of every review from an encoder, in shards by split, and the files of the encoder.
    Features {
        /// Digest of the `tokenizer.json` of the encoder.
        tokenizer: Digest,
        /// Components of the features of a review.
        width: u32,
        /// Length of the longest row in tokens.
        max_length: u32,
        /// Class names in the order of their ids.
        classes: Vec<String>,
    },
    /// A model bundle.
    Model {
        /// Digest of its `tokenizer.json`.
        tokenizer: Digest,
        /// Number of input ids.
        vocabulary_size: u32,
        /// Components of a token vector.
        width: u32,
        /// Length of the longest training row in tokens.
        max_length: u32,
        /// Class names in the order of the logits.
        classes: Vec<String>,
    },
    /// `range.json`: the loss at rising learning rates. There is no model.
    RangeTest {
        /// Number of steps.
        steps: u32,
    },
    /// `predictions.parquet` and `metrics.json` of one model.
    Evaluation {
        /// The name of the model.
        model: String,
        /// Number of test rows.
        rows: u64,
    },
    /// `report.html`, `metrics.json` and `predictions.parquet` of all models.
    Report {
        /// The compared models, in the order of the pipeline file.
        models: Vec<String>,
    },
}
