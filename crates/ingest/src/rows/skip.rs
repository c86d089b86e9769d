//! Passing over records of a delimited file several times as fast as reading them: nothing is looked at
//! but what ends a field. A record is exactly what csv-core takes for one, which a test holds it to.

use std::io::{self, BufRead};

use memchr::{memchr, memchr_iter, memchr2};

use super::reader::Ending;
use super::record::Dialect;
use crate::encoding::MARK;

/// What was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) ending: Ending,
    pub(super) bytes: u64,
    pub(super) line_breaks: u64,
    /// Empty lines before the record, among them.
    pub(super) empty_lines: u64,
}

/// Where in a record the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RecordStart,
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote in a quoted field: its end, or the first of two that stand for one.
    BehindQuote,
}

/// A record on its way.
struct Walk {
    dialect: Dialect,
    state: State,
    /// Whether a separator was seen.
    several: bool,
    /// Bytes of the first field, without quotes around it ...
    content: usize,
    /// ... and its last one.
    last: u8,
    line_breaks: u64,
}

/// Passes over the next record that is no empty line. `is_first`: nothing of the file was read before.
pub(super) fn record(
    input: &mut impl BufRead,
    dialect: Dialect,
    is_first: bool,
) -> io::Result<Passed> {
    let mut passed = Passed {
        ending: Ending::File,
        bytes: 0,
        line_breaks: 0,
        empty_lines: 0,
    };
    if is_first && input.fill_buf()?.starts_with(MARK) {
        // As csv-core does with what it is given first.
        input.consume(MARK.len());
        passed.bytes += MARK.len() as u64;
    }
    let mut walk = Walk::new(dialect);
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            passed.line_breaks += walk.line_breaks;
            passed.ending = match walk.state {
                State::RecordStart => Ending::File,
                State::Quoted => Ending::OpenQuote,
                _ if walk.is_blank() => Ending::File,
                _ => {
                    // csv-core is given one more at the end.
                    passed.line_breaks += 1;
                    Ending::Record
                }
            };
            return Ok(passed);
        }
        let (taken, ended) = walk.take(buffer);
        input.consume(taken);
        passed.bytes += taken as u64;
        if !ended {
            continue;
        }
        passed.line_breaks += walk.line_breaks;
        if !walk.is_blank() {
            passed.ending = Ending::Record;
            return Ok(passed);
        }
        passed.empty_lines = passed.line_breaks;
        walk = Walk::new(dialect);
    }
}

impl Walk {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            state: State::RecordStart,
            several: false,
            content: 0,
            last: 0,
            line_breaks: 0,
        }
    }

    /// Whether the record that ended is an empty line: one field without a byte, but for the carriage
    /// return of the line break.
    fn is_blank(&self) -> bool {
        !self.several && (self.content == 0 || (self.content == 1 && self.last == b'\r'))
    }

    /// Walks through bytes up to the end of the record. Returns how many, and whether it has ended.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let Dialect { separator, quotes } = self.dialect;
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::Plain => {
                    let end = match quotes {
                        true => memchr2(separator, b'\n', rest),
                        // Where no field is quoted, separators end nothing that matters.
                        false => memchr(b'\n', rest),
                    };
                    let Some(length) = end else {
                        self.keep(rest);
                        return (bytes.len(), false);
                    };
                    self.keep(&rest[..length]);
                    at += length + 1;
                    if self.ends(rest[length]) {
                        return (at, true);
                    }
                }
                State::Quoted => {
                    let length = memchr(b'"', rest).unwrap_or(rest.len());
                    self.line_breaks += memchr_iter(b'\n', &rest[..length]).count() as u64;
                    self.keep(&rest[..length]);
                    at += length;
                    if at < bytes.len() {
                        at += 1;
                        self.state = State::BehindQuote;
                    }
                }
                State::BehindQuote if rest[0] == b'"' => {
                    self.keep(b"\"");
                    self.state = State::Quoted;
                    at += 1;
                }
                State::RecordStart | State::FieldStart if quotes && rest[0] == b'"' => {
                    self.state = State::Quoted;
                    at += 1;
                }
                _ if rest[0] == b'\n' || rest[0] == separator => {
                    at += 1;
                    if self.ends(rest[0]) {
                        return (at, true);
                    }
                }
                _ => self.state = State::Plain,
            }
        }
        (at, false)
    }

    /// Takes note of content of the first field.
    fn keep(&mut self, bytes: &[u8]) {
        if let (Some(last), false) = (bytes.last(), self.several) {
            self.content += bytes.len();
            self.last = *last;
        }
    }

    /// Ends a field at its separator, or a record at its line break.
    fn ends(&mut self, byte: u8) -> bool {
        if byte == b'\n' {
            self.line_breaks += 1;
            return true;
        }
        self.several = true;
        self.state = State::FieldStart;
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::super::record::{Record, RecordReader};
    use super::*;

    /// Where each record ends, and how the file does, by a reader of this kind.
    fn walk(
        text: &[u8],
        dialect: Dialect,
        buffer: usize,
        skip: bool,
    ) -> (Vec<(u64, u64)>, Ending, u64) {
        let input = BufReader::with_capacity(buffer, text);
        let mut reader = RecordReader::new(input, dialect, 1000, 0);
        let (mut record, mut places) = (Record::default(), Vec::new());
        loop {
            let ending = match skip {
                true => reader.skip(&mut record),
                false => reader.read(&mut record),
            };
            match ending.expect("no disk") {
                Ending::Record => places.push(reader.place()),
                Ending::OpenQuote => return (places, Ending::OpenQuote, record.line()),
                ending => return (places, ending, 0),
            }
        }
    }

    fn check(text: &[u8], buffer: usize) {
        for (separator, quotes) in [(b',', true), (b',', false), (b'\t', true)] {
            let dialect = Dialect { separator, quotes };
            let read = walk(text, dialect, buffer, false);
            let skipped = walk(text, dialect, buffer, true);
            let shown = String::from_utf8_lossy(text);
            assert_eq!(skipped, read, "{shown:?} {dialect:?} {buffer}");
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
            "\r",
            "\u{feff}\"a\nb\"\nc\n",
            "x\n\u{feff}\"a\nb\"\n",
            "\"\"\"\"\n",
            "a\r\n\r\n,b\r\n",
        ] {
            // csv-core takes a file for empty that comes in pieces of which the first is its mark.
            for buffer in [4, 7, 4096] {
                check(text.as_bytes(), buffer);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_record_is_what_csv_core_takes_for_one(text in "[ab,\t\"\r\n]{0,40}", buffer in 1_usize..20) {
            check(text.as_bytes(), buffer);
        }
    }
}
