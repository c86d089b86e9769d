//! Parquet tables, batch by batch, every column as text.

use std::fs::File;
use std::io;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, make_array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use artifact::guarded;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::reader::Ending;
use super::record::Record;
use crate::container::Limit;
use crate::error::IngestError;

/// Rows decoded at a time: few, for each may hold a long text.
const BATCH_ROWS: usize = 256;

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
    /// Rows of each row group, as the file says.
    groups: Vec<u64>,
    batches: ParquetRecordBatchReader,
    names: Vec<String>,
    limits: Limits,
    rows: Rows,
    next: usize,
    number: u64,
    bytes: u64,
}

impl TableReader {
    /// Opens a file; `path` is what people know it by.
    pub(super) fn open(path: &Path, file: File, limits: Limits) -> Result<Self, IngestError> {
        let open = || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone()?)?;
            let empty = RecordBatch::new_empty(builder.schema().clone());
            let names = readable(&empty).into_iter().map(|(name, _)| name).collect();
            let groups = builder.metadata().row_groups().iter();
            let groups = groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
            let groups: Vec<u64> = groups.collect();
            Ok((builder.with_batch_size(BATCH_ROWS).build()?, names, groups))
        };
        let (batches, names, groups) = guarded(ParquetError::External, open).map_err(|error| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            IngestError::damaged(path, "the start", error)
        })?;
        Ok(Self {
            file,
            groups,
            batches,
            names,
            limits,
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
        let open = || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(self.file.try_clone()?)?;
            builder
                .with_row_groups((first..self.groups.len()).collect())
                .with_offset(usize::try_from(before).unwrap_or(usize::MAX))
                .with_batch_size(BATCH_ROWS)
                .build()
        };
        self.batches = guarded(ParquetError::External, open)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        (self.rows, self.next, self.number) = (Rows::default(), 0, row - 1);
        Ok(())
    }

    /// Reads the next row. Its number, from 1, stands for its line.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<Ending> {
        while self.next == self.rows.count {
            let batch = guarded(ArrowError::ExternalError, || {
                let batch = self.batches.next().transpose()?;
                batch.map(|batch| Rows::of(&batch)).transpose()
            });
            match batch.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                Some(rows) => self.rows = rows,
                None => return Ok(Ending::File),
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

/// The rows of a batch as text, one field after the other.
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
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let columns = readable(batch);
        let options = FormatOptions::default();
        let cells = columns
            .iter()
            .map(|(_, column)| Cells::of(column, &options))
            .collect::<Result<Vec<_>, _>>()?;
        let mut rows = Self {
            count: batch.num_rows(),
            columns: cells.len(),
            ..Self::default()
        };
        let mut buffer = String::new();
        for row in 0..batch.num_rows() {
            for cell in &cells {
                if let Err(problem) = cell.write(row, &mut buffer, &mut rows.text) {
                    rows.problems.push((row, problem.to_string()));
                }
                rows.ends.push(rows.text.len());
            }
        }
        Ok(rows)
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

/// The values of a column.
enum Cells<'a> {
    /// Some programs write texts as bytes without saying that they are text.
    Bytes(Box<dyn Fn(usize) -> &'a [u8] + 'a>),
    Values(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn of(column: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::Binary => {
                let bytes = column.as_binary::<i32>();
                Self::Bytes(Box::new(|row| {
                    if bytes.is_null(row) {
                        b""
                    } else {
                        bytes.value(row)
                    }
                }))
            }
            DataType::LargeBinary => {
                let bytes = column.as_binary::<i64>();
                Self::Bytes(Box::new(|row| {
                    if bytes.is_null(row) {
                        b""
                    } else {
                        bytes.value(row)
                    }
                }))
            }
            _ => Self::Values(ArrayFormatter::try_new(column.as_ref(), options)?),
        })
    }

    /// Appends a value to `text`; nothing for a value that is missing.
    fn write(&self, row: usize, buffer: &mut String, text: &mut Vec<u8>) -> Result<(), ArrowError> {
        match self {
            Self::Bytes(value) => text.extend_from_slice(value(row)),
            Self::Values(formatter) => {
                buffer.clear();
                formatter.value(row).write(buffer)?;
                text.extend_from_slice(buffer.as_bytes());
            }
        }
        Ok(())
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
