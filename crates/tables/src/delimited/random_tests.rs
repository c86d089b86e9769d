//! Tests of records in delimited text.

use std::io::BufReader;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};
use proptest::prelude::*;

use super::*;

/// Line range, validity and fields of each record, and the line of an unclosed quote.
#[derive(Debug, Default, PartialEq)]
struct ParsedFile {
    line_ranges: Vec<(u64, u64)>,
    valid: Vec<bool>,
    fields: Vec<Vec<Vec<u8>>>,
    open_quote: Option<u64>,
}

fn parse(text: &[u8], dialect: Dialect, buffer: usize) -> ParsedFile {
    let input = BufReader::with_capacity(buffer, text);
    let mut reader = DelimitedReader::new(input, dialect, 1000).expect("no disk");
    let (mut record, mut parsed) = (Record::default(), ParsedFile::default());
    loop {
        match reader.read(&mut record, false).expect("no disk") {
            ReadOutcome::Record => parsed.line_ranges.push((record.line, record.last_line)),
            ReadOutcome::OpenQuote => {
                parsed.open_quote = Some(record.line);
                return parsed;
            }
            ReadOutcome::EndOfFile => return parsed,
        }
        let fields = (0..record.columns()).map(|column| record.field(column).to_vec());
        parsed.valid.push(record.is_row());
        parsed.fields.push(fields.collect());
    }
}

/// The records of a non-empty text according to csv-core, without empty lines.
fn parse_with_csv_core(text: &[u8], dialect: Dialect) -> Vec<Vec<Vec<u8>>> {
    let mut parser = ReaderBuilder::new()
        .delimiter(dialect.separator)
        .quoting(dialect.quotes)
        .terminator(Terminator::Any(b'\n'))
        .build();
    let (mut rest, mut bytes, mut ends) = (text, [0; 2000], [0; 200]);
    let mut records = Vec::new();
    loop {
        let (result, consumed, _, columns) = parser.read_record(rest, &mut bytes, &mut ends);
        rest = &rest[consumed..];
        if result != ReadRecordResult::Record {
            return records;
        }
        let starts = [0].into_iter().chain(ends);
        let fields = starts.zip(ends).take(columns);
        let mut fields: Vec<Vec<u8>> = fields
            .map(|(start, end)| bytes[start..end].to_vec())
            .collect();
        if let Some(last) = fields.last_mut().filter(|last| last.ends_with(b"\r")) {
            last.pop();
        }
        if fields.len() > 1 || !fields[0].is_empty() {
            records.push(fields);
        }
    }
}

fn check(text: &[u8], buffer: usize) {
    for (separator, quotes) in [(b',', true), (b',', false), (b'\t', true)] {
        let dialect = Dialect {
            separator,
            quotes,
            backslash: false,
            first_only: false,
            line_end: b'\n',
        };
        let shown = String::from_utf8_lossy(text);
        let read = parse(text, dialect, buffer);
        let at_once = parse(text, dialect, 4096);
        assert_eq!(read, at_once, "{shown:?} {dialect:?} {buffer}");
        let is_valid = read.valid.iter().all(|valid| *valid) && read.open_quote.is_none();
        if is_valid && !text.starts_with(UTF8_BOM) {
            let expected = parse_with_csv_core(&[text, b"\n"].concat(), dialect);
            assert_eq!(read.fields, expected, "{shown:?} {dialect:?} {buffer}");
        }
    }
}

