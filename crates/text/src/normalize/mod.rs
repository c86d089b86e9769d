//! Normalises texts. Training and prediction use the same functions.

mod characters;
mod mojibake;
mod reduce;
mod references;
mod scores;
mod tags;

use std::borrow::Cow;

use artifact::Normalization;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use scores::states_score;

/// Applies these steps to a text. Applying them again changes nothing.
///
/// - `html`: tags of known elements (`<br />`) and comments become a space, and character references (`&amp;`,
///   `&#345;`) become their character, even if escaped several times. `<3` and `<grin>` are not tags.
/// - `unicode`: form NFC; curly quotes, dashes and ellipses become ASCII; control and invisible characters are
///   removed, except those that join emoji. C1 controls become the Windows-1252 characters that were meant,
///   and UTF-8 that was read as Windows-1252 (`Ã©`) is repaired.
/// - `mask_scores`: a stated score (`7/10`) becomes `[score]`.
/// - `white_space`: each run of Unicode white space becomes one space, with none at the start or end.
///
/// Case, punctuation, emoticons and emoji are kept, because they express sentiment.
pub fn normalize(text: &str, steps: &Normalization) -> String {
    let mut normalised = normalize_once(text, steps);
    // Decoded references may reveal another damaged run.
    while steps.unicode
        && let Cow::Owned(repaired) = mojibake::repair(&normalised)
    {
        normalised = normalize_once(&repaired, steps);
    }
    if steps.mask_scores
        && let Cow::Owned(masked) = scores::mask(&normalised)
    {
        return masked;
    }
    normalised
}

/// Whether a text was decoded with the wrong encoding: it has C1 controls, or UTF-8 read as Windows-1252.
pub fn is_damaged(text: &str) -> bool {
    text.contains(|character: char| ('\u{80}'..='\u{9f}').contains(&character))
        || matches!(mojibake::repair(text), Cow::Owned(_))
}

fn normalize_once(text: &str, steps: &Normalization) -> String {
    let text = &*match steps.unicode {
        true => mojibake::repair(text),
        false => Cow::Borrowed(text),
    };
    let reduce = |text: &str| reduce::reduce(text, steps.html, steps.unicode);
    let mut reduced = match steps.unicode && !is_composed(text) {
        true => reduce(&text.nfc().collect::<String>()),
        false => reduce(text),
    };
    // A decoded character, or one after a removed character, may combine with its neighbour. This can remove
    // a `<` and complete the tag around it, so the text is reduced again. It ends, because the second round
    // finds no references.
    while steps.unicode && !is_composed(&reduced) {
        reduced = reduce(&reduced.nfc().collect::<String>());
    }
    match steps.white_space {
        true => reduced.split_whitespace().collect::<Vec<_>>().join(" "),
        false => reduced,
    }
}

/// Whether a text is in form NFC already, as almost all texts are.
fn is_composed(text: &str) -> bool {
    text.is_ascii()
        || is_nfc_quick(text.chars()) == IsNormalized::Yes
        || text.nfc().eq(text.chars())
}

#[cfg(test)]
mod tests;
