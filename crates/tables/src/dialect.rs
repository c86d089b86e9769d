//! Detects the separator, quoting and line ending of a text file from its first bytes.

use memchr::memchr;

/// How a file separates fields.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dialect {
    pub(crate) separator: u8,
    /// Whether fields may be enclosed in double quotes, as in RFC 4180.
    pub(crate) quotes: bool,
}

/// Possible separators, the most likely first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Maximum number of records that are examined.
const SAMPLE_LINES: usize = 50;

/// Detects the dialect from a sample, whose last line may be incomplete.
pub(crate) fn detect(sample: &[u8]) -> Dialect {
    let declared = separator_line(sample);
    let sample = declared.map_or(sample, |(_, bytes)| &sample[bytes..]);
    let separator = declared.map_or_else(|| most_likely_separator(sample), |(found, _)| found);
    // Tab-separated files escape tabs and do not quote, unless their fields show otherwise.
    let quotes = separator != b'\t' || quotes_fields(sample, separator);
    Dialect { separator, quotes }
}

/// Returns the byte that ends a line: CR in files of old Macs, which contain no LF, and LF in all others.
pub(crate) fn line_end(sample: &[u8]) -> u8 {
    // A CR at the end of the sample may be half of a CRLF.
    let inner = sample.split_last().map_or(sample, |(_, inner)| inner);
    match memchr(b'\n', sample).is_none() && memchr(b'\r', inner).is_some() {
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

fn most_likely_separator(sample: &[u8]) -> u8 {
    let scores = SEPARATORS.map(|separator| (score(sample, separator), separator));
    // Of equal scores the last separator wins.
    let best = scores.into_iter().rev();
    let best = best.max_by(|one, two| one.0.total_cmp(&two.0));
    best.filter(|(score, _)| *score > 0.0)
        .map_or(b',', |(_, separator)| separator)
}

/// Rates how regular the columns are: the share of records with the most common number of separators, plus a
/// small bonus for more columns. 0 if most records have no separator.
fn score(sample: &[u8], separator: u8) -> f64 {
    let mut counts = separator_counts(sample, separator);
    counts.sort_unstable();
    let same = counts.chunk_by(|one, two| one == two);
    match same.max_by_key(|same| same.len()) {
        None | Some([0, ..]) => 0.0,
        Some(same) => same.len() as f64 / counts.len() as f64 + 1e-3 * same[0].min(50) as f64,
    }
}

/// Position of the next byte within a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote in a quoted field: the end of the field, or the first quote of an escaped pair.
    Quote,
}

impl QuoteState {
    fn next(self, byte: u8, separator: u8, line_end: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) | (Self::Quote | Self::FieldStart, b'"') => Self::Quoted,
            (_, byte) if byte == separator || byte == line_end => Self::FieldStart,
            _ => Self::Plain,
        }
    }
}

/// Number of separators outside quotes in each complete record of the sample.
fn separator_counts(sample: &[u8], separator: u8) -> Vec<usize> {
    let line_end = line_end(sample);
    let (mut separator_counts, mut count, mut state) = (Vec::new(), 0, QuoteState::FieldStart);
    for byte in sample.iter().copied() {
        if byte == line_end && state != QuoteState::Quoted {
            separator_counts.push(count);
            count = 0;
        } else if byte == separator && state != QuoteState::Quoted {
            count += 1;
        }
        state = state.next(byte, separator, line_end);
        if separator_counts.len() == SAMPLE_LINES {
            return separator_counts;
        }
    }
    if separator_counts.is_empty() {
        separator_counts.push(count);
    }
    separator_counts
}

/// Detects whether fields that begin with a quote are quoted. They are not if text follows the closing
/// quote, as in reviews that begin with a quoted title, or if quotes would join lines that each have
/// the same number of separators.
fn quotes_fields(sample: &[u8], separator: u8) -> bool {
    let line_end = line_end(sample);
    let (mut state, mut closes, mut joins_lines) = (QuoteState::FieldStart, false, false);
    for (at, byte) in sample.iter().copied().enumerate() {
        joins_lines |= state == QuoteState::Quoted && byte == line_end;
        if state == QuoteState::Quote && byte != b'"' {
            let is_blank = |byte: u8| byte != line_end && matches!(byte, b' ' | b'\r');
            let next = sample[at..].iter().find(|byte| !is_blank(**byte));
            match next {
                Some(next) if *next == separator || *next == line_end => closes = true,
                Some(_) => return false,
                None => {}
            }
        }
        state = state.next(byte, separator, line_end);
    }
    closes && !(joins_lines && lines_have_equal_counts(sample, separator, line_end))
}