#[test]
fn difficult_records() {
    for text in [
        "",
        "\n",
        "\r\n\r\n",
        "a",
        "a\n",
        "\"\"\n",
        "\"\"\r\nb",
        "\"\r\"\nb",
        "\",\"\n,\n",
        "a\"b\n\"c\"d\ne\"\n",
        "\"a\"\"\n\"\nb\n",
        "\"",
        "a,\"b\nc",
        "\n\n\"a\nb",
        "a,",
        "\u{feff}\"a\nb\"\nc\n",
        "x\n\u{feff}\"a\nb\"\n",
        "\"\"\"\"\n",
        "a\r\n\r\n,b\r\n",
        "\"a\" \r\n\"b\n\"\t ,c\n\"d\"  ",
        "\"a\nb\nc\"d\ne,\"f\ng\"h\n\"i\nj\"k\n\"l\"\n",
    ] {
        // The reader needs the first bytes to detect a byte order mark.
        for buffer in [4, 7, 4096] {
            check(text.as_bytes(), buffer);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn records_agree_with_csv_core(text in "x\n[ab,\t \"\r\n]{0,40}", buffer in 2_usize..20) {
        check(text.as_bytes(), buffer);
    }
}

#[test]
fn a_stray_quote_loses_no_rows() {
    let check = |text: &str, expected: &[&str], open_quote: Option<u64>| {
        let dialect = Dialect {
            separator: b',',
            quotes: true,
            backslash: false,
            first_only: false,
            line_end: b'\n',
        };
        let parsed = parse(text.as_bytes(), dialect, 4096);
        let found = parsed
            .fields
            .iter()
            .zip(&parsed.valid)
            .map(|(fields, valid)| {
                let state = if *valid { "" } else { "bad: " };
                format!("{state}{}", String::from_utf8_lossy(&fields.join(&b'|')))
            });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{text:?}");
        assert_eq!(parsed.open_quote, open_quote, "{text:?}");
    };
    // A quote that is opened and not closed, before quoted and unquoted rows.
    check(
        "\"a,1\nb,2\n\"c, d\",3\ne,4\n",
        &["bad: \"a,1", "b|2", "c, d|3", "e|4"],
        None,
    );
    // A quote that closes too early, on the first line and on a later one.
    check("\"a\" b,1\nc,2\n", &["bad: \"a\" b,1", "c|2"], None);
    check(
        "1,\"a\nb \"c\" d\"\n2,e\n",
        &["bad: 1,\"a", "b \"c\" d\"", "2|e"],
        None,
    );
    // A second stray quote in the lines that are parsed again.
    check(
        "\"a,1\n\"b,2\n\"c,3\n\"d\",4\n",
        &["bad: \"a,1", "bad: \"b,2", "bad: \"c,3", "d|4"],
        None,
    );
    // Correct quoting still works.
    check(
        "\"a, \"\"b\"\"\nc\" ,1\n\"\n\n\",\"\"\n",
        &["a, \"b\"\nc |1", "\n\n|"],
        None,
    );
    check("a,1\n\"b,2\nc,3\n", &["a|1", "bad: \"b,2", "c|3"], None);
    // Two quotes that were not meant as quotes and would join three rows, and a text of three lines.
    check(
        "a,1\n\"b, so,2\nc,3\nd\",4\ne,5\n",
        &["a|1", "bad: \"b, so,2\nc,3\nd\",4", "e|5"],
        None,
    );
    check("\"b,\nc\",4\n", &["b,\nc|4"], None);
    check("\"b, 1\nc, 2\nd\",4\n", &["b, 1\nc, 2\nd|4"], None);
    // A record that is too long to be parsed again.
    let long = format!("a,1\n\"b,{}\nc,\"d\"\n", "x\n".repeat(10_000));
    check(&long, &["a|1"], Some(2));
}

#[test]
fn stray_quotes_do_not_slow_down_reading() {
    let dialect = Dialect {
        separator: b',',
        quotes: true,
        backslash: false,
        first_only: false,
        line_end: b'\n',
    };
    let read = |text: &str| {
        let mut reader = DelimitedReader::new(text.as_bytes(), dialect, 1 << 19).expect("no disk");
        let (mut record, mut rows) = (Record::default(), Vec::new());
        while reader.read(&mut record, false).expect("no disk") == ReadOutcome::Record {
            rows.push((record.line, record.is_row()));
        }
        rows
    };
    // Each line opens a quote that stays open until the last line.
    let text = "x\",a,\"b\",\"c\n".repeat(50_000) + "\"d\nlast,row\n";
    let rows = read(&text);
    assert_eq!(rows[0], (1, false));
    assert_eq!(rows.last(), Some(&(50_002, true)));
    // With few such lines, each is one row.
    let text = "x\",a,\"b\",\"c\n".repeat(20) + "\"d\"\nlast,row\n";
    assert_eq!(read(&text).len(), 22);
}
