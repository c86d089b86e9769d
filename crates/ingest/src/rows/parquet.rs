//! Parquet tables, batch by batch, every column as text.
//!
//! A file of a few kilobytes can say gigabytes: a text of some megabytes in a dictionary, and ten thousand
//! rows that refer to it. So texts are decoded as views, which refer to the decoded page and copy nothing, and
//! are written out a piece at a time, each row no further than a row may be long.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, RecordBatch, make_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use artifact::guarded;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::record::{Ending, Record};
use crate::error::IngestError;
use crate::limit::Limit;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 256;

/// Rows decoded at a time where a text may be said as "the one before, and nothing more": each of those is
/// written out as it is decoded.
const BATCH_ROWS_OF_DELTAS: usize = 1;

/// Bytes of rows that are written out before they are taken: a row begins before it is reached.
const PIECE: usize = 1 << 20;

/// Bytes of a value in a list, whatever it is.
const VALUE: u64 = 8;

/// How much is taken of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of a row.
    pub(super) row: usize,
    /// Bytes of all rows: a value repeated a million times takes no room in the file.
    pub(super) all: Limit,
}

/// Reads rows as records.
pub(super) struct TableReader {
    file: File,
    metadata: ArrowReaderMetadata,
    /// Rows of each row group, as the file says.
    groups: Vec<u64>,
    batches: ParquetRecordBatchReader,
    names: Vec<String>,
    limits: Limits,
    batch: Batch,
    rows: Rows,
    next: usize,
    number: u64,
    bytes: u64,
}

impl TableReader {
    /// Opens a file; `path` is what people know it by.
    pub(super) fn open(path: &Path, file: File, limits: Limits) -> Result<Self, IngestError> {
        let open = || {
            let metadata = metadata(&file)?;
            let empty = RecordBatch::new_empty(Arc::clone(metadata.schema()));
            let names = readable(&empty).into_iter().map(|(name, _)| name).collect();
            let batches = from_group(&file, &metadata, 0, 0)?;
            Ok((metadata, batches, names))
        };
        let damaged = |error| IngestError::damaged(path, "the start", error);
        check_packing(path, &file)?;
        let (metadata, batches, names) = guarded(ParquetError::External, open)
            .map_err(|error| damaged(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        let groups = metadata.metadata().row_groups();
        for group in groups {
            let bytes = group.columns().iter().map(most_bytes);
            let bytes = bytes.fold(0, u64::saturating_add);
            limits.all.check(bytes).map_err(damaged)?;
        }
        let groups = groups.iter();
        let groups = groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        Ok(Self {
            groups: groups.collect(),
            file,
            metadata,
            batches,
            names,
            limits,
            batch: Batch::default(),
            rows: Rows::default(),
            next: 0,
            number: 0,
            bytes: 0,
        })
    }

    /// Its columns; members of structures with dots in their names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of the next row, as its line and as what lies before it.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.number + 1, self.number)
    }

    /// Rows of the whole file, as it says.
    pub(super) fn count(&self) -> u64 {
        self.groups
            .iter()
            .fold(0, |sum, rows| sum.saturating_add(*rows))
    }

    /// Goes on at a row, from 1, without a look at the row groups before its own.
    pub(super) fn go_to(&mut self, row: u64) -> io::Result<()> {
        let (mut first, mut before) = (0, row - 1);
        while self.groups.get(first).is_some_and(|rows| *rows <= before) {
            before -= self.groups[first];
            first += 1;
        }
        let open = || from_group(&self.file, &self.metadata, first, before);
        self.batches = guarded(ParquetError::External, open)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.batch = Batch::default();
        (self.rows, self.next, self.number) = (Rows::default(), 0, row - 1);
        Ok(())
    }

    /// Reads the next row. Its number, from 1, stands for its line.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<Ending> {
        while self.next == self.rows.count {
            let (batches, batch, rows) = (&mut self.batches, &mut self.batch, &mut self.rows);
            let row_limit = self.limits.row;
            let is_over = guarded(ArrowError::ExternalError, || {
                while batch.is_taken() {
                    let Some(next) = batches.next().transpose()? else {
                        return Ok(true);
                    };
                    *batch = Batch::of(&next);
                }
                rows.write(batch, row_limit).map(|()| false)
            });
            if is_over.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                return Ok(Ending::File);
            }
            self.next = 0;
            self.bytes += (self.rows.text.len() + self.rows.ends.len()) as u64;
            self.limits.all.check(self.bytes)?;
        }
        self.number += 1;
        self.rows
            .copy(self.next, self.number, self.limits.row, record);
        self.next += 1;
        Ok(Ending::Record)
    }
}

