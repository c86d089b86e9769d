//! What an artifact promises to whoever reads it: shapes, ids, and whose tokenizer made it.

use serde::{Deserialize, Serialize};

use crate::{Digest, Normalization};

/// The promise of one artifact, by stage. Two artifacts fit together when the promises agree;
/// `orchestrator` compares them while planning and every stage once more before it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Contract {
    /// `reviews.parquet`: the canonical table.
    Reviews {
        /// Rows accepted.
        rows: u64,
    },
    /// `clean.parquet`: normalised, without duplicates, split.
    Clean {
        /// Labelled rows to learn from.
        train: u64,
        /// Labelled rows to choose by.
        validation: u64,
        /// Labelled rows to report on.
        test: u64,
        /// Rows without a label.
        unlabelled: u64,
        /// Class names in the order of their ids.
        classes: Vec<String>,
        /// How the texts were normalised; artifacts of older stage versions do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normalization: Option<Normalization>,
    },
    /// `tokenizer.json` and one array file per labelled split.
    Tokens {
        /// Digest of `tokenizer.json`.
        tokenizer: Digest,
        /// Number of ids; every id is below it.
        vocabulary_size: u32,
        /// The id that fills short rows of a batch.
        pad_id: u32,
        /// The id of what the vocabulary lacks; byte-level tokenizers have none.
        unknown_id: Option<u32>,
        /// Longest row, in tokens.
        max_length: u32,
        /// Class names in the order of their ids.
        classes: Vec<String>,
        /// How the texts were normalised before, as cleaning says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        normalization: Option<Normalization>,
    },
    /// `embedding.arrow`: one vector per id.
    Embedding {
        /// Digest of the `tokenizer.json` whose ids are the rows.
        tokenizer: Digest,
        /// Rows.
        vocabulary_size: u32,
        /// Columns.
        width: u32,
        /// The row of padding, all zeros.
        pad_id: u32,
    },
    /// A pretrained encoder: `config.json`, `model.safetensors` and its own `tokenizer.json`.
    Encoder {
        /// Digest of the `tokenizer.json` it was trained with.
        tokenizer: Digest,
        /// Number of ids it takes.
        vocabulary_size: u32,
        /// Components of a state.
        width: u32,
        /// Tokens of the longest text it can read.
        longest: u32,
    },
    /// What an encoder says about every review, in shards by split, and the encoder's own files.
    Features {
        /// Digest of the `tokenizer.json` of the encoder.
        tokenizer: Digest,
        /// Components of a review's features.
        width: u32,
        /// Longest row read, in tokens.
        max_length: u32,
        /// Class names in the order of their ids.
        classes: Vec<String>,
    },
    /// A model bundle.
    Model {
        /// Digest of the `tokenizer.json` it reads.
        tokenizer: Digest,
        /// Number of ids it takes.
        vocabulary_size: u32,
        /// Width of its embedding.
        width: u32,
        /// Longest row it was trained on, in tokens.
        max_length: u32,
        /// Class names in the order of its logits.
        classes: Vec<String>,
    },
    /// `range.json`: the loss at rising learning rates, and no model.
    RangeTest {
        /// Steps done.
        steps: u32,
    },
    /// `predictions.parquet` and `metrics.json` of one model.
    Evaluation {
        /// The model's name.
        model: String,
        /// Test rows judged.
        rows: u64,
    },
    /// `report.html`, `metrics.json` and `predictions.parquet` of all models.
    Report {
        /// The models compared, in the order of the pipeline file.
        models: Vec<String>,
    },
}
