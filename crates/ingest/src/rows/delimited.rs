//! Records of a delimited file, in bounded memory and with their line numbers.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::dialect::{Dialect, line_end, separator_line};
use super::record::{Ending, MAX_COLUMNS, Record};
use super::replay::Replay;
use super::skip::{self, Marks, Passed, Raw};
use crate::encoding::MARK;

/// Why a record makes no sense whose quotes do not.
const STRAY_QUOTE: &str =
    "a quote in it neither closes a field nor is doubled, or one that opens a field does not close";

/// Reads records one after the other.
pub(super) struct RecordReader<R> {
    input: Replay<R>,
    parser: Reader,
    marks: Marks,
    limit: usize,
    line: u64,
    /// Whether nothing was read yet.
    is_new: bool,
    /// The record as it stands in the file.
    raw: Raw,
}

impl<R: BufRead> RecordReader<R> {
    /// A reader whose records have at most `limit` bytes. `offset` are the bytes of the file that were
    /// taken before.
    pub(super) fn new(input: R, dialect: Dialect, limit: usize, offset: u64) -> Self {
        let marks = Marks {
            separator: dialect.separator,
            line_end: b'\n',
            quotes: dialect.quotes,
        };
        // A byte of content stands as two in the file where it is a quote, a field has a separator and
        // two quotes: what has more bytes than this is too long or has too many columns.
        let most = limit.saturating_mul(2).saturating_add(4 * MAX_COLUMNS);
        Self {
            input: Replay::new(input, offset),
            parser: parser(marks),
            marks,
            limit,
            line: 1,
            is_new: true,
            raw: Raw::new(most),
        }
    }

    /// The line and the byte at which the next record begins, or empty lines before it.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.line, self.input.offset())
    }

    /// Passes over the next record that is not an empty line, without understanding it.
    pub(super) fn skip(&mut self, record: &mut Record) -> io::Result<Ending> {
        Ok(self.cut(record)?.ending)
    }

    /// Goes on in another place of the file, where a record begins.
    pub(super) fn go_to(&mut self, input: R, line: u64, offset: u64) {
        (self.input, self.line) = (Replay::new(input, offset), line);
        self.is_new = false;
    }

    /// Reads the next record that is not an empty line.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<Ending> {
        record.clear();
        let passed = self.cut(record)?;
        if passed.ending != Ending::Record {
            return Ok(passed.ending);
        }
        if passed.is_damaged {
            let bytes = self.raw.bytes();
            let start = bytes[..bytes.len().min(self.limit)].trim_ascii_end();
            record.set_bad(start, record.line, STRAY_QUOTE);
            return Ok(Ending::Record);
        }
        self.fill(record);
        if self.marks.line_end == b'\n' {
            record.drop_carriage_return();
        }
        Ok(Ending::Record)
    }

    /// Cuts out the next record, and tells its lines.
    fn cut(&mut self, record: &mut Record) -> io::Result<Passed> {
        if self.is_new {
            self.begin()?;
        }
        let passed = skip::record(&mut self.input, self.marks, &mut self.raw)?;
        let line = self.line + passed.empty_lines;
        self.line += passed.line_breaks;
        match passed.ending {
            Ending::Record => (record.line, record.last_line) = (line, self.line - 1),
            Ending::OpenQuote => record.line = line,
            Ending::File => {}
        }
        Ok(passed)
    }

    /// Looks at the first bytes, which tell how lines end, and passes over those that are no record.
    fn begin(&mut self) -> io::Result<()> {
        self.is_new = false;
        let start = self.input.fill_buf()?;
        let mark = if start.starts_with(MARK) {
            MARK.len()
        } else {
            0
        };
        let text = &start[mark..];
        self.marks.line_end = line_end(text);
        let separator_line = separator_line(text).map_or(0, |(_, bytes)| bytes);
        if separator_line > 0 {
            self.line += 1;
        }
        self.input.consume(mark + separator_line);
        self.parser = parser(self.marks);
        Ok(())
    }

    /// Understands the record that was cut out.
    fn fill(&mut self, record: &mut Record) {
        let mut rest = self.raw.bytes();
        loop {
            // The last record of a file may lack its line end.
            let input = match rest {
                [] => std::slice::from_ref(&self.marks.line_end),
                rest => rest,
            };
            let (result, taken, written, columns) = self.parser.read_record(
                input,
                &mut record.bytes[record.written..],
                &mut record.ends[record.columns..],
            );
            rest = rest.get(taken..).unwrap_or_default();
            record.written += written;
            record.columns += columns;
            let is_oversize = &mut record.oversize;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    grow(&mut record.bytes, record.written, self.limit, is_oversize);
                }
                ReadRecordResult::OutputEndsFull => {
                    grow(&mut record.ends, record.columns, MAX_COLUMNS, is_oversize);
                }
            }
            if record.oversize {
                // In the midst of the record.
                self.parser = parser(self.marks);
                break;
            }
        }
        record.oversize |= !self.raw.is_whole();
    }
}

/// A parser of records one by one.
fn parser(marks: Marks) -> Reader {
    let mut parser = ReaderBuilder::new()
        .delimiter(marks.separator)
        .quoting(marks.quotes)
        .terminator(Terminator::Any(marks.line_end))
        .build();
    // csv-core takes a byte order mark away from the first bytes that it is given. One in the midst of a
    // file is text, so that it is given an empty line first.
    parser.read_record(&[marks.line_end], &mut [0], &mut [0]);
    parser
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
            let mut reader = RecordReader::new(text.as_bytes(), dialect, 40, 0);
            let (mut record, mut found) = (Record::default(), Vec::new());
            while reader.read(&mut record).expect("no disk") == Ending::Record {
                let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
                found.push(format!("{}: {fields}", record.line));
            }
            assert_eq!(reader.place().1, text.len() as u64);
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
