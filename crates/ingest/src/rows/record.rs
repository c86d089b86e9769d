//! Records of a delimited file, in bounded memory and with their line numbers.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::reader::Ending;
use super::skip;

/// Bytes that the columns beside the text may have together.
pub(super) const OTHER_FIELDS: usize = 64 << 10;

/// Columns of a record at most.
pub(super) const MAX_COLUMNS: usize = 4096;

/// How a file marks fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// Whether fields may stand in double quotes, as in RFC 4180.
    pub(super) quotes: bool,
}

/// One record. Kept between reads for its memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    written: usize,
    columns: usize,
    line: u64,
    last_line: u64,
    oversize: bool,
    /// Why it cannot be understood.
    problem: Option<String>,
}

impl Record {
    /// Takes over the fields of another reader.
    pub(super) fn set<'f>(
        &mut self,
        fields: impl Iterator<Item = &'f [u8]>,
        line: u64,
        last_line: u64,
    ) {
        self.clear();
        self.bytes.clear();
        self.ends.clear();
        for field in fields {
            self.bytes.extend_from_slice(field);
            self.ends.push(self.bytes.len());
        }
        (self.written, self.columns) = (self.bytes.len(), self.ends.len());
        (self.line, self.last_line) = (line, last_line);
    }

    /// Takes over something that is no row.
    pub(super) fn set_bad(&mut self, content: &[u8], line: u64, problem: &str) {
        self.set(std::iter::once(content), line, line);
        self.problem = Some(problem.to_owned());
    }

    /// Takes over the beginning of a row that is too long.
    pub(super) fn set_oversize(&mut self, content: &[u8], line: u64, last_line: u64) {
        self.set(std::iter::once(content), line, last_line);
        self.oversize = true;
    }

    /// Whether it is one that can be looked at.
    pub(super) fn is_row(&self) -> bool {
        !self.oversize && self.problem.is_none()
    }

    /// Bytes of its fields.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Gives back the room that it does not need.
    pub(super) fn shrink(&mut self) {
        self.bytes.truncate(self.written);
        self.bytes.shrink_to_fit();
        self.ends.truncate(self.columns);
        self.ends.shrink_to_fit();
    }

    /// Why it cannot be understood, if it cannot.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Number of fields.
    pub(super) fn len(&self) -> usize {
        self.columns
    }

    /// The field at a position from 0; empty where there is none.
    pub(super) fn field(&self, column: usize) -> &[u8] {
        if column >= self.columns {
            return &[];
        }
        let start = if column == 0 {
            0
        } else {
            self.ends[column - 1]
        };
        &self.bytes[start..self.ends[column]]
    }

    /// All fields, a tab between them.
    pub(super) fn joined(&self) -> Vec<u8> {
        if self.oversize {
            return self.bytes[..self.written].to_vec();
        }
        let fields: Vec<_> = (0..self.columns).map(|column| self.field(column)).collect();
        fields.join(&b'\t')
    }

    /// The line it begins on, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The line it ends on.
    pub(super) fn last_line(&self) -> u64 {
        self.last_line
    }

    /// Whether it has more bytes or columns than were kept.
    pub(super) fn is_oversize(&self) -> bool {
        self.oversize
    }

    fn clear(&mut self) {
        (self.written, self.columns, self.oversize) = (0, 0, false);
        self.problem = None;
    }

    /// Lines end in LF or CRLF; csv-core is told LF alone, because it takes a lone CR for an end,
    /// too, and reviews have those in their midst.
    fn drop_carriage_return(&mut self) {
        if self.columns == 0 || self.oversize {
            return;
        }
        let start = if self.columns == 1 {
            0
        } else {
            self.ends[self.columns - 2]
        };
        let end = &mut self.ends[self.columns - 1];
        if *end > start && self.bytes[*end - 1] == b'\r' {
            *end -= 1;
        }
    }

    fn is_blank(&self) -> bool {
        !self.oversize && self.columns == 1 && self.field(0).is_empty()
    }
}

/// Reads records one after the other.
pub(super) struct RecordReader<R> {
    input: R,
    parser: Reader,
    dialect: Dialect,
    limit: usize,
    /// Bytes of the file before what is read next.
    offset: u64,
    /// Whether nothing was read yet.
    is_new: bool,
    /// Where the rest of a record goes that is too long.
    discard: Box<[u8; 4096]>,
    discard_ends: Box<[usize; 512]>,
}

impl<R: BufRead> RecordReader<R> {
    /// A reader whose records have at most `limit` bytes. `offset` are the bytes of the file that were
    /// taken before.
    pub(super) fn new(input: R, dialect: Dialect, limit: usize, offset: u64) -> Self {
        let parser = ReaderBuilder::new()
            .delimiter(dialect.separator)
            .quoting(dialect.quotes)
            .terminator(Terminator::Any(b'\n'))
            .build();
        Self {
            input,
            parser,
            dialect,
            limit,
            offset,
            is_new: true,
            discard: Box::new([0; 4096]),
            discard_ends: Box::new([0; 512]),
        }
    }

