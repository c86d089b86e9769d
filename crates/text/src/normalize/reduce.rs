//! Removes tags and decodes character references in one pass.
//!
//! A text such as `&amp;lt;br&amp;gt;` must be decoded repeatedly. Repeating a full pass would take quadratic
//! time on malicious texts. Therefore the output is reduced while it is written: a character that completes a
//! reference or a tag at the end of the output replaces it, and the result may complete another one. Every
//! replacement shortens the output, so the time is linear.

use smallvec::{SmallVec, smallvec};
use unicode_normalization::UnicodeNormalization;

use super::characters::{Replacement, replacement};
use super::references::{self, decode};
use super::tags::is_tag;

/// Whether a byte needs handling: it may complete a tag or reference, is a control character, or is not ASCII.
fn needs_handling(byte: u8) -> bool {
    matches!(byte, ..0x20 | 0x7f.. | b'<' | b'>' | b';')
}

/// Removes the tags and decodes the references of a text if `html` is set. With `unicode`, the text must be in
/// form NFC, and typographic characters are replaced too.
pub(super) fn reduce(text: &str, html: bool, unicode: bool) -> String {
    let mut reducer = Reducer {
        html,
        unicode,
        output: String::with_capacity(text.len()),
        tag_starts: Vec::new(),
    };
    reducer.push_text(text);
    reducer.output
}

struct Reducer {
    html: bool,
    unicode: bool,
    output: String,
    /// Positions in the output of each `<` that may begin a tag.
    tag_starts: Vec<usize>,
}

impl Reducer {
    fn push_text(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let plain = rest.bytes().position(needs_handling).unwrap_or(rest.len());
            let (copied, remaining) = rest.split_at(plain);
            self.output.push_str(copied);
            let mut characters = remaining.chars();
            if let Some(character) = characters.next() {
                self.push_replacement(character);
            }
            rest = characters.as_str();
        }
    }

    /// Appends a character after replacing typographic characters.
    fn push_replacement(&mut self, character: char) {
        if !self.unicode {
            return self.push(character);
        }
        match replacement(character) {
            Replacement::Keep => self.push(character),
            Replacement::Become(other) => self.push(other),
            Replacement::Replace(text) => self.output.push_str(text),
            Replacement::Join if self.ends_in_a_joining_character() => self.push(character),
            Replacement::Join | Replacement::Remove => {}
        }
    }

    fn ends_in_a_joining_character(&self) -> bool {
        let last = self.output.chars().next_back();
        last.is_some_and(|last| !last.is_ascii() && !last.is_whitespace())
    }

    /// Appends a character and completes tags and references.
    fn push(&mut self, character: char) {
        match character {
            '<' if self.html => {
                self.tag_starts.push(self.output.len());
                self.output.push('<');
            }
            '>' if self.html => self.close_tag(),
            ';' if self.html => self.close_references(),
            other => self.output.push(other),
        }
    }

    fn close_tag(&mut self) {
        let open = self.tag_starts.last().copied();
        let tag = open.filter(|open| is_tag(&self.output[open + 1..]));
        match tag {
            Some(open) => {
                self.tag_starts.pop();
                self.output.truncate(open);
                self.output.push(' ');
            }
            // A tag contains no `>`, so no earlier `<` can begin a tag.
            None => {
                self.tag_starts.clear();
                self.output.push('>');
            }
        }
    }

    /// Appends a `;`. A loop instead of recursion, because the decoded character may be another `;`.
    fn close_references(&mut self) {
        loop {
            self.output.push(';');
            let Some((start, character)) = self.last_reference() else {
                return;
            };
            self.output.truncate(start);
            let characters = self.to_nfc(character);
            if characters[..] != [';'] {
                let characters = characters.into_iter();
                return characters.for_each(|character| self.push_replacement(character));
            }
        }
    }

    /// The reference at the end of the output: its start and its character.
    fn last_reference(&self) -> Option<(usize, char)> {
        let bytes = self.output.as_bytes();
        let earliest = bytes.len().saturating_sub(references::MAX_BYTES);
        let is_outside = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'#';
        let searched = &bytes[earliest..bytes.len() - 1];
        let body = searched.iter().rposition(is_outside)?;
        let start = earliest + body;
        if bytes[start] != b'&' {
            return None;
        }
        decode(&self.output[start + 1..bytes.len() - 1]).map(|character| (start, character))
    }

    /// Converts a decoded character to form NFC. Some become ASCII: the Greek question mark becomes a semicolon.
    fn to_nfc(&self, character: char) -> SmallVec<[char; 2]> {
        match self.unicode {
            true => std::iter::once(character).nfc().collect(),
            false => smallvec![character],
        }
    }
}
