//! Reads Parquet tables as records of text.
//!
//! A file of a few kilobytes can stand for gigabytes: one long text in a dictionary, and thousands of rows that
//! refer to it. Therefore texts are decoded as views, which refer to the decoded page without copying, and
//! are written one row at a time up to the row limit.

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
    ParquetRecordBatchReaderBuilder as ReaderBuilder,
};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use crate::error::{InputError, Result};
use crate::limit::Limit;
use crate::record::{ReadOutcome, Record, RecordReader};

/// Rows per batch.
const BATCH_ROWS: usize = 256;

/// Rows per batch for delta-encoded columns. There a text may repeat the previous one without taking space in
/// the file, and each copy is decoded in full.
const DELTA_BATCH_ROWS: usize = 1;

/// Assumed size of a list element in bytes.
const LIST_VALUE_BYTES: u64 = 8;

/// Reads rows as records.
pub(crate) struct ParquetReader {
    batches: ParquetRecordBatchReader,
    names: Vec<String>,
    /// Maximum size of a row in bytes.
    row_limit: usize,
    /// Limit for all rows together: a repeated value takes hardly any space in the file.
    limit: Limit,
    /// Number of rows according to the file's metadata.
    pub(crate) count: u64,
    /// The columns of the current batch.
    columns: Vec<ArrayRef>,
    /// Number of rows in the current batch, and how many of them were read.
    decoded: usize,
    read_rows: usize,
    number: u64,
    bytes: u64,
}

impl ParquetReader {
    /// Opens a file. `path` is used in messages.
    pub(crate) fn open(path: &Path, file: File, row_limit: usize, limit: Limit) -> Result<Self> {
        let damaged = |error| InputError::damaged(path, "near its start", error);
        let open = || {
            let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
            let groups = found.metadata().row_groups().iter();
            let mut columns = groups.flat_map(|group| group.columns());
            if let Some(found) = columns.find_map(|column| unsupported(column.compression())) {
                return Ok(Err(found));
            }
            let metadata = with_view_types(&found)?;
            let empty = RecordBatch::new_empty(Arc::clone(metadata.schema()));
            let names = readable(&empty).into_iter().map(|(name, _)| name).collect();
            let rows = batch_rows(metadata.metadata());
            let builder = ReaderBuilder::new_with_metadata(file, metadata.clone());
            let batches = builder.with_batch_size(rows).build()?;
            Ok(Ok((metadata, batches, names)))
        };
        let opened = catch_panics(ParquetError::External, open)
            .map_err(|error| damaged(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        // The library would report such a table as damaged.
        let (metadata, batches, names) = opened.map_err(|found| {
            let expected = "one with Snappy, Zstandard or no compression";
            let hint = "Save it with another compression, for example in pandas with `to_parquet(FILE, compression=\"zstd\")`";
            InputError::unexpected(path, found, expected, hint)
        })?;
        let mut count = 0_u64;
        for group in metadata.metadata().row_groups() {
            let bytes = group.columns().iter().map(max_column_bytes);
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
            read_rows: 0,
            number: 0,
            bytes: 0,
        })
    }

    /// Reads the next row. Returns `false` at the end of the file.
    fn read_row(&mut self, record: &mut Record) -> Result<bool, ArrowError> {
        while self.read_rows == self.decoded {
            let Some(batch) = self.batches.next().transpose()? else {
                return Ok(false);
            };
            let columns = readable(&batch).into_iter();
            self.columns = columns.map(|(_, column)| column).collect();
            (self.decoded, self.read_rows) = (batch.num_rows(), 0);
        }
        record.clear();
        // One byte beyond the limit shows that a row is too long.
        let mut buffer = RowBuffer {
            text: &mut record.bytes,
            left: self.row_limit.saturating_add(1),
            is_full: false,
        };
        for column in &self.columns {
            let written = write_value(column, self.read_rows, &mut buffer);
            // A full buffer is not a problem of the value.
            if let (Err(problem), false) = (written, buffer.is_full) {
                record.problem.get_or_insert(problem.to_string());
            }
            record.ends.push(buffer.text.len());
        }
        self.read_rows += 1;
        Ok(true)
    }
}

impl RecordReader for ParquetReader {
    /// Reads the next row. Its number, counted from 1, is used as its line.
    fn read(&mut self, record: &mut Record, _add_columns: bool) -> io::Result<ReadOutcome> {
        let read = catch_panics(ArrowError::ExternalError, || self.read_row(record));
        if !read.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
            return Ok(ReadOutcome::EndOfFile);
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
        Ok(ReadOutcome::Record)
    }

