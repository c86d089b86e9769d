//! Characters in their plain form.

/// What becomes of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Keep,
    /// Another character or several.
    Replace(&'static str),
    /// Another character that has no static text.
    Become(char),
    /// Nothing.
    Remove,
    /// Invisible by itself and part of the character before it: of an emoji, a flag, a letter of a
    /// script that joins.
    Join,
}

/// The plain form of a character that is not ASCII, or a control character.
pub(super) fn plain(character: char) -> Plain {
    use Plain::{Become, Join, Keep, Remove, Replace};
    match character {
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' => Keep,
        '\0'..='\u{1f}' | '\u{7f}' => Remove,
        // A line break that few programs know, and one for paragraphs.
        '\u{2028}' | '\u{2029}' => Replace("\n"),
        // No text has C1 controls. It was written in Windows-1252 and read as Latin-1.
        '\u{80}'..='\u{9f}' => match windows_1252(character) {
            Some(meant) => match plain(meant) {
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
        // A long dash stands between words, and must not join them as a hyphen does.
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

/// What the byte of a C1 control means in Windows-1252, `None` where it means nothing there.
pub(super) fn windows_1252(control: char) -> Option<char> {
    const MEANT: [Option<char>; 32] = [
        Some('\u{20ac}'),
        None,
        Some('\u{201a}'),
        Some('\u{192}'),
        Some('\u{201e}'),
        Some('\u{2026}'),
        Some('\u{2020}'),
        Some('\u{2021}'),
        Some('\u{2c6}'),
        Some('\u{2030}'),
        Some('\u{160}'),
        Some('\u{2039}'),
        Some('\u{152}'),
        None,
        Some('\u{17d}'),
        None,
        None,
        Some('\u{2018}'),
        Some('\u{2019}'),
        Some('\u{201c}'),
        Some('\u{201d}'),
        Some('\u{2022}'),
        Some('\u{2013}'),
        Some('\u{2014}'),
        Some('\u{2dc}'),
        Some('\u{2122}'),
        Some('\u{161}'),
        Some('\u{203a}'),
        Some('\u{153}'),
        None,
        Some('\u{17e}'),
        Some('\u{178}'),
    ];
    let position = u32::from(control).checked_sub(0x80)?;
    MEANT.get(position as usize).copied().flatten()
}
