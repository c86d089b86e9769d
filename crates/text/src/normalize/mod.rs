//! One text, normalised. Plain functions of a string, so that whoever judges new text later can
//! treat it exactly as the training text was treated.

mod mojibake;
mod plain;
mod reduce;
mod references;
mod scores;
mod tags;

use std::borrow::Cow;

use artifact::Normalization;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use scores::states_score;

use reduce::reduced;

/// The text with these steps applied. Applied twice it changes nothing
/// more, whatever the text.
///
/// - `html`: tags of known elements (`<br />`) and comments become a space, character references
///   (`&amp;`, `&#345;`) their character, however often they were escaped. `<3` and `<grin>` are
///   no tags and stay.
/// - `unicode`: form NFC; curly quotes, dashes and the ellipsis in their plain form; control and
///   invisible characters removed, except those that join emoji; C1 controls, which are what is
///   left of mis-decoded Windows-1252, become what was meant.
///   UTF-8 that was read as Windows-1252 (`Ã©`) is undone.
/// - `mask_scores`: a score that the text states itself (`7/10`) becomes `[score]`.
/// - `white_space`: every run of white space (of Unicode) becomes one space, none at the ends.
///
/// Case, punctuation, emoticons and emoji stay: they carry sentiment.
pub fn normalize(text: &str, steps: &Normalization) -> String {
    let mut normalised = normalize_once(text, steps);
    // A damaged run may come to light only when references in it were decoded.
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

/// Whether characters of a text had been decoded wrongly: C1 controls, or UTF-8 read as
/// Windows-1252.
pub fn is_damaged(text: &str) -> bool {
    text.contains(|character: char| ('\u{80}'..='\u{9f}').contains(&character))
        || matches!(mojibake::repair(text), Cow::Owned(_))
}

fn normalize_once(text: &str, steps: &Normalization) -> String {
    let text = &*if steps.unicode {
        mojibake::repair(text)
    } else {
        Cow::Borrowed(text)
    };
    let reduce = |text: &str| reduced(text, steps.html, steps.unicode);
    let mut reduced = if steps.unicode && !is_composed(text) {
        reduce(&text.nfc().collect::<String>())
    } else {
        reduce(text)
    };
    // A character that was decoded, or moved up to another by a removal, may combine with it. That
    // can hide a `<` and thereby complete a tag around it, so the text goes through once more. A
    // second round finds no references, so it ends.
    while steps.unicode && !is_composed(&reduced) {
        reduced = reduce(&reduced.nfc().collect::<String>());
    }
    if steps.white_space {
        reduced.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        reduced
    }
}

/// Whether a text is surely in form NFC already; nearly every one is.
fn is_composed(text: &str) -> bool {
    text.is_ascii()
        || is_nfc_quick(text.chars()) == IsNormalized::Yes
        || text.nfc().eq(text.chars())
}

#[cfg(test)]
mod tests;
