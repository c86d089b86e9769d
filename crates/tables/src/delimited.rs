//! Records of a delimited file, in bounded memory and with their line numbers.
//!
//! A record is what RFC 4180 and csv-core take for one, which a test with random texts checks, but for one
//! kind that csv-core lets pass: where text follows the quote that closes a field, as in `"so" called,1`,
//! some quote was not meant as one. Such a record may have taken in any number of rows, so that only its
//! first line is a record; the lines behind it are read anew.

use std::io::{self, BufRead};

use memchr::{memchr, memchr_iter, memchr2};

use crate::dialect::{Dialect, line_end, separator_line};
use crate::encoding::MARK;
use crate::record::{Ending, MAX_COLUMNS, Record, RecordReader};
use crate::replay::Replay;

/// Quotes up to which a damaged record is given back but for its first line. Each line in it that is then
/// damaged, too, has one of them at least, so that no byte is looked at more often than this. A review with
/// more quotes is one bad row together with all of its lines.
const MOST_QUOTES: u32 = 200;

/// Why a record makes no sense whose quotes do not.
const STRAY_QUOTE: &str =
    "a quote in it neither closes a field nor is doubled, or one that opens a field does not close";

/// Reads records one after the other.
pub(crate) struct DelimitedReader<R> {
    input: Replay<R>,
    dialect: Dialect,
    line_end: u8,
    /// Bytes of the fields of a record at most.
    limit: usize,
    line: u64,
    /// The record as it stands in the file, as far as there is `room`.
    raw: Vec<u8>,
    room: usize,
}

/// Where in a record the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote in a quoted field: its end, or the first of two that stand for one.
    BehindQuote,
    /// Behind a quoted field and blanks.
    BehindBlanks,
    /// Behind text that follows a quoted field.
    Damaged,
}

/// How far the parser came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// To the end of the bytes.
    On,
    /// To the end of the record.
    End,
    /// To text behind a quoted field, in a record that began on a line before.
    Damage,
}

/// Splits one record into its fields, piece by piece.
#[derive(Default)]
struct Parser {
    dialect: Dialect,
    line_end: u8,
    limit: usize,
    state: State,
    line_breaks: u64,
    /// Quotes at, in and behind quoted fields.
    quotes: u32,
    /// Bytes of the record before the piece.
    before: usize,
    /// Bytes of its first line, if it has several.
    first_line: Option<usize>,
}

impl<R: BufRead> DelimitedReader<R> {
    /// A reader whose records have at most `limit` bytes. The first bytes tell how lines end; those that are
    /// no record are skipped.
    pub(crate) fn new(input: R, dialect: Dialect, limit: usize) -> io::Result<Self> {
        let mut input = Replay::new(input);
        let start = input.fill_buf()?;
        let text = start.strip_prefix(MARK).unwrap_or(start);
        let mark = start.len() - text.len();
        let line_end = line_end(text);
        let separator_line = separator_line(text).map_or(0, |(_, bytes)| bytes);
        input.consume(mark + separator_line);
        Ok(Self {
            input,
            dialect,
            line_end,
            limit,
            line: 1 + u64::from(separator_line > 0),
            raw: Vec::new(),
            // A byte of content stands as two in the file where it is a quote, a field has a separator
            // and two quotes: what has more bytes than this is too long or has too many columns.
            room: limit.saturating_mul(2).saturating_add(4 * MAX_COLUMNS),
        })
    }

    /// Parses up to the end of a record, or of the file.
    fn parse(&mut self, parser: &mut Parser, record: &mut Record) -> io::Result<Step> {
        self.raw.clear();
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Step::On);
            }
            let (taken, step) = parser.parse(buffer, record);
            parser.before += taken;
            let room = self.room - self.raw.len();
            self.raw.extend_from_slice(&buffer[..taken.min(room)]);
            self.input.consume(taken);
            if step != Step::On {
                return Ok(step);
            }
        }
    }
}

