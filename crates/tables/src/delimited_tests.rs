//! What is a record and what is none.

use std::io::BufReader;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};
use proptest::prelude::*;

use super::*;

/// Where each record begins and ends, whether it makes sense and what it says, and how the file ends.
#[derive(Debug, Default, PartialEq)]
struct Walked {
    places: Vec<(u64, u64)>,
    good: Vec<bool>,
    fields: Vec<Vec<Vec<u8>>>,
    open_quote: Option<u64>,
}

fn walk(text: &[u8], dialect: Dialect, buffer: usize) -> Walked {
    let input = BufReader::with_capacity(buffer, text);
    let mut reader = DelimitedReader::new(input, dialect, 1000).expect("no disk");
    let (mut record, mut walked) = (Record::default(), Walked::default());
    loop {
        match reader.read(&mut record, false).expect("no disk") {
            Ending::Record => walked.places.push((record.line, record.last_line)),
            Ending::OpenQuote => {
                walked.open_quote = Some(record.line);
                return walked;
            }
            Ending::File => return walked,
        }
        let fields = (0..record.columns()).map(|column| record.field(column).to_vec());
        walked.good.push(record.is_row());
        walked.fields.push(fields.collect());
    }
}

/// What csv-core takes for the records of a text that is not empty, without empty lines.
fn of_csv_core(text: &[u8], dialect: Dialect) -> Vec<Vec<Vec<u8>>> {
    let mut parser = ReaderBuilder::new()
        .delimiter(dialect.separator)
        .quoting(dialect.quotes)
        .terminator(Terminator::Any(b'\n'))
        .build();
    let (mut rest, mut bytes, mut ends) = (text, [0; 2000], [0; 200]);
    let mut records = Vec::new();
    loop {
        let (result, taken, _, columns) = parser.read_record(rest, &mut bytes, &mut ends);
        rest = &rest[taken..];
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
        let dialect = Dialect { separator, quotes };
        let shown = String::from_utf8_lossy(text);
        let read = walk(text, dialect, buffer);
        let at_once = walk(text, dialect, 4096);
        assert_eq!(read, at_once, "{shown:?} {dialect:?} {buffer}");
        let makes_sense = read.good.iter().all(|good| *good) && read.open_quote.is_none();
        if makes_sense && !text.starts_with(MARK) {
            let expected = of_csv_core(&[text, b"\n"].concat(), dialect);
            assert_eq!(read.fields, expected, "{shown:?} {dialect:?} {buffer}");
        }
    }
}

#[test]
fn records_that_are_hard_to_tell() {
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
        // The first bytes tell whether there is a mark.
        for buffer in [4, 7, 4096] {
            check(text.as_bytes(), buffer);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_record_is_what_csv_core_takes_for_one(text in "x\n[ab,\t \"\r\n]{0,40}", buffer in 2_usize..20) {
        check(text.as_bytes(), buffer);
    }
}

#[test]
fn nothing_is_lost_by_a_quote_that_is_none() {
    let check = |text: &str, expected: &[&str], open_quote: Option<u64>| {
        let dialect = Dialect {
            separator: b',',
            quotes: true,
        };
        let walked = walk(text.as_bytes(), dialect, 4096);
        let found = walked
            .fields
            .iter()
            .zip(&walked.good)
            .map(|(fields, good)| {
                let state = if *good { "" } else { "bad: " };
                format!("{state}{}", String::from_utf8_lossy(&fields.join(&b'|')))
            });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{text:?}");
        assert_eq!(walked.open_quote, open_quote, "{text:?}");
    };
    // One that opens and does not close, before rows that are quoted, and ones that are not.
    check(
        "\"a,1\nb,2\n\"c, d\",3\ne,4\n",
        &["bad: \"a,1", "b|2", "c, d|3", "e|4"],
        None,
    );
    // One that closes too early, on its line and behind others.
    check("\"a\" b,1\nc,2\n", &["bad: \"a\" b,1", "c|2"], None);
    check(
        "1,\"a\nb \"c\" d\"\n2,e\n",
        &["bad: 1,\"a", "b \"c\" d\"", "2|e"],
        None,
    );
    // One that opens within what was read again.
    check(
        "\"a,1\n\"b,2\n\"c,3\n\"d\",4\n",
        &["bad: \"a,1", "bad: \"b,2", "bad: \"c,3", "d|4"],
        None,
    );
    // What is quoted as it should be goes on to work.
    check(
        "\"a, \"\"b\"\"\nc\" ,1\n\"\n\n\",\"\"\n",
        &["a, \"b\"\nc |1", "\n\n|"],
        None,
    );
    check("a,1\n\"b,2\nc,3\n", &["a|1"], Some(2));
    // So much that one cannot go back.
    let long = format!("a,1\n\"b,{}\nc,\"d\"\n", "x\n".repeat(10_000));
    check(&long, &["a|1"], Some(2));
}

#[test]
fn quotes_that_make_no_sense_take_no_longer_than_others() {
    let dialect = Dialect {
        separator: b',',
        quotes: true,
    };
    let read = |text: &str| {
        let mut reader = DelimitedReader::new(text.as_bytes(), dialect, 1 << 19).expect("no disk");
        let (mut record, mut rows) = (Record::default(), Vec::new());
        while reader.read(&mut record, false).expect("no disk") == Ending::Record {
            rows.push((record.line, record.is_row()));
        }
        rows
    };
    // Each line opens a quote that all that follow leave open, up to the last.
    let text = "x\",a,\"b\",\"c\n".repeat(50_000) + "\"d\nlast,row\n";
    let rows = read(&text);
    assert_eq!(rows[0], (1, false));
    assert_eq!(rows.last(), Some(&(50_002, true)));
    // Few such lines are a row each.
    let text = "x\",a,\"b\",\"c\n".repeat(20) + "\"d\"\nlast,row\n";
    assert_eq!(read(&text).len(), 22);
}
