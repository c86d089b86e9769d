//! Parquet tables, batch by batch, every column as text.
//!
//! A file of a few kilobytes can say gigabytes: a text of some megabytes in a dictionary, and ten thousand
//! rows that refer to it. So texts are decoded as views, which refer to the decoded page and copy nothing, and
//! are written out a row at a time, each no further than a row may be long.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, make_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use artifact::catch_panics;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use crate::error::InputError;
use crate::limit::Limit;
use crate::record::{Ending, Record, RecordReader};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 256;

/// Rows decoded at a time where a text may be said as "the one before, and nothing more": each of those is
/// written out as it is decoded.
const BATCH_ROWS_OF_DELTAS: usize = 1;

/// Bytes of a value in a list, whatever it is.
const VALUE: u64 = 8;

/// Reads rows as records.
pub(crate) struct ParquetReader {
    batches: ParquetRecordBatchReader,
    names: Vec<String>,
    /// Bytes that a row may have.
    row_limit: usize,
    /// Bytes that all rows may have: a value repeated a million times takes no room in the file.
    limit: Limit,
    /// Rows of the whole file, as it says.
    pub(crate) count: u64,
    /// The columns of the rows that were decoded.
    columns: Vec<ArrayRef>,
    /// How many rows were decoded, and how many of them were read.
    decoded: usize,
    taken: usize,
    number: u64,
    bytes: u64,
}

impl ParquetReader {
    /// Opens a file; `path` is what people know it by.
    pub(crate) fn open(
        path: &Path,
        file: File,
        row_limit: usize,
        limit: Limit,
    ) -> Result<Self, InputError> {
        let damaged = |error| InputError::damaged(path, "the start", error);
        let open = || {
            let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
            let groups = found.metadata().row_groups().iter();
            let mut columns = groups.flat_map(|group| group.columns());
            if let Some(found) = columns.find_map(|column| unread(column.compression())) {
                return Ok(Err(found));
            }
            let metadata = with_views(&found)?;
            let empty = RecordBatch::new_empty(Arc::clone(metadata.schema()));
            let names = readable(&empty).into_iter().map(|(name, _)| name).collect();
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
            let rows = batch_rows(metadata.metadata());
            let batches = builder.with_batch_size(rows).build()?;
            Ok(Ok((metadata, batches, names)))
        };
        let opened = catch_panics(ParquetError::External, open)
            .map_err(|error| damaged(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        // The library would call such a table damaged.
        let (metadata, batches, names) = opened.map_err(|found| {
            let expected = "one packed by Snappy or Zstandard, or not at all,";
            let hint = "Write it again, in pandas for example with `to_parquet(FILE, compression=\"zstd\")`";
            InputError::unexpected(path, found, expected, hint)
        })?;
        let mut count = 0_u64;
        for group in metadata.metadata().row_groups() {
            let bytes = group.columns().iter().map(most_bytes);
            let bytes = bytes.fold(0, u64::saturating_add);
            limit.check(bytes).map_err(damaged)?;
            count = count.saturating_add(u64::try_from(group.num_rows()).unwrap_or(0));
        }
        Ok(Self {
            batches,
            names,
            row_limit,
            limit,
            count,
            columns: Vec::new(),
            decoded: 0,
            taken: 0,
            number: 0,
            bytes: 0,
        })
    }

    /// Reads the next row; `false` where there is none.
    fn read_row(&mut self, record: &mut Record) -> Result<bool, ArrowError> {
        while self.taken == self.decoded {
            let Some(batch) = self.batches.next().transpose()? else {
                return Ok(false);
            };
            let columns = readable(&batch).into_iter();
            self.columns = columns.map(|(_, column)| column).collect();
            (self.decoded, self.taken) = (batch.num_rows(), 0);
        }
        record.clear();
        // A byte more than is allowed shows that a row is too long.
        let mut room = Room {
            text: &mut record.bytes,
            left: self.row_limit.saturating_add(1),
            is_full: false,
        };
        for column in &self.columns {
            let written = write_value(column, self.taken, &mut room);
            // That there is no room for it is no problem of the value.
            if let (Err(problem), false) = (written, room.is_full) {
                record.problem.get_or_insert(problem.to_string());
            }
            record.ends.push(room.text.len());
        }
        self.taken += 1;
        Ok(true)
    }
}

impl RecordReader for ParquetReader {
    /// Reads the next row. Its number, from 1, stands for its line.
    fn read(&mut self, record: &mut Record, _learning: bool) -> io::Result<Ending> {
        let read = catch_panics(ArrowError::ExternalError, || self.read_row(record));
        if !read.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
            return Ok(Ending::File);
        }
        self.bytes += (record.bytes.len() + record.ends.len()) as u64;
        self.limit.check(self.bytes)?;
        self.number += 1;
        (record.line, record.last_line) = (self.number, self.number);
        if let Some(problem) = record.problem.take() {
            record.set_bad(b"", self.number, &problem);
        } else if record.bytes.len() > self.row_limit {
            record.bytes.truncate(self.row_limit);
            record.ends = vec![self.row_limit];
            record.oversize = true;
        }
        Ok(Ending::Record)
    }

    /// Its columns; members of structures with dots in their names.
    fn names(&self) -> Option<&[String]> {
        Some(&self.names)
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
fn with_views(found: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let fields = found.schema().fields().iter().map(viewed);
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let schema = schema.with_metadata(found.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)
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
    let groups = metadata.row_groups().iter();
    let mut encodings = groups
        .flat_map(|it| it.columns())
        .flat_map(|it| it.encodings());
    match encodings.any(|it| it == Encoding::DELTA_BYTE_ARRAY) {
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

/// Writes a value as far as there is room; nothing for a value that is missing. Texts may be bytes
/// without a word that they are text.
fn write_value(column: &ArrayRef, row: usize, room: &mut Room<'_>) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::BinaryView | DataType::Utf8View if column.is_null(row) => {}
        DataType::BinaryView => _ = room.take(column.as_binary_view().value(row)),
        DataType::Utf8View => _ = room.take(column.as_string_view().value(row).as_bytes()),
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
            formatter.value(row).write(room)?;
        }
    }
    Ok(())
}

/// The columns that can be written as text, with their names.
fn readable(batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
    let (schema, options) = (batch.schema(), FormatOptions::default());
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        add(field.name().clone(), column, &mut columns);
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

/// Adds a column, or the members of a structure with dots in their names.
fn add(name: String, column: &ArrayRef, found: &mut Vec<(String, ArrayRef)>) {
    if let DataType::Struct(fields) = column.data_type() {
        for (field, member) in fields.iter().zip(column.as_struct().columns()) {
            add(format!("{name}.{}", field.name()), member, found);
        }
    } else {
        found.push((name, in_utc(column)));
    }
}

#[cfg(test)]
mod tests;
