//! A row as a list of fields, independent of the file format.

use std::borrow::Cow;
use std::io;

use crate::repairs::Repairs;

/// Maximum size in bytes of all columns except the text.
pub(crate) const MAX_OTHER_BYTES: usize = 64 << 10;

/// Maximum number of columns.
pub(crate) const MAX_COLUMNS: usize = 4096;

/// Result of reading a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOutcome {
    /// A record was read.
    Record,
    /// The file has no more records.
    EndOfFile,
    /// A quote is not closed: the file ends within the field, or the record is too long to be parsed again from
    /// its second line.
    OpenQuote,
}

/// Reads the records of a file one after the other.
pub(crate) trait RecordReader {
    /// Reads the next record. If `add_columns` is set, a format with column names in every row adds new columns.
    fn read(&mut self, record: &mut Record, add_columns: bool) -> io::Result<ReadOutcome>;

    /// The names of the columns if the format stores them; `None` if the first row may contain them.
    fn names(&self) -> Option<&[String]> {
        None
    }
}

/// One record. Reused between reads to avoid allocations.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// All fields, concatenated.
    pub(crate) bytes: Vec<u8>,
    /// End of each field in `bytes`.
    pub(crate) ends: Vec<usize>,
    /// First line, counted from 1.
    pub line: u64,
    /// Last line.
    pub last_line: u64,
    /// Whether some of its bytes or columns were dropped because it is too long.
    pub oversize: bool,
    /// Why the record cannot be parsed.
    pub problem: Option<String>,
    /// Values of JSON that were replaced.
    pub(crate) repairs: Repairs,
}

impl Record {
    /// Removes all fields.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        (self.oversize, self.problem, self.repairs) = (false, None, Repairs::default());
    }

    /// Appends to the last field, up to `limit` bytes for all fields.
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

    /// Replaces the fields.
    pub fn set<'f>(&mut self, fields: impl Iterator<Item = &'f [u8]>, line: u64, last_line: u64) {
        self.clear();
        for field in fields {
            self.push(field, usize::MAX);
            self.end_field();
        }
        (self.line, self.last_line) = (line, last_line);
    }

    /// Stores content that is not a valid row, with its problem.
    pub(crate) fn set_bad(&mut self, content: &[u8], line: u64, problem: &str) {
        self.set(std::iter::once(content), line, line);
        self.problem = Some(problem.to_owned());
    }

    /// Stores the beginning of a row that is too long.
    pub(crate) fn set_oversize(&mut self, content: &[u8], line: u64, last_line: u64) {
        self.set(std::iter::once(content), line, last_line);
        self.oversize = true;
    }

    /// Whether the record is complete and was parsed.
    pub fn is_row(&self) -> bool {
        !self.oversize && self.problem.is_none()
    }

    /// Number of fields.
    pub fn columns(&self) -> usize {
        self.ends.len()
    }

    /// The field at an index from 0; empty if there is none.
    pub fn field(&self, column: usize) -> &[u8] {
        let Some(end) = self.ends.get(column) else {
            return &[];
        };
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..*end]
    }

    /// The field at an index from 0 as text; invalid UTF-8 becomes U+FFFD.
    pub fn text(&self, column: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.field(column))
    }

    /// All fields, separated by tabs.
    pub fn joined(&self) -> Vec<u8> {
        if self.oversize {
            return self.bytes.clone();
        }
        let fields: Vec<_> = (0..self.columns()).map(|it| self.field(it)).collect();
        fields.join(&b'\t')
    }
}
