//! One way to read rows, whatever they stand in.

use std::io::{self, BufRead};

use super::delimited::RecordReader;
use super::json::JsonReader;
use super::parquet::TableReader;
use super::record::{Ending, Record};

/// Rows of a file.
pub(super) enum Reader<'a> {
    Delimited(Box<RecordReader<Box<dyn BufRead + 'a>>>),
    Json(JsonReader<Box<dyn BufRead + 'a>>),
    Table(Box<TableReader>),
}

impl Reader<'_> {
    /// Reads the next row. While `learning`, a reader whose rows name their columns takes note of
    /// new ones.
    pub(super) fn read(&mut self, record: &mut Record, learning: bool) -> io::Result<Ending> {
        match self {
            Self::Delimited(reader) => reader.read(record),
            Self::Json(reader) => reader.read(record, learning),
            Self::Table(reader) => reader.read(record),
        }
    }

    /// The line and the byte at which the next row begins; in a table its number for both.
    pub(super) fn place(&self) -> (u64, u64) {
        match self {
            Self::Delimited(reader) => reader.place(),
            Self::Json(reader) => reader.place(),
            Self::Table(reader) => reader.place(),
        }
    }

    /// Passes over the next row, with `record` for its memory.
    pub(super) fn skip(&mut self, record: &mut Record) -> io::Result<Ending> {
        match self {
            Self::Delimited(reader) => reader.skip(record),
            Self::Json(reader) => reader.skip(),
            Self::Table(reader) => reader.read(record),
        }
    }

    /// The columns' names, where the rows themselves or the file say them; `None` where the first
    /// row may.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Delimited(_) => None,
            Self::Json(reader) => Some(reader.names().to_vec()),
            Self::Table(reader) => Some(reader.names().to_vec()),
        }
    }
}