impl<R: BufRead> RecordReader for DelimitedReader<R> {
    /// Reads the next record that is not an empty line.
    fn read(&mut self, record: &mut Record, _learning: bool) -> io::Result<Ending> {
        loop {
            record.clear();
            record.line = self.line;
            let mut parser = Parser {
                dialect: self.dialect,
                line_end: self.line_end,
                limit: self.limit,
                ..Parser::default()
            };
            let step = self.parse(&mut parser, record)?;
            let is_blank = parser.state != State::Damaged
                && record.columns() == 0
                && matches!(record.bytes.as_slice(), b"" | b"\r");
            let mut is_damaged = parser.state == State::Damaged;
            match step {
                Step::Damage => {
                    let first = parser.first_line.filter(|_| parser.before <= self.room);
                    let Some(first) = first else {
                        return Ok(Ending::OpenQuote);
                    };
                    self.input.give_back(&self.raw[first..]);
                    self.raw.truncate(first);
                    (is_damaged, parser.line_breaks) = (true, 1);
                }
                Step::On if parser.state == State::Quoted => return Ok(Ending::OpenQuote),
                Step::On if is_blank => return Ok(Ending::File),
                // As if the last line had an end.
                Step::On => parser.line_breaks += 1,
                Step::End => {}
            }
            self.line += parser.line_breaks;
            if is_blank && !is_damaged {
                continue;
            }
            if is_damaged {
                let start = &self.raw[..self.raw.len().min(self.limit)];
                record.set_bad(start.trim_ascii_end(), record.line, STRAY_QUOTE);
            } else {
                // Where lines end in LF they may end in CRLF, too, and a CR in their midst is text.
                let last = record.ends.last().copied().unwrap_or(0);
                let ends_in_return = record.bytes[last..].ends_with(b"\r");
                if self.line_end == b'\n' && !record.oversize && ends_in_return {
                    record.bytes.pop();
                }
                record.end_field();
            }
            record.last_line = self.line - 1;
            return Ok(Ending::Record);
        }
    }
}

impl Parser {
    /// Takes bytes up to the end of the record, without ending its last field. Returns how many.
    fn parse(&mut self, bytes: &[u8], record: &mut Record) -> (usize, Step) {
        let Dialect { separator, quotes } = self.dialect;
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let byte = rest[0];
            match self.state {
                State::Quoted => {
                    let length = memchr(b'"', rest).unwrap_or(rest.len());
                    self.count_lines(&rest[..length], self.before + at);
                    record.push(&rest[..length], self.limit);
                    at += length;
                    if at < bytes.len() {
                        at += 1;
                        self.quotes = self.quotes.saturating_add(1);
                        self.state = State::BehindQuote;
                    }
                }
                State::Damaged => {
                    let Some(length) = memchr(self.line_end, rest) else {
                        return (bytes.len(), Step::On);
                    };
                    self.line_breaks += 1;
                    return (at + length + 1, Step::End);
                }
                _ if byte == self.line_end => {
                    self.line_breaks += 1;
                    return (at + 1, Step::End);
                }
                _ if byte == separator => {
                    record.end_field();
                    self.state = State::FieldStart;
                    at += 1;
                }
                State::FieldStart if quotes && byte == b'"' => {
                    self.state = State::Quoted;
                    at += 1;
                }
                State::FieldStart | State::Plain => {
                    let length = memchr2(separator, self.line_end, rest).unwrap_or(rest.len());
                    record.push(&rest[..length], self.limit);
                    self.state = State::Plain;
                    at += length;
                }
                State::BehindQuote if byte == b'"' => {
                    record.push(b"\"", self.limit);
                    self.state = State::Quoted;
                    at += 1;
                }
                State::BehindQuote | State::BehindBlanks if matches!(byte, b' ' | b'\r') => {
                    record.push(&rest[..1], self.limit);
                    self.state = State::BehindBlanks;
                    at += 1;
                }
                State::BehindQuote | State::BehindBlanks => {
                    if self.first_line.is_some() && self.quotes <= MOST_QUOTES {
                        return (at, Step::Damage);
                    }
                    self.state = State::Damaged;
                }
            }
        }
        (at, Step::On)
    }

    /// Counts the line breaks within a quoted field, of which `before` bytes of the record come
    /// before these.
    fn count_lines(&mut self, bytes: &[u8], before: usize) {
        if self.first_line.is_none() {
            self.first_line = memchr(self.line_end, bytes).map(|place| before + place + 1);
        }
        self.line_breaks += memchr_iter(self.line_end, bytes).count() as u64;
    }
}

#[cfg(test)]
#[path = "delimited_tests.rs"]
mod random_tests;

