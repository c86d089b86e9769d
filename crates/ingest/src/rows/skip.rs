//! Where a record of a delimited file ends. Nothing is looked at but what ends a field, which is several
//! times as fast as reading it: who reads a record and who passes over it cut it out with this, so that
//! they cannot disagree. A record is what csv-core takes for one, which a test holds it to, but for one
//! kind that csv-core lets pass: where text follows the quote that closes a field, as in `"so" called,1`,
//! some quote was not meant as one. Such a record may have taken in any number of rows, so that it is only
//! its first line; what comes next is looked at anew.

use std::io::{self, BufRead};

use memchr::{memchr, memchr_iter, memchr2};

use super::record::Ending;
use super::replay::Replay;

/// Quotes up to which a damaged record is given back but for its first line. Each line in it that is then
/// damaged, too, has one of them at least, so that no byte is looked at more often than this. A review with
/// more quotes is one bad row together with all of its lines.
const MOST_QUOTES: u32 = 200;

/// How a file marks fields and rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    pub(super) separator: u8,
    pub(super) line_end: u8,
    /// Whether fields may stand in double quotes, as in RFC 4180.
    pub(super) quotes: bool,
}

/// What was cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) ending: Ending,
    /// Whether it is the first line of a record whose quotes make no sense.
    pub(super) is_damaged: bool,
    pub(super) line_breaks: u64,
    /// Empty lines before the record, among them.
    pub(super) empty_lines: u64,
}

/// The bytes of a record as they stand in the file, up to as many as are needed.
pub(super) struct Raw {
    bytes: Vec<u8>,
    most: usize,
    is_whole: bool,
}

impl Raw {
    /// Room for at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
            is_whole: true,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the record has no more bytes than are here.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.is_whole = true;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.most - self.bytes.len();
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.is_whole &= bytes.len() <= room;
    }
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
    /// Behind a quoted field and blanks.
    BehindBlanks,
    /// Behind text that follows a quoted field.
    Damaged,
}

/// How far a walk came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// To the end of the bytes.
    On,
    /// To the end of the record.
    End,
    /// To text behind a quoted field, in a record that began on a line before.
    Damage,
}

/// A record on its way.
struct Walk {
    marks: Marks,
    state: State,
    /// Whether a separator was seen.
    several: bool,
    /// Bytes of the first field, without quotes around it ...
    content: usize,
    /// ... and its last one.
    last: u8,
    line_breaks: u64,
    /// Quotes at, in and behind quoted fields.
    quotes: u32,
    /// Bytes of the record before those in which it goes on.
    walked: usize,
    /// Bytes of its first line, if it has several.
    first_line: Option<usize>,
}

/// Cuts out the next record that is no empty line. Its bytes are then in `raw`.
pub(super) fn record(
    input: &mut Replay<impl BufRead>,
    marks: Marks,
    raw: &mut Raw,
) -> io::Result<Passed> {
    let mut passed = Passed {
        ending: Ending::Record,
        is_damaged: false,
        line_breaks: 0,
        empty_lines: 0,
    };
    loop {
        raw.clear();
        let mut walk = Walk::new(marks);
        let step = walk_through(&mut walk, input, raw)?;
        match step {
            Step::Damage => match walk.first_line.filter(|_| raw.is_whole) {
                Some(first) => {
                    input.give_back(&raw.bytes[first..]);
                    raw.bytes.truncate(first);
                    passed.is_damaged = true;
                    passed.line_breaks += 1;
                }
                None => {
                    passed.ending = Ending::OpenQuote;
                    passed.line_breaks += walk.line_breaks;
                }
            },
            Step::End if walk.is_blank() => {
                passed.line_breaks += walk.line_breaks;
                passed.empty_lines = passed.line_breaks;
                continue;
            }
            Step::End => {
                passed.is_damaged = walk.state == State::Damaged;
                passed.line_breaks += walk.line_breaks;
            }
            Step::On => {
                passed.line_breaks += walk.line_breaks;
                match walk.state {
                    State::Quoted => passed.ending = Ending::OpenQuote,
                    _ if walk.is_blank() => passed.ending = Ending::File,
                    state => {
                        passed.is_damaged = state == State::Damaged;
                        // As if the last line had an end.
                        passed.line_breaks += 1;
                    }
                }
            }
        }
        return Ok(passed);
    }
}

