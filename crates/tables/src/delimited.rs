//! Reads the records of a delimited file in bounded memory and with their line numbers.
//!
//! A record follows RFC 4180, as in csv-core; a test with random texts compares both. They differ in one
//! case: if text follows the closing quote of a field, as in `"so" called,1`, one of the quotes was not
//! meant as a quote. Such a record may contain many rows. So only its first line is rejected, and
//! the following lines are parsed again.

use std::io::{self, BufRead};

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use crate::dialect::{Dialect, line_end, separator_line};
use crate::encoding::UTF8_BOM;
use crate::record::{MAX_COLUMNS, ReadOutcome, Record, RecordReader};
use crate::rewind::RewindReader;

/// A damaged record with at most this many quotes is parsed again from its second line. Each of its lines
/// that is damaged too contains at least one of these quotes, which bounds how often a byte is parsed.
/// A record with more quotes is rejected as a whole.
const MAX_QUOTES_REREAD: u32 = 200;

/// The problem of a record with an unexpected quote.
const STRAY_QUOTE: &str =
    "a quote in it neither closes a field nor is doubled, or one that opens a field does not close";

/// The problem of a record with an unexpected quote after a backslash.
const BACKSLASH: &str = "a quote in it follows a backslash: if the backslash escapes it, set `--set 'ingest.escape=\\'`";

/// The problem of a record whose quotes seem to join several rows.
const JOINED_ROWS: &str = "a quote opens on its first line and closes on its last, but each line looks like a row; \
    double the quotes that are text, or treat all quotes as text with `--set ingest.quotes=false`";

/// Reads records one after the other.
pub(crate) struct DelimitedReader<R> {
    input: RewindReader<R>,
    dialect: Dialect,
    /// Maximum size of a record's fields in bytes.
    limit: usize,
    line: u64,
    /// The record's bytes in the file, up to `raw_limit`.
    raw: Vec<u8>,
    raw_limit: usize,
}

/// Position of the next byte within a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    FieldStart,
    Plain,
    Quoted,
    /// After a quote in a quoted field: the end of the field, or the first quote of an escaped pair.
    AfterQuote,
    /// After a quoted field and spaces.
    AfterBlanks,
    /// After a backslash that escapes the next byte, within quotes or not.
    Escaped {
        quoted: bool,
    },
    /// After text that follows a quoted field.
    Damaged,
}

/// Where the parser stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// At the end of the given bytes.
    NeedsMore,
    /// At the end of the record.
    End,
    /// At text after a quoted field, in a record of several lines.
    StrayQuote,
}

/// Splits one record into fields. Its bytes may come in several pieces.
#[derive(Default)]
struct Parser {
    dialect: Dialect,
    limit: usize,
    state: State,
    line_breaks: u64,
    /// Number of quotes around and in quoted fields.
    quotes: u32,
    /// Bytes of the record in earlier pieces.
    before: usize,
    /// Length of the first line in bytes, for a record of several lines.
    first_line: Option<usize>,
}

impl<R: BufRead> DelimitedReader<R> {
    /// Creates a reader for records of at most `limit` bytes. It detects the line ending from the first bytes
    /// and skips a byte order mark and a separator line.
    pub(crate) fn new(input: R, mut dialect: Dialect, limit: usize) -> io::Result<Self> {
        let mut input = RewindReader::new(input);
        let start = input.fill_buf()?;
        let text = start.strip_prefix(UTF8_BOM).unwrap_or(start);
        let mark = start.len() - text.len();
        let line_end = line_end(text);
        let separator_line = separator_line(text).map_or(0, |(_, bytes)| bytes);
        input.consume(mark + separator_line);
        // A line of text is one field.
        if dialect == Dialect::LINES {
            dialect.separator = line_end;
        }
        dialect.line_end = line_end;
        Ok(Self {
            input,
            dialect,
            limit,
            line: 1 + u64::from(separator_line > 0),
            raw: Vec::new(),
            // In the file, an escaped quote takes two bytes, and a field adds a separator and two quotes. So a
            // record with more bytes than this is too long or has too many columns.
            raw_limit: limit.saturating_mul(2).saturating_add(4 * MAX_COLUMNS),
        })
    }

