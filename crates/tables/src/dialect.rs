//! Detects the separator, quoting and line ending of a text file from its first bytes.

use std::collections::HashSet;

use memchr::memchr;

/// How a file separates fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) separator: u8,
    /// Whether fields may be enclosed in double quotes, as in RFC 4180.
    pub(crate) quotes: bool,
    /// Whether a backslash escapes a quote, a separator, a line break or a backslash.
    pub(crate) backslash: bool,
    /// Whether only the first separator of a line separates, as after the label in fastText's form.
    pub(crate) first_only: bool,
    /// The byte that ends a line.
    pub(crate) line_end: u8,
}

/// Possible separators, the most likely first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Maximum number of records or lines that are examined.
const SAMPLE_LINES: usize = 1000;

impl Dialect {
    /// Lines of text without fields.
    pub(crate) const LINES: Self = Self {
        separator: b'\n',
        quotes: false,
        backslash: false,
        first_only: false,
        line_end: b'\n',
    };

    /// Lines with a label and a text, as for fastText: `__label__2 A great film`.
    pub(crate) const FASTTEXT: Self = Self {
        separator: b' ',
        first_only: true,
        ..Self::LINES
    };

    /// The dialect of a file with this separator.
    pub(crate) fn with_separator(sample: &[u8], separator: u8) -> Self {
        let plain = Self::with_quotes(sample, separator, false);
        let escaped = Self::with_quotes(sample, separator, true);
        let is_better = || damage(sample, escaped) < damage(sample, plain);
        match memchr(b'\\', sample).is_some() && is_better() {
            true => escaped,
            false => plain,
        }
    }

    /// Tab-separated files escape tabs and do not quote, unless their fields show otherwise.
    fn with_quotes(sample: &[u8], separator: u8, backslash: bool) -> Self {
        let quoted = Self {
            separator,
            quotes: true,
            backslash,
            first_only: false,
            line_end: line_end(sample),
        };
        let quotes = separator != b'\t' || quotes_fields(sample, quoted);
        Self { quotes, ..quoted }
    }
}

/// Detects the dialect from a sample, whose last line may be incomplete. `is_txt` states that the file's name says
/// that it is plain text.
pub(crate) fn detect(sample: &[u8], is_txt: bool) -> Dialect {
    if let Some((separator, bytes)) = separator_line(sample) {
        return Dialect::with_separator(&sample[bytes..], separator);
    }
    let line_end = line_end(sample);
    let mut lines = sample.split(|byte| *byte == line_end);
    let lines_are_labelled = |line: &[u8]| line.is_empty() || line.starts_with(b"__label__");
    if sample.starts_with(b"__label__") && lines.all(lines_are_labelled) {
        return Dialect::FASTTEXT;
    }
    let found = SEPARATORS.map(|separator| Dialect::with_separator(sample, separator));
    let mut scores = Vec::from(found.map(|dialect| (score(sample, dialect), dialect)));
    scores.retain(|(score, _)| *score > 0.0);
    scores.sort_by(|one, two| two.0.total_cmp(&one.0));
    if scores.is_empty() {
        scores.push((0.0, found[0]));
    }
    let mut dialects = scores.into_iter().map(|(_, dialect)| dialect);
    let table = dialects.find(|dialect| !is_plain_text(sample, *dialect, is_txt));
    table.unwrap_or(Dialect::LINES)
}