    /// Names of the columns; a member of a structure is named `structure.member`.
    fn names(&self) -> Option<&[String]> {
        Some(&self.names)
    }
}

/// Describes a table with an unsupported compression; `None` if the compression is supported.
fn unsupported(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => None,
        Compression::GZIP(_) => Some("a Parquet table compressed with gzip"),
        Compression::BROTLI(_) => Some("a Parquet table compressed with Brotli"),
        Compression::LZ4 | Compression::LZ4_RAW => Some("a Parquet table compressed with LZ4"),
        Compression::LZO => Some("a Parquet table compressed with LZO"),
    }
}

/// The file's metadata with texts decoded as views.
fn with_view_types(found: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let fields = found.schema().fields().iter().map(view_field);
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let schema = schema.with_metadata(found.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)
}

/// Maximum memory in bytes for a column of a row group. Its pages are decoded as a whole, and a single row may
/// contain all list elements.
fn max_column_bytes(column: &ColumnChunkMetaData) -> u64 {
    let is_list = column.column_descr().max_rep_level() > 0;
    let in_lists = if is_list { column.num_values() } else { 0 };
    let values = in_lists.unsigned_abs().saturating_mul(LIST_VALUE_BYTES);
    column.uncompressed_size().unsigned_abs().max(values)
}

fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let columns = metadata.row_groups().iter().flat_map(|it| it.columns());
    let mut encodings = columns.flat_map(|it| it.encodings());
    match encodings.any(|it| it == Encoding::DELTA_BYTE_ARRAY) {
        true => DELTA_BATCH_ROWS,
        false => BATCH_ROWS,
    }
}

/// The same field with texts as views and without dictionaries.
fn view_field(field: &FieldRef) -> FieldRef {
    let kind = view_type(field.data_type());
    Arc::new(Field::clone(field).with_data_type(kind))
}

fn view_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, values) => view_type(values),
        DataType::List(item) => DataType::List(view_field(item)),
        DataType::LargeList(item) => DataType::LargeList(view_field(item)),
        DataType::ListView(item) => DataType::ListView(view_field(item)),
        DataType::LargeListView(item) => DataType::LargeListView(view_field(item)),
        DataType::FixedSizeList(item, count) => DataType::FixedSizeList(view_field(item), *count),
        DataType::Map(entries, sorted) => DataType::Map(view_field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(view_field).collect()),
        other => other.clone(),
    }
}

/// A buffer with a size limit. Bytes beyond the limit are dropped.
struct RowBuffer<'a> {
    text: &'a mut Vec<u8>,
    left: usize,
    is_full: bool,
}

impl RowBuffer<'_> {
    /// Appends bytes; returns false if some were dropped.
    fn push(&mut self, bytes: &[u8]) -> bool {
        let written = bytes.len().min(self.left);
        self.text.extend_from_slice(&bytes[..written]);
        self.left -= written;
        self.is_full |= written < bytes.len();
        !self.is_full
    }
}

impl fmt::Write for RowBuffer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Stops at the first part that does not fit.
        self.push(text.as_bytes()).then_some(()).ok_or(fmt::Error)
    }
}

/// Writes a value up to the buffer's limit, and nothing for a missing value. A text may also be stored as
/// bytes that are not marked as text.
fn write_value(
    column: &ArrayRef,
    row: usize,
    buffer: &mut RowBuffer<'_>,
) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::BinaryView | DataType::Utf8View if column.is_null(row) => {}
        DataType::BinaryView => _ = buffer.push(column.as_binary_view().value(row)),
        DataType::Utf8View => _ = buffer.push(column.as_string_view().value(row).as_bytes()),
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
            formatter.value(row).write(buffer)?;
        }
    }
    Ok(())
}

/// The columns that can be written as text, with their names.
fn readable(batch: &RecordBatch) -> Vec<(String, ArrayRef)> {
    let (schema, options) = (batch.schema(), FormatOptions::default());
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        flatten_column(field.name().clone(), column, &mut columns);
    }
    columns.retain(|(_, column)| ArrayFormatter::try_new(column.as_ref(), &options).is_ok());
    columns
}

/// The same times in UTC. Formatting them in a named time zone would need a time zone database.
fn in_utc(column: &ArrayRef) -> ArrayRef {
    let DataType::Timestamp(unit, Some(_)) = column.data_type() else {
        return column.clone();
    };
    let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
    let data = column.to_data().into_builder().data_type(utc).build();
    data.map_or_else(|_| column.clone(), make_array)
}

/// Adds a column; a member of a structure is named `structure.member`.
fn flatten_column(name: String, column: &ArrayRef, found: &mut Vec<(String, ArrayRef)>) {
    if let DataType::Struct(fields) = column.data_type() {
        for (field, member) in fields.iter().zip(column.as_struct().columns()) {
            flatten_column(format!("{name}.{}", field.name()), member, found);
        }
    } else {
        found.push((name, in_utc(column)));
    }
}

#[cfg(test)]
mod tests;
