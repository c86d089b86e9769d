//! How texts were normalised. Artifacts and bundles store it, so new texts can be normalised in the same way.

use serde::{Deserialize, Serialize};

/// The normalisation steps of the texts of an artifact and of all artifacts after it. `text::normalize` applies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// The version of the steps, see [`Normalization::VERSION`].
    pub version: u32,
    /// Tags are replaced by a space, and character references by their character.
    pub html: bool,
    /// Unicode form NFC, plain quotes and dashes, no control characters.
    pub unicode: bool,
    /// White space is replaced by single spaces.
    pub white_space: bool,
    /// A score stated in the text, for example `7/10`, is replaced by `[score]`.
    pub mask_scores: bool,
}

impl Normalization {
    /// The version of `text::normalize`. Raise it, and the version of the stage `clean`, if the result for any text
    /// changes. A model whose texts were normalised by another version cannot predict new texts.
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