/// Whether all lines have the same number of separators, inside and outside quotes.
fn lines_have_equal_counts(sample: &[u8], separator: u8, line_end: u8) -> bool {
    let mut lines = sample.split(|byte| *byte == line_end);
    // The last line may be incomplete.
    lines.next_back();
    let count = |line: &[u8]| line.iter().filter(|byte| **byte == separator).count();
    let mut counts = lines.filter(|it| !it.trim_ascii().is_empty()).map(count);
    let first = counts.next().unwrap_or_default();
    first > 0 && counts.all(|count| count == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_quotes_are_detected() {
        let check = |sample: &str, separator: u8, quotes: bool| {
            let found = detect(sample.as_bytes());
            assert_eq!(
                (found.separator, found.quotes),
                (separator, quotes),
                "{sample:?}"
            );
        };
        check(
            "review,sentiment\n\"a, b; c\nd\",positive\nx,negative\n",
            b',',
            true,
        );
        check("a;b;c\n1;2,5;3\n4;5,5;6\n", b';', true);
        check(
            "1\t-2.5\tso, so\n2\t3.0\tfine, \"really\" fine\n",
            b'\t',
            false,
        );
        check("id\ttext\n1\t\"a\tb\"\n2\t\"c\"\n", b'\t', true);
        check("a|b\nc, d|e\n", b'|', true);
        check("text\nonly one, column\nhere\n", b',', true);
        check("", b',', true);
        check("text,label", b',', true);
        // Escaped quotes in quoted fields.
        check(
            "text,label\n\"\"\"Heat\"\" | A film\",pos\n\"\"\"Speed\"\" | So, so\",neg\n",
            b',',
            true,
        );
        check("a\rb;c\r\"d\r;\";e\r", b';', true);
        check("sep=|\r\na;b|c,d\r\n", b'|', true);
        check("sep=\t\na;b\tc;d\n", b'\t', false);
    }

    #[test]
    fn quotes_in_tab_separated_files_are_detected() {
        let check = |sample: &str, quotes: bool| {
            assert_eq!(detect(sample.as_bytes()).quotes, quotes, "{sample:?}");
        };
        check(
            "text\tlabel\n\"Heat\" is fine\tpos\n\"So so\"\tneg\n",
            false,
        );
        check("text\tlabel\n\"Heat\"\tpos\n\"So \"\"so\"\"\" \r\n", true);
        check("text\tlabel\n\"two\nlines\"\tpos\nfine\tneg\n", true);
        // Two quotes that open a field and would join lines that need no quotes.
        check("text\tlabel\n\"Heat\tpos\nof \"it\"\tneg\n", false);
        check("text\tlabel\n\"Heat is fine\tpos\nso the \"\tneg\n", false);
        // A quote at the end of the sample is ignored.
        check("text\tlabel\n\"Heat\"\tpos\n\"So\"", true);
        check("text\tlabel\n\"Heat\tpos\n", false);
    }

    #[test]
    fn line_ends() {
        let check = |sample: &str, expected: u8| {
            assert_eq!(line_end(sample.as_bytes()), expected, "{sample:?}");
        };
        check("a,b\rc,d\r", b'\r');
        check("a,b\r\nc,d\r\n", b'\n');
        check("a\rb,c\n", b'\n');
        check("a,b\r", b'\n');
        check("a,b", b'\n');
        check("", b'\n');
    }

    #[test]
    fn excel_separator_lines_are_found() {
        let check = |sample: &str, expected: Option<(u8, usize)>| {
            assert_eq!(separator_line(sample.as_bytes()), expected, "{sample:?}");
        };
        check("sep=;\r\na;b\r\n", Some((b';', 7)));
        check("SEP=,\na,b\n", Some((b',', 6)));
        check("\"sep=\t\"\na\tb\n", Some((b'\t', 8)));
        check("sep=;\ra;b\r", Some((b';', 6)));
        check("sep=;", None);
        check("sep=\na,b\n", None);
        check("sep=a\nb\n", None);
        check("sep=\"\nb\n", None);
        check("separator\n;\n", None);
        check("", None);
    }
}
