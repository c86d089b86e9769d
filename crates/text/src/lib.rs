//! What every text goes through before a model sees it. [`normalize`] is how `clean` leaves a text.
//!
//! From a text to token ids there is one way: `tokenize` encodes the splits with it, `embed` reads the
//! vocabulary with it, and whoever holds a model bundle encodes a new text with it. Were the same
//! three lines copied, a model would one day be asked about ids it was not trained on.

mod file;
mod import;
pub mod normalize;
mod special;
mod truncate;
mod words;

pub use file::{Encoded, Located, TokenizerFile};
pub use import::import_tokenizer;
pub use special::padding_params;
pub use truncate::truncate;
pub use words::WORD_PATTERN;
