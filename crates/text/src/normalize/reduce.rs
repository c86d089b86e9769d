//! Tags and references, undone in one pass.
//!
//! Decoding a text again and again until nothing changes is needed (`&amp;lt;br&amp;gt;` is a line
//! break) and takes quadratic time on a text made for it. So the output is kept reduced at every
//! moment instead: a character that completes a reference or a tag at the end of the output
//! replaces it there and then, and what it becomes may complete another. Every step but the first
//! shortens the output, so the time is linear.

use smallvec::{SmallVec, smallvec};
use unicode_normalization::UnicodeNormalization;

use super::plain::{Plain, plain};
use super::references::{self, decode};
use super::tags::is_tag;

/// Bytes that need a look: those that complete something, control characters, and all of what is
/// not ASCII.
fn needs_a_look(byte: u8) -> bool {
    matches!(byte, ..0x20 | 0x7f.. | b'<' | b'>' | b';')
}

/// A text, already composed where `unicode` is asked for, with its tags and references undone.
pub(super) fn reduced(text: &str, html: bool, unicode: bool) -> String {
    let mut reducer = Reducer {
        html,
        unicode,
        output: String::with_capacity(text.len()),
        opened: Vec::new(),
    };
    reducer.push_text(text);
    reducer.output
}

struct Reducer {
    html: bool,
    unicode: bool,
    output: String,
    /// Where in the output a `<` stands that may begin a tag.
    opened: Vec<usize>,
}

impl Reducer {
    fn push_text(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let plain = rest.bytes().position(needs_a_look).unwrap_or(rest.len());
            let (copied, remaining) = rest.split_at(plain);
            self.output.push_str(copied);
            let mut characters = remaining.chars();
            if let Some(character) = characters.next() {
                self.push_plain(character);
            }
            rest = characters.as_str();
        }
    }

    /// Adds a character in its plain form.
    fn push_plain(&mut self, character: char) {
        if !self.unicode {
            return self.push(character);
        }
        match plain(character) {
            Plain::Keep => self.push(character),
            Plain::Become(other) => self.push(other),
            Plain::Replace(text) => self.output.push_str(text),
            Plain::Join if self.ends_in_a_joining_character() => self.push(character),
            Plain::Join | Plain::Remove => {}
        }
    }

    fn ends_in_a_joining_character(&self) -> bool {
        let last = self.output.chars().next_back();
        last.is_some_and(|last| !last.is_ascii() && !last.is_whitespace())
    }

    /// Adds a character and whatever follows from it.
    fn push(&mut self, character: char) {
        match character {
            '<' if self.html => {
                self.opened.push(self.output.len());
                self.output.push('<');
            }
            '>' if self.html => self.close_tag(),
            ';' if self.html => self.close_references(),
            other => self.output.push(other),
        }
    }

    fn close_tag(&mut self) {
        let open = self.opened.last().copied();
        let tag = open.filter(|open| is_tag(&self.output[open + 1..]));
        match tag {
            Some(open) => {
                self.opened.pop();
                self.output.truncate(open);
                self.output.push(' ');
            }
            // A tag has no `>` inside, so this one ends the hopes of all before it.
            None => {
                self.opened.clear();
                self.output.push('>');
            }
        }
    }

    /// Adds a `;`. A loop and not a recursion, because what it completes may be another `;`.
    fn close_references(&mut self) {
        loop {
            self.output.push(';');
            let Some((start, character)) = self.last_reference() else {
                return;
            };
            self.output.truncate(start);
            let characters = self.canonical(character);
            if characters[..] != [';'] {
                return characters
                    .into_iter()
                    .for_each(|character| self.push_plain(character));
            }
        }
    }

    /// The reference that the output ends in: where it starts and what it means.
    fn last_reference(&self) -> Option<(usize, char)> {
        let bytes = self.output.as_bytes();
        let earliest = bytes.len().saturating_sub(references::LONGEST);
        let body = bytes[earliest..bytes.len() - 1]
            .iter()
            .rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'#')?;
        let start = earliest + body;
        if bytes[start] != b'&' {
            return None;
        }
        decode(&self.output[start + 1..bytes.len() - 1]).map(|character| (start, character))
    }

    /// A decoded character was not there when the text was brought into form NFC. Some characters
    /// are ASCII in that form: the Greek question mark is a semicolon.
    fn canonical(&self, character: char) -> SmallVec<[char; 2]> {
        if self.unicode {
            std::iter::once(character).nfc().collect()
        } else {
            smallvec![character]
        }
    }
}