    /// Parses to the end of the record or of the file.
    fn parse(&mut self, parser: &mut Parser, record: &mut Record) -> io::Result<Step> {
        self.raw.clear();
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Step::NeedsMore);
            }
            let (consumed, step) = parser.parse(buffer, record);
            parser.before += consumed;
            let free = self.raw_limit - self.raw.len();
            self.raw.extend_from_slice(&buffer[..consumed.min(free)]);
            self.input.consume(consumed);
            if step != Step::NeedsMore {
                return Ok(step);
            }
        }
    }
}

impl<R> DelimitedReader<R> {
    fn set_bad(&self, record: &mut Record, problem: &str) {
        let start = &self.raw[..self.raw.len().min(self.limit)];
        record.set_bad(start.trim_ascii_end(), record.line, problem);
    }

    /// Whether each line of a record has as many separators as the record, without those that a space or the end
    /// of the line follows as in a sentence. Then two quotes that were not meant as quotes seem to join rows.
    fn joins_rows(&self, separators: usize) -> bool {
        let raw = self.raw.trim_ascii_end();
        let separator = self.dialect.separator;
        let mut lines = raw.split(|byte| *byte == self.dialect.line_end);
        let is_row = |line: &[u8]| {
            let after = line.split(|byte| *byte == separator).skip(1);
            let is_field = |after: &&[u8]| !matches!(after.trim_ascii_end(), [] | [b' ', ..]);
            after.filter(is_field).count() == separators
        };
        separators > 0 && lines.all(is_row)
    }
}

impl<R: BufRead> RecordReader for DelimitedReader<R> {
    /// Reads the next record that is not an empty line.
    fn read(&mut self, record: &mut Record, _add_columns: bool) -> io::Result<ReadOutcome> {
        loop {
            record.clear();
            record.line = self.line;
            let mut parser = Parser {
                dialect: self.dialect,
                limit: self.limit,
                ..Parser::default()
            };
            let step = self.parse(&mut parser, record)?;
            let state = parser.state;
            let is_blank = state != State::Damaged
                && record.columns() == 0
                && matches!(record.bytes.as_slice(), b"" | b"\r");
            let mut is_damaged = state == State::Damaged;
            let in_quotes = matches!(state, State::Quoted | State::Escaped { quoted: true });
            let is_open = in_quotes || step == Step::StrayQuote;
            match step {
                Step::NeedsMore if is_open && parser.quotes > MAX_QUOTES_REREAD => {
                    return Ok(ReadOutcome::OpenQuote);
                }
                Step::NeedsMore | Step::StrayQuote if is_open && parser.before > self.raw_limit => {
                    return Ok(ReadOutcome::OpenQuote);
                }
                Step::NeedsMore | Step::StrayQuote if is_open => {
                    let first = parser.first_line.unwrap_or(self.raw.len());
                    self.input.put_back(&self.raw[first..]);
                    self.raw.truncate(first);
                    (is_damaged, parser.line_breaks) = (true, 1);
                }
                Step::NeedsMore if is_blank => return Ok(ReadOutcome::EndOfFile),
                // The last line may lack a line break.
                Step::NeedsMore => {
                    parser.line_breaks += 1;
                    if state == (State::Escaped { quoted: false }) {
                        record.push(b"\\", self.limit);
                    }
                }
                Step::End | Step::StrayQuote => {}
            }
            self.line += parser.line_breaks;
            if is_blank && !is_damaged {
                continue;
            }
            if is_damaged {
                let has_backslash = memchr::memmem::find(&self.raw, b"\\\"").is_some();
                let problem = match has_backslash && !self.dialect.backslash {
                    true => BACKSLASH,
                    false => STRAY_QUOTE,
                };
                self.set_bad(record, problem);
            } else if parser.first_line.is_some() && self.joins_rows(record.columns()) {
                self.set_bad(record, JOINED_ROWS);
            } else {
                // Lines that end in LF may also end in CRLF. A CR elsewhere is text.
                let last = record.ends.last().copied().unwrap_or(0);
                let ends_in_return = record.bytes[last..].ends_with(b"\r");
                if self.dialect.line_end == b'\n' && !record.oversize && ends_in_return {
                    record.bytes.pop();
                }
                record.end_field();
            }
            record.last_line = self.line - 1;
            return Ok(ReadOutcome::Record);
        }
    }
}

