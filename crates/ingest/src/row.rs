//! A review from a source, and the rows that are rejected or skipped.

use std::borrow::Cow;
use std::fmt;

use artifact::{Sentiment, Split};

/// Number of characters by which a row can be recognised.
const EXCERPT_CHARACTERS: usize = 200;

/// Maximum number of characters of a value in a reason.
const VALUE_CHARACTERS: usize = 40;

/// Reason for a text with bytes that its encoding, such as UTF-8, does not have.
pub(crate) const NOT_IN_ENCODING: &str = "the text has bytes that are invalid in its encoding";

/// Reason for a row that does not have one field per column.
pub(crate) const WRONG_WIDTH: &str = "the row has another number of columns than the first";

/// An accepted review. A value that the source lacks is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Review<'a> {
    /// The text, unchanged.
    pub text: &'a str,
    /// The sentiment that the author or an annotator stated.
    pub label: Option<Sentiment>,
    /// The split in the source.
    pub split: Option<Split>,
    /// The rating, on the source's own scale.
    pub rating: Option<f32>,
    /// Reviews of one group stay on one side of the split.
    pub group: Option<Cow<'a, str>>,
    /// What the review is about.
    pub topic: Option<Cow<'a, str>>,
    /// Milliseconds since 1970, UTC.
    pub timestamp: Option<i64>,
}

/// Why a row is not among the reviews.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reason {
    /// True if a setting excludes the row; false if the row is invalid.
    pub(crate) skipped: bool,
    /// The same text for all rows of this kind, which are counted together.
    pub(crate) summary: &'static str,
    /// The role of the column with an invalid value, as in `[ingest.columns]`.
    pub(crate) role: Option<&'static str>,
    /// Details of this row.
    pub(crate) detail: Option<String>,
}

impl Reason {
    /// Creates a reason for an invalid row.
    pub(crate) fn rejected(summary: &'static str) -> Self {
        Self {
            summary,
            ..Self::default()
        }
    }

    /// Adds the invalid value and the role of its column.
    pub(crate) fn of(self, role: &'static str, value: &str) -> Self {
        Self {
            role: Some(role),
            ..self.because(format!("`{}`", prefix(value, VALUE_CHARACTERS)))
        }
    }

    /// Adds an explanation.
    pub(crate) fn because(mut self, detail: String) -> Self {
        self.detail = Some(detail);
        self
    }

    /// What happens to the row, for people.
    pub(crate) fn outcome(&self) -> &'static str {
        if self.skipped { "skipped" } else { "rejected" }
    }

    /// The value of the column `kind` in `rejected.parquet`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.skipped {
            true => "set_aside",
            false => "rejected",
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

/// A row that was rejected or skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExcludedRow {
    /// The file or the archive member.
    pub(crate) source: String,
    /// Line number from 1; 1 for a file with a single review.
    pub(crate) line: u64,
    pub(crate) reason: Reason,
    pub(crate) excerpt: String,
}

impl ExcludedRow {
    /// Creates an entry for a file with a single review.
    pub(crate) fn file(source: String, reason: Reason, content: &[u8]) -> Self {
        Self {
            source,
            line: 1,
            reason,
            excerpt: excerpt(content),
        }
    }
}

/// The first 200 characters of bytes that may be invalid UTF-8.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    // A character has at most four bytes.
    let start = &bytes[..bytes.len().min(4 * EXCERPT_CHARACTERS)];
    prefix(&String::from_utf8_lossy(start), EXCERPT_CHARACTERS).to_owned()
}

/// Shortens a text for display and marks the cut with dots.
pub(crate) fn truncate(text: &str, characters: usize) -> String {
    let shown = prefix(text, characters);
    let dots = if shown.len() < text.len() { "..." } else { "" };
    format!("{shown}{dots}")
}

fn prefix(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Checks the text of a review.
pub(crate) fn check_text(bytes: &[u8], max_bytes: usize) -> Result<&str, Reason> {
    if bytes.len() > max_bytes {
        let problem = "the text is longer than `ingest.max_text_bytes`";
        return Err(Reason::rejected(problem));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let position = valid.chars().count() + 1;
        Reason::rejected(NOT_IN_ENCODING).because(format!("at character {position}"))
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
    fn texts_are_checked() {
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
        check(b"caf\xe9", Err(NOT_IN_ENCODING));
        check(b"a\0b", Err("the text has NUL characters"));
    }

    #[test]
    fn excerpts_are_short_and_valid_text() {
        assert_eq!(excerpt(b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(
            excerpt("\u{1f600}".repeat(500).as_bytes()).chars().count(),
            EXCERPT_CHARACTERS
        );
        assert_eq!(excerpt(&[b'a'; 5000]).len(), EXCERPT_CHARACTERS);
    }
}
