//! How texts were normalised: it goes with them, so that a new text can be treated alike.

use serde::{Deserialize, Serialize};

/// The steps of the normalisation that were applied to the texts of an artifact, and to those that
/// whatever follows from it was made from. `text::normalize` applies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// The version of the steps, see [`Normalization::VERSION`].
    pub version: u32,
    /// Tags became a space, character references their character.
    pub html: bool,
    /// Unicode form NFC, plain quotes and dashes, no control characters.
    pub unicode: bool,
    /// Runs of white space became one space.
    pub white_space: bool,
    /// A score that a text states itself became `[score]`.
    pub mask_scores: bool,
}

impl Normalization {
    /// The version of the steps in `text::normalize`: raise it, and that of the stage `clean`, when a text
    /// comes out otherwise than before. A model whose texts were normalised by another version cannot
    /// be asked about a new text.
    pub const VERSION: u32 = 1;
}

impl Default for Normalization {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            html: true,
            unicode: true,
            white_space: true,
            mask_scores: false,
        }
    }
}