/// Refuses tables whose pages are packed as none is read here, in words of that: the library would call
/// them damaged. A table that cannot be understood at all is left to whoever opens it.
fn check_packing(path: &Path, file: &File) -> Result<(), IngestError> {
    let read = || ArrowReaderMetadata::load(&file.try_clone()?, ArrowReaderOptions::new());
    let Ok(found) = guarded(ParquetError::External, read) else {
        return Ok(());
    };
    let groups = found.metadata().row_groups().iter();
    let mut columns = groups.flat_map(|group| group.columns());
    match columns.find_map(|column| unread(column.compression())) {
        None => Ok(()),
        Some(found) => Err(IngestError::OtherKind {
            path: path.to_owned(),
            found,
            expected: "one packed by Snappy or Zstandard, or not at all,",
            hint: "Write it again, in pandas for example with `to_parquet(FILE, compression=\"zstd\")`"
                .to_owned(),
        }),
    }
}

/// What a table is whose pages are packed as none is read here.
fn unread(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => None,
        Compression::GZIP(_) => Some("a Parquet table packed within by gzip"),
        Compression::BROTLI(_) => Some("a Parquet table packed within by Brotli"),
        Compression::LZ4 | Compression::LZ4_RAW => Some("a Parquet table packed within by LZ4"),
        Compression::LZO => Some("a Parquet table packed within by LZO"),
    }
}

/// What a file says of itself, its texts to be decoded as views.
fn metadata(file: &File) -> Result<ArrowReaderMetadata, ParquetError> {
    let found = ArrowReaderMetadata::load(&file.try_clone()?, ArrowReaderOptions::new())?;
    let fields = found.schema().fields().iter().map(viewed);
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let schema = schema.with_metadata(found.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)
}

/// The rows of a group from one on, and of all groups behind it.
fn from_group(
    file: &File,
    metadata: &ArrowReaderMetadata,
    first: usize,
    before: u64,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let count = metadata.metadata().num_row_groups();
    ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone())
        .with_row_groups((first..count).collect())
        .with_offset(usize::try_from(before).unwrap_or(usize::MAX))
        .with_batch_size(batch_rows(metadata.metadata()))
        .build()
}

/// Bytes that a column of a row group may take at a time: its pages are decoded whole, and a single row may hold
/// all values of its lists.
fn most_bytes(column: &ColumnChunkMetaData) -> u64 {
    let is_list = column.column_descr().max_rep_level() > 0;
    let in_lists = if is_list { column.num_values() } else { 0 };
    let values = in_lists.unsigned_abs().saturating_mul(VALUE);
    column.uncompressed_size().unsigned_abs().max(values)
}

fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let mut columns = metadata.row_groups().iter().flat_map(|it| it.columns());
    match columns.any(|column| {
        column
            .encodings()
            .any(|it| it == Encoding::DELTA_BYTE_ARRAY)
    }) {
        true => BATCH_ROWS_OF_DELTAS,
        false => BATCH_ROWS,
    }
}

/// The same field, whose texts are views and in no dictionary.
fn viewed(field: &FieldRef) -> FieldRef {
    let kind = view_of(field.data_type());
    Arc::new(Field::clone(field).with_data_type(kind))
}

fn view_of(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, values) => view_of(values),
        DataType::List(item) => DataType::List(viewed(item)),
        DataType::LargeList(item) => DataType::LargeList(viewed(item)),
        DataType::ListView(item) => DataType::ListView(viewed(item)),
        DataType::LargeListView(item) => DataType::LargeListView(viewed(item)),
        DataType::FixedSizeList(item, count) => DataType::FixedSizeList(viewed(item), *count),
        DataType::Map(entries, sorted) => DataType::Map(viewed(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(viewed).collect()),
        other => other.clone(),
    }
}

/// Rows as they are decoded, and how many of them were taken.
#[derive(Default)]
struct Batch {
    columns: Vec<(String, ArrayRef)>,
    count: usize,
    taken: usize,
}

impl Batch {
    fn of(batch: &RecordBatch) -> Self {
        Self {
            columns: readable(batch),
            count: batch.num_rows(),
            taken: 0,
        }
    }

    fn is_taken(&self) -> bool {
        self.taken == self.count
    }
}

/// Some rows of a batch as text, one field after the other.
#[derive(Default)]
struct Rows {
    count: usize,
    columns: usize,
    text: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
    /// Rows with a value that cannot be written as text, and why.
    problems: Vec<(usize, String)>,
}

