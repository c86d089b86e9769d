//! Parquet tables, batch by batch, every column as text.

use std::fs::File;
use std::io;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::reader::Ending;
use super::record::Record;
use crate::error::IngestError;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1024;

/// Reads rows as records.
pub(super) struct TableReader {
    batches: ParquetRecordBatchReader,
    names: Vec<String>,
    columns: Vec<ArrayRef>,
    rows: usize,
    next: usize,
    number: u64,
}

impl TableReader {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self, IngestError> {
        let file = File::open(path).map_err(IngestError::read(path))?;
        let damaged = |error: parquet::errors::ParquetError| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            IngestError::damaged(path, "the start", error)
        };
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        let empty = RecordBatch::new_empty(builder.schema().clone());
        let (names, columns) = flatten(&empty).into_iter().unzip();
        let batches = builder
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(damaged)?;
        Ok(Self {
            batches,
            names,
            columns,
            rows: 0,
            next: 0,
            number: 0,
        })
    }

    /// Its columns; members of structures with dots in their names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Reads the next row. Its number, from 1, stands for its line.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<Ending> {
        while self.next == self.rows {
            let Some(batch) = self.batches.next() else {
                return Ok(Ending::File);
            };
            let damaged = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            let batch = batch.map_err(damaged)?;
            self.columns = flatten(&batch)
                .into_iter()
                .map(|(_, column)| column)
                .collect();
            (self.rows, self.next) = (batch.num_rows(), 0);
        }
        let row = self.next;
        self.next += 1;
        self.number += 1;
        let fields = self.columns.iter().map(|column| text(column, row));
        match fields.collect::<Result<Vec<String>, _>>() {
            Ok(fields) => record.set(
                fields.iter().map(String::as_bytes),
                self.number,
                self.number,
            ),
            Err(problem) => record.set_bad(b"", self.number, &problem.to_string()),
        }
        Ok(Ending::Record)
    }
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

fn text(column: &ArrayRef, row: usize) -> Result<String, arrow::error::ArrowError> {
    if column.is_null(row) {
        return Ok(String::new());
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    formatter.value(row).try_to_string()
}
