//! Prepares texts for models: [`normalize`] cleans a text, and [`TokenizerFile`] converts it to token ids.
//!
//! Training, evaluation and prediction share this code, so that a model always gets ids made in the same way as
//! those it was trained on.

mod file;
mod import;
pub mod language;
pub mod normalize;
mod special;
mod truncate;
mod unspaced;
mod word_cache;

pub use file::{Encoded, EncodedWithOffsets, TokenizerFile};
pub use import::import_tokenizer;
pub use special::padding_params;
pub use truncate::truncate;
pub use unspaced::is_unspaced;
pub use word_cache::WORD_PATTERN;