/// Walks to the end of a record, or of the file.
fn walk_through(
    walk: &mut Walk,
    input: &mut Replay<impl BufRead>,
    raw: &mut Raw,
) -> io::Result<Step> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(Step::On);
        }
        let (taken, step) = walk.take(buffer);
        raw.keep(&buffer[..taken]);
        input.consume(taken);
        if step != Step::On {
            return Ok(step);
        }
    }
}

impl Walk {
    fn new(marks: Marks) -> Self {
        Self {
            marks,
            state: State::RecordStart,
            several: false,
            content: 0,
            last: 0,
            line_breaks: 0,
            quotes: 0,
            walked: 0,
            first_line: None,
        }
    }

    /// Whether the record that ended is an empty line: one field without a byte, but for the carriage
    /// return of the line break.
    fn is_blank(&self) -> bool {
        let is_empty = self.content == 0 || (self.content == 1 && self.last == b'\r');
        !self.several && is_empty && self.state != State::Damaged
    }

    /// Walks through bytes up to the end of the record. Returns how many.
    fn take(&mut self, bytes: &[u8]) -> (usize, Step) {
        let (taken, step) = self.walk(bytes);
        self.walked += taken;
        (taken, step)
    }

    fn walk(&mut self, bytes: &[u8]) -> (usize, Step) {
        let Marks {
            separator,
            line_end,
            quotes,
        } = self.marks;
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::Plain => {
                    let end = match quotes {
                        true => memchr2(separator, line_end, rest),
                        // Where no field is quoted, separators end nothing that matters.
                        false => memchr(line_end, rest),
                    };
                    let Some(length) = end else {
                        self.keep(rest);
                        return (bytes.len(), Step::On);
                    };
                    self.keep(&rest[..length]);
                    at += length + 1;
                    if self.ends(rest[length]) {
                        return (at, Step::End);
                    }
                }
                State::Quoted => {
                    let length = memchr(b'"', rest).unwrap_or(rest.len());
                    self.count_lines(&rest[..length], self.walked + at);
                    self.keep(&rest[..length]);
                    at += length;
                    if at < bytes.len() {
                        at += 1;
                        self.quotes = self.quotes.saturating_add(1);
                        self.state = State::BehindQuote;
                    }
                }
                State::Damaged => {
                    let Some(length) = memchr(line_end, rest) else {
                        return (bytes.len(), Step::On);
                    };
                    self.line_breaks += 1;
                    return (at + length + 1, Step::End);
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
                _ if rest[0] == line_end || rest[0] == separator => {
                    at += 1;
                    if self.ends(rest[0]) {
                        return (at, Step::End);
                    }
                }
                State::BehindQuote | State::BehindBlanks if matches!(rest[0], b' ' | b'\r') => {
                    self.keep(&rest[..1]);
                    self.state = State::BehindBlanks;
                    at += 1;
                }
                State::BehindQuote | State::BehindBlanks => {
                    if self.first_line.is_some() && self.quotes <= MOST_QUOTES {
                        return (at, Step::Damage);
                    }
                    self.state = State::Damaged;
                }
                State::RecordStart | State::FieldStart => self.state = State::Plain,
            }
        }
        (at, Step::On)
    }

    /// Takes note of content of the first field.
    fn keep(&mut self, bytes: &[u8]) {
        if let (Some(last), false) = (bytes.last(), self.several) {
            self.content += bytes.len();
            self.last = *last;
        }
    }

    /// Takes note of the line breaks within a quoted field, of which `before` bytes of the record come
    /// before these.
    fn count_lines(&mut self, bytes: &[u8], before: usize) {
        let line_end = self.marks.line_end;
        if self.first_line.is_none() {
            self.first_line = memchr(line_end, bytes).map(|place| before + place + 1);
        }
        self.line_breaks += memchr_iter(line_end, bytes).count() as u64;
    }

    /// Ends a field at its separator, or a record at its line break.
    fn ends(&mut self, byte: u8) -> bool {
        if byte == self.marks.line_end {
            self.line_breaks += 1;
            return true;
        }
        self.several = true;
        self.state = State::FieldStart;
        false
    }
}

#[cfg(test)]
mod tests;
