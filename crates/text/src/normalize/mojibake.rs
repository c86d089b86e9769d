//! Repairs UTF-8 that was read as Windows-1252: `â€™` for an apostrophe, `Ã©` for é.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

/// Repairs such damage, even if it happened several times. Only runs of two to four characters whose bytes
/// are one non-ASCII character in UTF-8 are changed; a single `Ã` is a letter and is kept.
pub(super) fn repair(text: &str) -> Cow<'_, str> {
    let mut repaired = Cow::Borrowed(text);
    while let Some(better) = repair_once(&repaired) {
        repaired = Cow::Owned(better);
    }
    repaired
}

/// Returns `None` if there is nothing to repair.
fn repair_once(text: &str) -> Option<String> {
    // Every damaged run begins with a character from `Â` to `ô`, which begins with this byte in UTF-8.
    memchr::memchr(0xC3, text.as_bytes())?;
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(first) = rest.chars().next() {
        let found = run(rest);
        changed |= found.is_some();
        let (meant, length) = found.unwrap_or((first, first.len_utf8()));
        repaired.push(meant);
        rest = &rest[length..];
    }
    changed.then_some(repaired)
}

fn is_lead(character: char) -> bool {
    ('\u{c2}'..='\u{f4}').contains(&character)
}

/// The character meant by a run at the start of a text, and the length of the run in bytes.
fn run(text: &str) -> Option<(char, usize)> {
    let mut characters = text.char_indices();
    let (_, lead) = characters.next().filter(|(_, lead)| is_lead(*lead))?;
    let mut bytes = [byte(lead)?, 0, 0, 0];
    let count = match bytes[0] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    };
    let mut end = lead.len_utf8();
    for slot in &mut bytes[1..count] {
        let (at, character) = characters.next()?;
        *slot = byte(character).filter(|byte| (0x80..0xC0).contains(byte))?;
        end = at + character.len_utf8();
    }
    let meant = std::str::from_utf8(&bytes[..count]).ok()?.chars().next()?;
    Some((meant, end))
}

/// The byte of a character in Windows-1252, or in Latin-1 if Windows-1252 does not have it.
fn byte(character: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(character) {
        return Some(byte);
    }
    let mut buffer = [0; 4];
    let (bytes, _, is_unmappable) = WINDOWS_1252.encode(character.encode_utf8(&mut buffer));
    (!is_unmappable).then(|| bytes[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_repaired_and_letters_are_kept() {
        let check = |text: &str, expected: &str| assert_eq!(repair(text), expected, "{text}");
        check("It\u{e2}\u{20ac}\u{2122}s", "It\u{2019}s");
        check("It\u{e2}\u{80}\u{99}s", "It\u{2019}s");
        check("Am\u{c3}\u{a9}lie", "Am\u{e9}lie");
        check("\u{c3}\u{83}\u{c2}\u{a9}", "\u{e9}");
        check("\u{f0}\u{178}\u{2dc}\u{20ac}!", "\u{1f600}!");
        check("\u{c3}", "\u{c3}");
        check("S\u{c3}O PAULO", "S\u{c3}O PAULO");
        check("\u{c2} \u{c3}x", "\u{c2} \u{c3}x");
        check("na\u{ef}ve caf\u{e9}", "na\u{ef}ve caf\u{e9}");
        check("plain", "plain");
        check("", "");
    }
}
