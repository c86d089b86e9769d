//! How a file of text marks its fields and lines, told by its first bytes.

use memchr::memchr;

/// How a file marks fields.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dialect {
    pub(crate) separator: u8,
    /// Whether fields may stand in double quotes, as in RFC 4180.
    pub(crate) quotes: bool,
}

/// Characters that separate fields, the likelier ones first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Lines looked at.
const LINES: usize = 50;

/// The dialect of a sample of a file, whose last line may be cut off.
pub(crate) fn sniff(sample: &[u8]) -> Dialect {
    let told = separator_line(sample);
    let sample = told.map_or(sample, |(_, bytes)| &sample[bytes..]);
    let separator = told.map_or_else(|| likeliest(sample), |(separator, _)| separator);
    // Tab-separated files escape tabs and do not quote, unless fields show that they do.
    let quotes = separator != b'\t' || quotes_fields(sample, separator);
    Dialect { separator, quotes }
}

/// The byte that ends a line. Files of old Macs have a CR there and no LF at all; everywhere else a CR
/// that no LF follows is part of a text.
pub(crate) fn line_end(sample: &[u8]) -> u8 {
    // The LF of a last CR may be what comes next.
    let inner = sample.split_last().map_or(sample, |(_, inner)| inner);
    match memchr(b'\n', sample).is_none() && memchr(b'\r', inner).is_some() {
        true => b'\r',
        false => b'\n',
    }
}

/// The first line that tells Excel the separator, `sep=;`, if there is one: the separator, and the bytes
/// of the line.
pub(crate) fn separator_line(sample: &[u8]) -> Option<(u8, usize)> {
    let line_end = line_end(sample);
    let length = memchr(line_end, &sample[..sample.len().min(16)])?;
    let line = sample[..length].strip_suffix(b"\r");
    let line = line.unwrap_or(&sample[..length]);
    let unquoted = line
        .strip_prefix(b"\"")
        .and_then(|line| line.strip_suffix(b"\""));
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

fn likeliest(sample: &[u8]) -> u8 {
    let scores = SEPARATORS.map(|separator| (score(sample, separator), separator));
    // Of several that score the same the last one is taken.
    let best = scores.into_iter().rev();
    let best = best.max_by(|one, two| one.0.total_cmp(&two.0));
    best.filter(|(score, _)| *score > 0.0)
        .map_or(b',', |(_, separator)| separator)
}

/// How regular the columns are: the share of lines with the commonest number of separators, if that
/// is at least one, and a little more for more columns.
fn score(sample: &[u8], separator: u8) -> f64 {
    let mut counts = counts(sample, separator);
    counts.sort_unstable();
    let same = counts.chunk_by(|one, two| one == two);
    match same.max_by_key(|same| same.len()) {
        None | Some([0, ..]) => 0.0,
        Some(same) => same.len() as f64 / counts.len() as f64 + 1e-3 * same[0].min(50) as f64,
    }
}

/// Where in a record a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Plain,
    Quoted,
    /// It is a quote in a quoted field: its end, or the first of two that stand for one.
    Quote,
}

impl Place {
    fn next(self, byte: u8, separator: u8, line_end: u8) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) | (Self::Quote | Self::FieldStart, b'"') => Self::Quoted,
            (_, byte) if byte == separator || byte == line_end => Self::FieldStart,
            _ => Self::Plain,
        }
    }
}

/// Separators outside quotes in each whole record of the sample.
fn counts(sample: &[u8], separator: u8) -> Vec<usize> {
    let line_end = line_end(sample);
    let (mut counts, mut count, mut place) = (Vec::new(), 0, Place::FieldStart);
    for byte in sample.iter().copied() {
        if byte == line_end && place != Place::Quoted {
            counts.push(count);
            count = 0;
        } else if byte == separator && place != Place::Quoted {
            count += 1;
        }
        place = place.next(byte, separator, line_end);
        if counts.len() == LINES {
            return counts;
        }
    }
    if counts.is_empty() {
        counts.push(count);
    }
    counts
}

/// Whether fields that begin with a quote are quoted. Not if text follows the quote that would close one:
/// then reviews begin with a quoted title. And not if quotes would join lines each of which has the same
/// number of separators by itself.
fn quotes_fields(sample: &[u8], separator: u8) -> bool {
    let line_end = line_end(sample);
    let (mut place, mut closes, mut joins) = (Place::FieldStart, false, false);
    for (at, byte) in sample.iter().copied().enumerate() {
        joins |= place == Place::Quoted && byte == line_end;
        if place == Place::Quote && byte != b'"' {
            let is_blank = |byte: u8| byte != line_end && matches!(byte, b' ' | b'\r');
            let behind = sample[at..].iter().find(|byte| !is_blank(**byte));
            match behind {
                Some(behind) if *behind == separator || *behind == line_end => closes = true,
                Some(_) => return false,
                None => {}
            }
        }
        place = place.next(byte, separator, line_end);
    }
    closes && !(joins && lines_are_alike(sample, separator, line_end))
}

/// Whether all lines have the same number of separators, wherever quotes stand.
fn lines_are_alike(sample: &[u8], separator: u8, line_end: u8) -> bool {
    let mut lines = sample.split(|byte| *byte == line_end);
    // The last one may be cut off.
    lines.next_back();
    let count = |line: &[u8]| line.iter().filter(|byte| **byte == separator).count();
    let mut counts = lines
        .filter(|line| !line.trim_ascii().is_empty())
        .map(count);
    let first = counts.next().unwrap_or_default();
    first > 0 && counts.all(|count| count == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell() {
        let check = |sample: &str, separator: u8, quotes: bool| {
            let found = sniff(sample.as_bytes());
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
        // Quotes in quoted fields.
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
    fn quotes_in_files_with_tabs_tell() {
        let check = |sample: &str, quotes: bool| {
            assert_eq!(sniff(sample.as_bytes()).quotes, quotes, "{sample:?}");
        };
        check(
            "text\tlabel\n\"Heat\" is fine\tpos\n\"So so\"\tneg\n",
            false,
        );
        check("text\tlabel\n\"Heat\"\tpos\n\"So \"\"so\"\"\" \r\n", true);
        check("text\tlabel\n\"two\nlines\"\tpos\nfine\tneg\n", true);
        // Two that open a field, and join lines that need no quotes.
        check("text\tlabel\n\"Heat\tpos\nof \"it\"\tneg\n", false);
        check("text\tlabel\n\"Heat is fine\tpos\nso the \"\tneg\n", false);
        // One at the end of the sample tells nothing.
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
    fn a_line_for_excel() {
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
