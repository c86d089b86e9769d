//! A row on its way from a source to the tables, and why some do not get there.

use std::borrow::Cow;
use std::fmt;

use artifact::{Sentiment, Split};

/// Characters of a row that are kept to recognise it by.
const EXCERPT_CHARACTERS: usize = 200;

/// Characters of a value that are shown in a reason.
const VALUE_CHARACTERS: usize = 40;

/// A text whose bytes are none of its encoding.
pub(crate) const NOT_UTF_8: &str = "the text is not UTF-8";

/// An accepted review; what the source lacks is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Review<'a> {
    /// The text as it stands in the source.
    pub text: &'a str,
    /// What its author says of what it is about.
    pub label: Option<Sentiment>,
    /// The source's own split.
    pub split: Option<Split>,
    /// The author's rating, in the source's own scale.
    pub rating: Option<f32>,
    /// What must not stand on both sides of a split.
    pub group: Option<Cow<'a, str>>,
    /// What it is about.
    pub topic: Option<Cow<'a, str>>,
    /// Milliseconds since 1970, UTC.
    pub timestamp: Option<i64>,
}

/// Why a row is not among the reviews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Asked for by a setting, so no fault of the row.
    pub(crate) skipped: bool,
    /// The same for all rows of the kind, so that they can be counted together.
    pub(crate) summary: &'static str,
    /// What is special about this row.
    pub(crate) detail: Option<String>,
}

impl Reason {
    /// A fault of the row.
    pub(crate) fn rejected(summary: &'static str) -> Self {
        Self {
            skipped: false,
            summary,
            detail: None,
        }
    }

    /// Adds the value that is at fault.
    pub(crate) fn value(mut self, value: &str) -> Self {
        self.detail = Some(format!("`{}`", prefix(value, VALUE_CHARACTERS)));
        self
    }

    /// Adds an explanation.
    pub(crate) fn because(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    /// The `kind` column of `rejected.parquet`.
    pub(crate) fn kind(&self) -> &'static str {
        if self.skipped {
            "set_aside"
        } else {
            "rejected"
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(formatter, "{}: {detail}", self.summary),
            None => formatter.write_str(self.summary),
        }
    }
}

/// A row that is kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExcludedRow {
    /// File or archive member.
    pub(crate) source: String,
    /// From 1; 1 for a file that is one review.
    pub(crate) line: u64,
    pub(crate) reason: Reason,
    pub(crate) excerpt: String,
}

impl ExcludedRow {
    /// A file that is one review, or should be.
    pub(crate) fn file(source: String, reason: Reason, content: &[u8]) -> Self {
        Self {
            source,
            line: 1,
            reason,
            excerpt: excerpt(content),
        }
    }
}

/// The first 200 characters of what may not even be text.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    // Four bytes are the longest character.
    let start = &bytes[..bytes.len().min(4 * EXCERPT_CHARACTERS)];
    prefix(&String::from_utf8_lossy(start), EXCERPT_CHARACTERS).to_owned()
}

/// A text to be shown, with dots in place of what is beyond so many characters.
pub(crate) fn truncate_text(text: &str, characters: usize) -> String {
    let shown = prefix(text, characters);
    let dots = if shown.len() < text.len() { "..." } else { "" };
    format!("{shown}{dots}")
}

fn prefix(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.map_or(text, |(end, _)| &text[..end])
}

/// The text of a review, if these bytes can be one.
pub(crate) fn check_text(bytes: &[u8], max_bytes: usize) -> Result<&str, Reason> {
    if bytes.len() > max_bytes {
        return Err(Reason::rejected(
            "the text is longer than `ingest.max_text_bytes`",
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Reason::rejected(NOT_UTF_8).because(format!("at byte {}", error.valid_up_to() + 1))
    })?;
    if text.contains('\0') {
        return Err(Reason::rejected("the text has NUL characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text() {
        let check = |bytes: &[u8], expected: Result<&str, &str>| {
            let found = check_text(bytes, 8);
            assert_eq!(
                found
                    .as_ref()
                    .map(|text| *text)
                    .map_err(|reason| reason.summary),
                expected,
                "{bytes:?}"
            );
        };
        check(b"fine", Ok("fine"));
        check("\u{e9}t\u{e9}".as_bytes(), Ok("\u{e9}t\u{e9}"));
        check(b"", Ok(""));
        check(b"12345678", Ok("12345678"));
        check(
            b"123456789",
            Err("the text is longer than `ingest.max_text_bytes`"),
        );
        check(b"caf\xe9", Err("the text is not UTF-8"));
        check(b"a\0b", Err("the text has NUL characters"));
    }

    #[test]
    fn excerpts_are_short_and_text() {
        assert_eq!(excerpt(b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(
            excerpt("\u{1f600}".repeat(500).as_bytes()).chars().count(),
            EXCERPT_CHARACTERS
        );
        assert_eq!(excerpt(&[b'a'; 5000]).len(), EXCERPT_CHARACTERS);
    }
}
