//! Replaces typographic and invisible characters.

use encoding_rs::WINDOWS_1252;

/// How a character is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    Keep,
    /// Becomes one or several ASCII characters.
    Replace(&'static str),
    /// Becomes another character.
    Become(char),
    Remove,
    /// Invisible, but part of the character before it in an emoji, a flag or a joining script.
    Join,
}

/// The replacement of a control character or a non-ASCII character.
pub(super) fn replacement(character: char) -> Replacement {
    use Replacement::{Become, Join, Keep, Remove, Replace};
    match character {
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' => Keep,
        '\0'..='\u{1f}' | '\u{7f}' => Remove,
        // The line separator and the paragraph separator.
        '\u{2028}' | '\u{2029}' => Replace("\n"),
        // C1 controls are not used in texts: they are Windows-1252 read as Latin-1.
        '\u{80}'..='\u{9f}' => match windows_1252(character) {
            Some(meant) => match replacement(meant) {
                Keep => Become(meant),
                other => other,
            },
            None => Remove,
        },
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{b4}' | '\u{2039}'
        | '\u{203a}' => Replace("'"),
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => {
            Replace("\"")
        }
        '\u{2010}'..='\u{2013}' | '\u{2212}' => Replace("-"),
        // A long dash separates words, and must not join them as a hyphen does.
        '\u{2014}' | '\u{2015}' => Replace(" - "),
        '\u{2026}' => Replace("..."),
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}' => Join,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{feff}' => Remove,
        '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e001f}' => Remove,
        _ => Keep,
    }
}

/// The Windows-1252 character of a C1 control; `None` if there is none.
pub(super) fn windows_1252(control: char) -> Option<char> {
    let byte = u8::try_from(control).ok()?;
    let (meant, _) = WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
    meant.chars().next().filter(|meant| *meant != control)
}
