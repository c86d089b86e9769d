//! A row as its fields, whatever format it comes from.

use std::borrow::Cow;
use std::io;

/// Bytes that the columns beside the text may have together.
pub(crate) const OTHER_FIELDS: usize = 64 << 10;

/// Columns of a record at most.
pub(crate) const MAX_COLUMNS: usize = 4096;

/// How reading a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// There is a record.
    Record,
    /// There is none: the file is over.
    File,
    /// A quote does not close: the file is over within its field, or so much of it was read that no
    /// one can go back to the line behind it.
    OpenQuote,
}

/// Reads the records of a file one after the other.
pub(crate) trait RecordReader {
    /// Reads the next record. While `learning`, a reader whose rows name their columns adds new ones.
    fn read(&mut self, record: &mut Record, learning: bool) -> io::Result<Ending>;

    /// The columns' names, where the rows themselves or the file say them; `None` where the first
    /// row may.
    fn names(&self) -> Option<&[String]> {
        None
    }
}

/// One record. Kept between reads for its memory.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// All fields, one behind the other.
    pub(crate) bytes: Vec<u8>,
    /// Where each field ends.
    pub(crate) ends: Vec<usize>,
    /// The line it begins on, from 1.
    pub line: u64,
    /// The line it ends on.
    pub last_line: u64,
    /// Whether it has more bytes or columns than were kept.
    pub oversize: bool,
    /// Why it cannot be understood.
    pub problem: Option<String>,
}

impl Record {
    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        (self.oversize, self.problem) = (false, None);
    }

    /// Adds to the last field, up to `limit` bytes of all fields.
    pub(crate) fn push(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.oversize |= bytes.len() > room;
    }

    /// Ends the last field.
    pub(crate) fn end_field(&mut self) {
        if self.ends.len() < MAX_COLUMNS {
            self.ends.push(self.bytes.len());
        } else {
            self.oversize = true;
        }
    }

    /// Sets fields.
    pub fn set<'f>(&mut self, fields: impl Iterator<Item = &'f [u8]>, line: u64, last_line: u64) {
        self.clear();
        for field in fields {
            self.push(field, usize::MAX);
            self.end_field();
        }
        (self.line, self.last_line) = (line, last_line);
    }

    /// Sets the content of something that is no row.
    pub(crate) fn set_bad(&mut self, content: &[u8], line: u64, problem: &str) {
        self.set(std::iter::once(content), line, line);
        self.problem = Some(problem.to_owned());
    }

    /// Sets the beginning of a row that is too long.
    pub(crate) fn set_oversize(&mut self, content: &[u8], line: u64, last_line: u64) {
        self.set(std::iter::once(content), line, last_line);
        self.oversize = true;
    }

    /// Whether it is one that can be looked at.
    pub fn is_row(&self) -> bool {
        !self.oversize && self.problem.is_none()
    }

    /// Number of fields.
    pub fn columns(&self) -> usize {
        self.ends.len()
    }

    /// The field at a position from 0; empty where there is none.
    pub fn field(&self, column: usize) -> &[u8] {
        let Some(end) = self.ends.get(column) else {
            return &[];
        };
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..*end]
    }

    /// The field at a position from 0 as text, with a sign in place of what is not UTF-8.
    pub fn text(&self, column: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.field(column))
    }

    /// All fields, a tab between them.
    pub fn joined(&self) -> Vec<u8> {
        if self.oversize {
            return self.bytes.clone();
        }
        let fields: Vec<_> = (0..self.columns()).map(|it| self.field(it)).collect();
        fields.join(&b'\t')
    }
}