    /// The line and the byte at which the next record begins, or empty lines before it.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.parser.line(), self.offset)
    }

    /// Passes over the next record that is not an empty line, without understanding it.
    pub(super) fn skip(&mut self, record: &mut Record) -> io::Result<Ending> {
        let passed = skip::record(&mut self.input, self.dialect, self.is_new)?;
        self.is_new = false;
        let line = self.parser.line();
        self.parser.set_line(line + passed.line_breaks);
        self.offset += passed.bytes;
        if passed.ending == Ending::OpenQuote {
            let line = line + passed.empty_lines;
            record.set_bad(b"", line, "a quote that does not close");
        }
        Ok(passed.ending)
    }

    /// Goes on in another place of the file, where a record begins.
    pub(super) fn go_to(&mut self, input: R, line: u64, offset: u64) {
        self.parser.reset();
        // csv-core takes a byte order mark away from the first bytes that it is given. One in the midst
        // of a file is text, so that it is given an empty line first.
        self.parser
            .read_record(b"\n", &mut self.discard[..], &mut self.discard_ends[..]);
        self.parser.set_line(line);
        (self.input, self.offset, self.is_new) = (input, offset, false);
    }

    /// Reads the next record that is not an empty line.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<Ending> {
        loop {
            let ending = self.read_any(record)?;
            if ending != Ending::Record || !record.is_blank() {
                return Ok(ending);
            }
        }
    }

    fn read_any(&mut self, record: &mut Record) -> io::Result<Ending> {
        record.clear();
        self.is_new = false;
        let mut line_breaks = 0;
        loop {
            let input = self.input.fill_buf()?;
            // At the end of the file the parser is given one more line break: inside a quoted field
            // it takes it for text, and that is how we learn that the quote is still open.
            let over = input.is_empty();
            let input = if over { b"\n".as_slice() } else { input };
            let step = Step::take(
                &mut self.parser,
                record,
                input,
                &mut self.discard[..],
                &mut self.discard_ends[..],
            );
            line_breaks += step.line_breaks;
            if !over {
                self.input.consume(step.taken);
                self.offset += step.taken as u64;
            }
            match step.result {
                ReadRecordResult::Record => {
                    let next = self.parser.line();
                    (record.line, record.last_line) = (next - line_breaks - 1, next - 1);
                    record.drop_carriage_return();
                    return Ok(Ending::Record);
                }
                ReadRecordResult::OutputFull => grow(
                    &mut record.bytes,
                    record.written,
                    self.limit,
                    &mut record.oversize,
                ),
                ReadRecordResult::OutputEndsFull => grow(
                    &mut record.ends,
                    record.columns,
                    MAX_COLUMNS,
                    &mut record.oversize,
                ),
                ReadRecordResult::InputEmpty if over && step.written > 0 => {
                    record.line = self.parser.line() - line_breaks;
                    return Ok(Ending::OpenQuote);
                }
                ReadRecordResult::InputEmpty if over => return Ok(Ending::File),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::End => return Ok(Ending::File),
            }
        }
    }
}

/// What one call of the parser did.
struct Step {
    result: ReadRecordResult,
    taken: usize,
    written: usize,
    /// Line breaks inside fields.
    line_breaks: u64,
}

impl Step {
    fn take(
        parser: &mut Reader,
        record: &mut Record,
        input: &[u8],
        discard: &mut [u8],
        discard_ends: &mut [usize],
    ) -> Self {
        let (bytes, ends) = if record.oversize {
            (discard, discard_ends)
        } else {
            (
                &mut record.bytes[record.written..],
                &mut record.ends[record.columns..],
            )
        };
        let (result, taken, written, columns) = parser.read_record(input, bytes, ends);
        let line_breaks = bytes[..written]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count() as u64;
        if !record.oversize {
            record.written += written;
            record.columns += columns;
        }
        Self {
            result,
            taken,
            written,
            line_breaks,
        }
    }
}

/// Makes room for more of a record, or gives up on it.
fn grow<T: Copy + Default>(room: &mut Vec<T>, used: usize, limit: usize, oversize: &mut bool) {
    if used >= limit {
        *oversize = true;
    } else if !*oversize {
        room.resize((room.len() * 2).max(64).min(limit), T::default());
    }
}

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
            let mut reader = RecordReader::new(input, dialect, 40, 0);
            let mut record = Record::default();
            let mut found = Vec::new();
            loop {
                match reader.read(&mut record).expect("no disk") {
                    Ending::File => break,
                    Ending::OpenQuote => {
                        found.push(format!("{}: open quote", record.line()));
                        break;
                    }
                    Ending::Record if record.is_oversize() => {
                        found.push(format!(
                            "{}-{}: too long",
                            record.line(),
                            record.last_line()
                        ));
                    }
                    Ending::Record => {
                        let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
                        found.push(format!("{}: {fields}", record.line()));
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
}