/// Whether the lines of a file are texts and its separators are punctuation. In running text a comma is followed by
/// a space; the first line of a table has short names, or its first or last column has numbers or repeated values.
fn is_plain_text(sample: &[u8], dialect: Dialect, is_txt: bool) -> bool {
    let mut counts = separator_counts(sample, dialect);
    counts.sort_unstable();
    let is_regular = counts.first() == counts.last() && counts[0] > 0;
    let lines = sample.split(|byte| *byte == dialect.line_end);
    let lines = lines.filter(|line| !line.trim_ascii().is_empty());
    let lines: Vec<&[u8]> = lines.take(SAMPLE_LINES).collect();
    let is_separator = |byte: &u8| *byte == dialect.separator;
    let after = lines.iter().flat_map(|it| it.split(is_separator).skip(1));
    let after: Vec<&[u8]> = after.collect();
    let is_prose = |after: &&&[u8]| matches!(after.trim_ascii_end(), [] | [b' ', ..]);
    let (prose, separators) = (after.iter().filter(is_prose).count(), after.len());
    let is_punctuation = separators > 0 && prose * 20 >= separators * 19;
    let may_be_text = match is_txt {
        true => is_punctuation || !is_regular,
        false => is_punctuation,
    };
    let words = |field: &[u8]| {
        let words = field.split(u8::is_ascii_whitespace);
        words.filter(|it| !it.is_empty()).count()
    };
    let names = |line: &[u8]| {
        let mut fields = line.split(is_separator);
        let most = if is_punctuation { 1 } else { 6 };
        line.iter().any(is_separator) && fields.all(|field| (1..=most).contains(&words(field)))
    };
    let is_compact = |values: Vec<&[u8]>| {
        let is_number = |text: &str| text.trim().parse::<f64>().is_ok();
        let number = |value: &&[u8]| str::from_utf8(value).is_ok_and(is_number);
        let different = values.iter().collect::<HashSet<_>>().len();
        let are_short = values.iter().all(|value| words(value) <= 2);
        let are_numbers = values.iter().all(number);
        are_short && (are_numbers || different * 2 <= values.len())
    };
    let column = |is_last: bool| {
        let values = lines.iter().filter_map(|line| {
            let mut fields = line.split(is_separator);
            match is_last {
                true => fields.next_back(),
                false => fields.next(),
            }
        });
        is_compact(values.map(<[u8]>::trim_ascii).collect())
    };
    let is_table = || {
        (separators > 0 && quotes_fields(sample, dialect))
            || lines.first().is_some_and(|line| names(line))
            || (separators > 0 && (column(false) || column(true)))
    };
    may_be_text && !(separators == 0 && quotes_fields(sample, dialect)) && !is_table()
}

/// Returns the byte that ends a line: CR in files of old Macs, whose only LFs are in quoted fields, and LF in all
/// others.
pub(crate) fn line_end(sample: &[u8]) -> u8 {
    let (mut returns, mut feeds, mut in_quotes) = (0_usize, 0_usize, false);
    for pair in sample.windows(2) {
        match pair {
            [b'"', _] => in_quotes = !in_quotes,
            [b'\n', _] if !in_quotes => feeds += 1,
            // A CR at the end of the sample may be half of a CRLF.
            [b'\r', next] if !in_quotes && *next != b'\n' => returns += 1,
            _ => {}
        }
    }
    feeds += usize::from(!in_quotes && sample.ends_with(b"\n"));
    // A text of a file with LF may have some CRs.
    match returns > 10 * feeds {
        true => b'\r',
        false => b'\n',
    }
}

/// Finds Excel's separator line `sep=;` at the start. Returns the separator and the line's length in bytes.
pub(crate) fn separator_line(sample: &[u8]) -> Option<(u8, usize)> {
    let line_end = line_end(sample);
    let length = memchr(line_end, &sample[..sample.len().min(16)])?;
    let line = sample[..length].strip_suffix(b"\r");
    let line = line.unwrap_or(&sample[..length]);
    let unquoted = line.strip_prefix(b"\"");
    let unquoted = unquoted.and_then(|line| line.strip_suffix(b"\""));
    let (name, separator) = unquoted.unwrap_or(line).split_at_checked(4)?;
    match separator {
        [separator] if name.eq_ignore_ascii_case(b"sep=") && is_separator(*separator) => {
            Some((*separator, length + 1))
        }
        _ => None,
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'"')
}

/// Rates how regular the columns are: the share of records with the most common number of separators, plus a
/// small bonus for more columns. 0 if most records have no separator.
fn score(sample: &[u8], dialect: Dialect) -> f64 {
    let counts = separator_counts(sample, dialect);
    match most_common(&counts) {
        (0, _) => 0.0,
        (count, records) => records as f64 / counts.len() as f64 + 1e-3 * count.min(50) as f64,
    }
}

/// The most common number, and how often it occurs.
fn most_common(counts: &[usize]) -> (usize, usize) {
    let mut counts = counts.to_vec();
    counts.sort_unstable();
    let same = counts.chunk_by(|one, two| one == two);
    let same = same.max_by_key(|same| same.len()).unwrap_or_default();
    (same.first().copied().unwrap_or(0), same.len())
}

/// Number of stray quotes, and of records with another number of separators than most.
fn damage(sample: &[u8], dialect: Dialect) -> usize {
    let counts = separator_counts(sample, dialect);
    let other = counts.len() - most_common(&counts).1;
    let is_stray = |(at, state): &(usize, QuoteState)| {
        *state == QuoteState::Quote && closes_field(&sample[*at..], dialect) == Some(false)
    };
    other + states(sample, dialect).filter(is_stray).count()
}