impl Rows {
    /// Writes out the next rows of a batch, in the place of those that are here.
    fn write(&mut self, batch: &mut Batch, row_limit: usize) -> Result<(), ArrowError> {
        let options = FormatOptions::default();
        let cells = batch
            .columns
            .iter()
            .map(|(_, column)| Cells::of(column, &options))
            .collect::<Result<Vec<_>, _>>()?;
        (self.count, self.columns) = (0, cells.len());
        self.text.clear();
        self.ends.clear();
        self.problems.clear();
        while batch.taken < batch.count && self.text.len() < PIECE {
            // A byte more than is allowed shows that a row is too long.
            let mut room = Room {
                text: &mut self.text,
                left: row_limit.saturating_add(1),
                is_full: false,
            };
            for cell in &cells {
                let written = cell.write(batch.taken, &mut room);
                // That there is no room for it is no problem of the value.
                if let (Err(problem), false) = (written, room.is_full) {
                    self.problems.push((self.count, problem.to_string()));
                }
                self.ends.push(room.text.len());
            }
            batch.taken += 1;
            self.count += 1;
        }
        Ok(())
    }

    fn copy(&self, row: usize, number: u64, limit: usize, record: &mut Record) {
        let start = |field: usize| if field == 0 { 0 } else { self.ends[field - 1] };
        let fields = row * self.columns..(row + 1) * self.columns;
        let (from, to) = (start(fields.start), start(fields.end));
        if let Some((_, problem)) = self.problems.iter().find(|(bad, _)| *bad == row) {
            record.set_bad(b"", number, problem);
        } else if to - from > limit {
            record.set_oversize(&self.text[from..from + limit], number, number);
        } else {
            let fields = fields.map(|field| &self.text[start(field)..self.ends[field]]);
            record.set(fields, number, number);
        }
    }
}

/// Where a row is written; what is beyond its room is not.
struct Room<'a> {
    text: &'a mut Vec<u8>,
    left: usize,
    is_full: bool,
}

impl Room<'_> {
    /// Whether all of it was written.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let taken = bytes.len().min(self.left);
        self.text.extend_from_slice(&bytes[..taken]);
        self.left -= taken;
        self.is_full |= taken < bytes.len();
        !self.is_full
    }
}

impl fmt::Write for Room<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A value of many parts ends with the first that finds no room.
        self.take(text.as_bytes()).then_some(()).ok_or(fmt::Error)
    }
}

/// The values of a column.
enum Cells<'a> {
    /// Texts, and what some programs write for them: bytes without a word that they are text.
    Bytes(BinaryViewArray),
    Values(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn of(column: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::BinaryView => Self::Bytes(column.as_binary_view().clone()),
            DataType::Utf8View => Self::Bytes(column.as_string_view().clone().to_binary_view()),
            _ => Self::Values(ArrayFormatter::try_new(column.as_ref(), options)?),
        })
    }

    /// Writes a value as far as there is room; nothing for a value that is missing.
    fn write(&self, row: usize, room: &mut Room<'_>) -> Result<(), ArrowError> {
        match self {
            Self::Bytes(values) if values.is_null(row) => Ok(()),
            Self::Bytes(values) => {
                room.take(values.value(row));
                Ok(())
            }
            Self::Values(formatter) => formatter.value(row).write(room),
        }
    }
}

/// The columns that can be written as text, with their names.
fn readable(batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
    let options = FormatOptions::default();
    let mut columns = flatten(batch);
    for (_, column) in &mut columns {
        *column = in_utc(column);
    }
    columns.retain(|(_, column)| ArrayFormatter::try_new(column.as_ref(), &options).is_ok());
    columns
}

/// The same moments without the name of a zone, which takes a database to be written in.
fn in_utc(column: &ArrayRef) -> ArrayRef {
    let DataType::Timestamp(unit, Some(_)) = column.data_type() else {
        return column.clone();
    };
    let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
    let data = column.to_data().into_builder().data_type(utc).build();
    data.map_or_else(|_| column.clone(), make_array)
}

/// The columns that are no structures, with their names.
fn flatten(batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
    let mut found = Vec::new();
    let schema = batch.schema();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        add(field.name().clone(), column, &mut found);
    }
    found
}

fn add(name: String, column: &ArrayRef, found: &mut Vec<(String, ArrayRef)>) {
    if let DataType::Struct(fields) = column.data_type() {
        for (field, member) in fields.iter().zip(column.as_struct().columns()) {
            add(format!("{name}.{}", field.name()), member, found);
        }
    } else {
        found.push((name, column.clone()));
    }
}

#[cfg(test)]
mod tests;