impl Parser {
    /// Parses bytes to the end of the record, but does not end its last field. Returns the number of bytes.
    fn parse(&mut self, bytes: &[u8], record: &mut Record) -> (usize, Step) {
        let dialect = self.dialect;
        let (backslash, line_end) = (dialect.backslash, dialect.line_end);
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let byte = rest[0];
            let separator = match dialect.first_only && record.columns() > 0 {
                true => line_end,
                false => dialect.separator,
            };
            match self.state {
                State::Quoted => {
                    let escape = if backslash { b'\\' } else { b'"' };
                    let length = memchr2(b'"', escape, rest).unwrap_or(rest.len());
                    self.count_lines(&rest[..length], self.before + at);
                    record.push(&rest[..length], self.limit);
                    at += length;
                    if at < bytes.len() {
                        self.state = State::Escaped { quoted: true };
                        if bytes[at] == b'"' {
                            self.quotes = self.quotes.saturating_add(1);
                            self.state = State::AfterQuote;
                        }
                        at += 1;
                    }
                }
                State::Escaped { quoted } => {
                    let is_escaped =
                        matches!(byte, b'"' | b'\\') || byte == separator || byte == line_end;
                    if !is_escaped {
                        record.push(b"\\", self.limit);
                    }
                    record.push(&rest[..1], self.limit);
                    self.count_lines(&rest[..1], self.before + at);
                    self.state = if quoted { State::Quoted } else { State::Plain };
                    at += 1;
                }
                State::Damaged => {
                    let Some(length) = memchr(line_end, rest) else {
                        return (bytes.len(), Step::NeedsMore);
                    };
                    self.line_breaks += 1;
                    return (at + length + 1, Step::End);
                }
                _ if byte == line_end => {
                    self.line_breaks += 1;
                    return (at + 1, Step::End);
                }
                _ if byte == separator => {
                    record.end_field();
                    self.state = State::FieldStart;
                    at += 1;
                }
                State::FieldStart if dialect.quotes && byte == b'"' => {
                    self.state = State::Quoted;
                    at += 1;
                }
                State::FieldStart | State::Plain if backslash && byte == b'\\' => {
                    self.state = State::Escaped { quoted: false };
                    at += 1;
                }
                State::FieldStart | State::Plain => {
                    let escape = if backslash { b'\\' } else { separator };
                    let length = memchr3(separator, line_end, escape, rest);
                    let length = length.unwrap_or(rest.len());
                    record.push(&rest[..length], self.limit);
                    self.state = State::Plain;
                    at += length;
                }
                State::AfterQuote if byte == b'"' => {
                    record.push(b"\"", self.limit);
                    self.state = State::Quoted;
                    at += 1;
                }
                State::AfterQuote | State::AfterBlanks if matches!(byte, b' ' | b'\r') => {
                    record.push(&rest[..1], self.limit);
                    self.state = State::AfterBlanks;
                    at += 1;
                }
                State::AfterQuote | State::AfterBlanks => {
                    if self.first_line.is_some() && self.quotes <= MAX_QUOTES_REREAD {
                        return (at, Step::StrayQuote);
                    }
                    self.state = State::Damaged;
                }
            }
        }
        (at, Step::NeedsMore)
    }

    /// Counts the line breaks within a quoted field. `before` is the number of the record's bytes before these.
    fn count_lines(&mut self, bytes: &[u8], before: usize) {
        if self.first_line.is_none() {
            self.first_line = memchr(self.dialect.line_end, bytes).map(|index| before + index + 1);
        }
        self.line_breaks += memchr_iter(self.dialect.line_end, bytes).count() as u64;
    }
}

#[cfg(test)]
mod random_tests;

#[cfg(test)]
mod tests;