/// Position of the next byte within a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote in a quoted field: the end of the field, or the first quote of an escaped pair.
    Quote,
    /// After a backslash that escapes, outside and within quotes.
    PlainEscape,
    QuotedEscape,
}

impl QuoteState {
    fn next(self, byte: u8, dialect: Dialect) -> Self {
        match (self, byte) {
            (Self::PlainEscape, _) => Self::Plain,
            (Self::Quoted, b'\\') if dialect.backslash => Self::QuotedEscape,
            (Self::FieldStart | Self::Plain, b'\\') if dialect.backslash => Self::PlainEscape,
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted | Self::QuotedEscape, _) => Self::Quoted,
            (Self::Quote | Self::FieldStart, b'"') if dialect.quotes => Self::Quoted,
            (_, byte) if byte == dialect.separator || byte == dialect.line_end => Self::FieldStart,
            _ => Self::Plain,
        }
    }

    /// Whether separators and line breaks are text.
    fn is_protected(self) -> bool {
        matches!(self, Self::Quoted | Self::QuotedEscape | Self::PlainEscape)
    }
}

/// The state before each byte of a sample, with the byte's position.
fn states(sample: &[u8], dialect: Dialect) -> impl Iterator<Item = (usize, QuoteState)> {
    let mut next = QuoteState::FieldStart;
    sample.iter().enumerate().map(move |(at, byte)| {
        let state = next;
        next = state.next(*byte, dialect);
        (at, state)
    })
}

/// Number of separators outside quotes in each complete record of the sample that is not an empty line.
fn separator_counts(sample: &[u8], dialect: Dialect) -> Vec<usize> {
    let (mut separator_counts, mut count, mut start) = (Vec::new(), 0, 0);
    let open = states(sample, dialect).filter(|(_, state)| !state.is_protected());
    for (at, _) in open {
        if sample[at] == dialect.line_end {
            if !sample[start..at].trim_ascii().is_empty() {
                separator_counts.push(count);
            }
            (count, start) = (0, at + 1);
            if separator_counts.len() == SAMPLE_LINES {
                return separator_counts;
            }
        } else if sample[at] == dialect.separator {
            count += 1;
        }
    }
    if separator_counts.is_empty() {
        separator_counts.push(count);
    }
    separator_counts
}

/// Whether a quote before these bytes closes a field: only spaces follow, and then a separator or the end of the
/// line. `None` if the bytes do not show it, or if the quote is the first of a pair.
fn closes_field(after: &[u8], dialect: Dialect) -> Option<bool> {
    let is_blank = |byte: u8| byte != dialect.line_end && matches!(byte, b' ' | b'\r');
    match after.iter().find(|byte| !is_blank(**byte)) {
        None => None,
        Some(b'"') if after[0] == b'"' => None,
        Some(next) => Some(*next == dialect.separator || *next == dialect.line_end),
    }
}

/// Detects whether fields that begin with a quote are quoted. They are not if text follows the closing
/// quote, as in reviews that begin with a quoted title, or if quotes would join lines that each have
/// the same number of separators.
fn quotes_fields(sample: &[u8], dialect: Dialect) -> bool {
    let (mut closes, mut joins_lines) = (false, false);
    for (at, state) in states(sample, dialect) {
        joins_lines |= state == QuoteState::Quoted && sample[at] == dialect.line_end;
        if state == QuoteState::Quote {
            match closes_field(&sample[at..], dialect) {
                Some(false) => return false,
                found => closes |= found.is_some(),
            }
        }
    }
    closes && !(joins_lines && lines_have_equal_counts(sample, dialect))
}

/// Whether all lines have the same number of separators, inside and outside quotes.
fn lines_have_equal_counts(sample: &[u8], dialect: Dialect) -> bool {
    let mut lines = sample.split(|byte| *byte == dialect.line_end);
    // The last line may be incomplete.
    lines.next_back();
    let is_separator = |byte: &&u8| **byte == dialect.separator;
    let count = |line: &[u8]| line.iter().filter(is_separator).count();
    let mut counts = lines.filter(|it| !it.trim_ascii().is_empty()).map(count);
    let first = counts.next().unwrap_or_default();
    first > 0 && counts.all(|count| count == first)
}

#[cfg(test)]
mod tests;
