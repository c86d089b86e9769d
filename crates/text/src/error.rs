//! What can be wrong with a `tokenizer.json`, or with a text given to it.

use std::io;
use std::path::PathBuf;

/// A tokenizer file that cannot be used, or a text that cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file could not be read.
    #[error("Could not read the tokenizer `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what the `tokenizers` library writes.
    #[error("The tokenizer `{}` cannot be understood", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is understood and cannot be used.
    #[error("The tokenizer `{}` {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as the rest of the sentence.
        problem: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Special tokens alone fill a row.
    #[error(
        "A row of {max_length} tokens has no room for text beside the {special} tokens that the tokenizer adds"
    )]
    NoRoom {
        /// Tokens of a row at most.
        max_length: u32,
        /// Tokens that the tokenizer adds to each row.
        special: u32,
    },
    /// The `tokenizers` library refused a text.
    #[error("Could not encode a text of {characters} characters")]
    Encode {
        /// Its length.
        characters: usize,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl TextError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unusable { hint, .. } => hint.clone(),
            Self::Parse { .. } => {
                Some("A `tokenizer.json` is what `tokenizer.save(...)` of the `tokenizers` library writes".to_owned())
            }
            Self::NoRoom { .. } => Some("Raise the tokenizer's `max_length`".to_owned()),
            Self::Encode { .. } => Some(
                "Leave the text out, or part its longest word: what parts texts into words gives up on one of millions \
                 of letters"
                    .to_owned(),
            ),
            Self::Read { .. } => None,
        }
    }
}