#[cfg(test)]
mod tests {
    use super::*;

    /// Every record as `line: fields`, with a buffer of every size, so that fields are cut at every
    /// place.
    fn check(quotes: bool, text: &str, expected: &[&str]) {
        for buffer in [1, 2, 3, 7, 4096] {
            let input = io::BufReader::with_capacity(buffer, text.as_bytes());
            let dialect = Dialect {
                separator: if quotes { b',' } else { b'\t' },
                quotes,
            };
            let mut reader = DelimitedReader::new(input, dialect, 40).expect("no disk");
            let mut record = Record::default();
            let mut found = Vec::new();
            loop {
                match reader.read(&mut record, false).expect("no disk") {
                    Ending::File => break,
                    Ending::OpenQuote => {
                        found.push(format!("{}: open quote", record.line));
                        break;
                    }
                    Ending::Record if record.oversize => {
                        found.push(format!("{}-{}: too long", record.line, record.last_line));
                    }
                    Ending::Record => {
                        let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
                        found.push(format!("{}: {fields}", record.line));
                    }
                }
            }
            assert_eq!(found, expected, "{text:?} with a buffer of {buffer}");
        }
    }

    #[test]
    fn quoted_records() {
        check(true, "a,b\nc,d\n", &["1: a|b", "2: c|d"]);
        check(true, "a,b\r\nc,d", &["1: a|b", "2: c|d"]);
        check(true, "a,\"b, \"\"c\"\"\"\n", &["1: a|b, \"c\""]);
        check(
            true,
            "\"one\ntwo\",x\n\n\r\nlast,y",
            &["1: one\ntwo|x", "5: last|y"],
        );
        check(true, "\"x\"\r\n\"y\"\r\n", &["1: x", "2: y"]);
        check(true, ",\n", &["1: |"]);
        check(true, "", &[]);
        check(true, "\n\r\n\n", &[]);
    }

    #[test]
    fn an_open_quote_is_found() {
        check(true, "a,b\n\"c,d\ne,f\n", &["1: a|b", "2: open quote"]);
        check(true, "\"", &["1: open quote"]);
        check(true, "\"a\"\"", &["1: open quote"]);
        check(
            true,
            &format!("a\n\"{}", "x\n".repeat(100)),
            &["1: a", "2: open quote"],
        );
    }

    #[test]
    fn a_record_that_is_too_long_does_not_harm_the_next() {
        let long = "x".repeat(100);
        check(
            true,
            &format!("a\n\"{long}\n{long}\"\nb\n"),
            &["1: a", "2-3: too long", "4: b"],
        );
        check(
            false,
            &format!("{long}\t{long}\nb\n"),
            &["1-1: too long", "2: b"],
        );
        check(
            true,
            &format!("{}\nb\n", ",".repeat(5000)),
            &["1-1: too long", "2: b"],
        );
    }

    #[test]
    fn without_quotes_a_quote_is_a_character() {
        check(
            false,
            "1\t\"so called\nart\"\t2\r\n",
            &["1: 1|\"so called", "2: art\"|2"],
        );
        check(false, "1\ta\rb\n", &["1: 1|a\rb"]);
    }

    #[test]
    fn lines_of_old_macs_end_in_cr() {
        let read = |text: &str| {
            let dialect = Dialect {
                separator: b',',
                quotes: true,
            };
            let mut reader = DelimitedReader::new(text.as_bytes(), dialect, 40).expect("no disk");
            let (mut record, mut found) = (Record::default(), Vec::new());
            while reader.read(&mut record, false).expect("no disk") == Ending::Record {
                let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
                found.push(format!("{}: {fields}", record.line));
            }
            found
        };
        assert_eq!(
            read("a,b\r\"c\rd\",e\r\rf,g"),
            ["1: a|b", "2: c\rd|e", "5: f|g"]
        );
        assert_eq!(read("a,b\rc\nd,e\r\n"), ["1: a|b\rc", "2: d|e"]);
        // Excel's line about the separator is no row, in any file.
        assert_eq!(read("sep=,\r\na,b\r\n"), ["2: a|b"]);
        assert_eq!(read("sep=,\ra,b\r"), ["2: a|b"]);
        assert_eq!(read("\u{feff}sep=,\na,b\nsep=,\n"), ["2: a|b", "3: sep=|"]);
    }
}
