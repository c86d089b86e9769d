//! A row as its fields, whatever format it comes from.

/// Bytes that the columns beside the text may have together.
pub(super) const OTHER_FIELDS: usize = 64 << 10;

/// Columns of a record at most.
pub(super) const MAX_COLUMNS: usize = 4096;

/// How reading a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// There is a record.
    Record,
    /// There is none: the file is over.
    File,
    /// A quote does not close: the file is over within its field, or so much of it was read that no
    /// one can go back to the line behind it.
    OpenQuote,
}

/// One record. Kept between reads for its memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
    pub(super) written: usize,
    /// Number of fields.
    pub(super) columns: usize,
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// The line it ends on.
    pub(super) last_line: u64,
    /// Whether it has more bytes or columns than were kept.
    pub(super) oversize: bool,
    /// Why it cannot be understood.
    pub(super) problem: Option<String>,
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

    /// The field at a position from 0; empty where there is none.
    pub(super) fn field(&self, column: usize) -> &[u8] {
        if column >= self.columns {
            return &[];
        }
        &self.bytes[self.start(column)..self.ends[column]]
    }

    fn start(&self, column: usize) -> usize {
        column.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// All fields, a tab between them.
    pub(super) fn joined(&self) -> Vec<u8> {
        if self.oversize {
            return self.bytes[..self.written].to_vec();
        }
        let fields: Vec<_> = (0..self.columns).map(|column| self.field(column)).collect();
        fields.join(&b'\t')
    }

    pub(super) fn clear(&mut self) {
        (self.written, self.columns, self.oversize) = (0, 0, false);
        self.problem = None;
    }

    /// Where lines end in LF they may end in CRLF, too; csv-core is told LF alone, because else it takes
    /// a lone CR for an end, and reviews have those in their midst.
    pub(super) fn drop_carriage_return(&mut self) {
        if self.columns == 0 || self.oversize {
            return;
        }
        let start = self.start(self.columns - 1);
        let end = &mut self.ends[self.columns - 1];
        if *end > start && self.bytes[*end - 1] == b'\r' {
            *end -= 1;
        }
    }
}
