//! Parquet tables: written with the same properties everywhere, and checked against their schema when read.

use std::fs::File;
use std::iter;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::{ArtifactError, Result, catch_panics, schema};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// Largest row group in encoded bytes; for long texts a limit of rows would not bound memory.
const ROW_GROUP_BYTES: usize = 128 << 20;

/// Writes a Parquet table batch by batch; memory is bounded by one row group.
pub struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl TableWriter {
    /// Creates a table with these columns.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<Self> {
        let file = File::create(path).map_err(ArtifactError::io("create", path))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(32 * BATCH_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties))
            .map_err(ArtifactError::table("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            rows: 0,
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// The batch has other columns, or the file cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let written = self.writer.write(batch);
        written.map_err(ArtifactError::table("write", &self.path))
    }

    /// Completes the table and returns its number of rows.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<u64> {
        let closed = self.writer.close();
        closed.map_err(ArtifactError::table("write", &self.path))?;
        Ok(self.rows)
    }
}

/// Opens a Parquet table and returns its rows in batches of exactly these columns.
///
/// The Arrow schema in the metadata of the file is ignored, because other writers store view types there. Columns are
/// read as the expected types; a table with other columns is an error.
///
/// # Errors
/// The file is not a Parquet table or has other columns.
pub fn read_table(
    path: &Path,
    expected: &SchemaRef,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let all: Vec<usize> = (0..expected.fields().len()).collect();
    read_columns(path, expected, &all)
}

/// Reads some columns, given by their positions in the schema. Other columns are not decompressed.
///
/// # Errors
/// As for [`read_table`].
pub fn read_columns(
    path: &Path,
    expected: &SchemaRef,
    columns: &[usize],
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    read_rows(path, expected, columns, None)
}

/// Reads some columns of selected rows, or of all rows. Pages without selected rows are not decompressed.
pub(crate) fn read_rows(
    path: &Path,
    expected: &SchemaRef,
    columns: &[usize],
    selected: Option<RowSelection>,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let failed = ArtifactError::table("read", path);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let file = File::open(path).map_err(ArtifactError::io("read", path))?;
    let load = || ArrowReaderMetadata::load(&file, options);
    let found = catch_panics(ParquetError::External, load).map_err(&failed)?;
    schema::check(path, &without_zone(expected), &without_zone(found.schema()))?;
    let options = ArrowReaderOptions::new().with_schema(as_stored(expected, found.schema()));
    let open = || {
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let builder = builder.with_batch_size(BATCH_ROWS).with_projection(mask);
        match selected {
            Some(rows) => builder.with_row_selection(rows).build(),
            None => builder.build(),
        }
    };
    let mut reader = catch_panics(ParquetError::External, open).map_err(&failed)?;
    let failed = ArtifactError::table("read", path);
    let mut damaged = false;
    Ok(iter::from_fn(move || {
        if damaged {
            return None;
        }
        let next = catch_panics(ArrowError::ExternalError, || reader.next().transpose());
        damaged = next.is_err();
        next.map_err(&failed).transpose()
    }))
}

/// The schema without names of time zones, which Parquet does not store.
fn without_zone(schema: &Schema) -> Schema {
    use arrow::datatypes::DataType::Timestamp;
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        Timestamp(unit, Some(_)) => Field::clone(field).with_data_type(Timestamp(*unit, None)),
        _ => Field::clone(field),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The expected columns with the nullability of the file: some writers make every column nullable.
fn as_stored(expected: &SchemaRef, found: &SchemaRef) -> SchemaRef {
    let pairs = expected.fields().iter().zip(found.fields());
    let fields = pairs.map(|(own, found)| Field::clone(own).with_nullable(found.is_nullable()));
    SchemaRef::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Float32Array, StringArray, TimestampMillisecondArray, UInt8Array, UInt64Array,
    };

    use super::*;

    fn reviews(rows: usize) -> RecordBatch {
        let optional = |text: &str| {
            StringArray::from_iter((0..rows).map(|row| (row % 2 == 0).then_some(text)))
        };
        let times = (0..rows).map(|row| (row % 3 == 0).then_some(row as i64 * 86_400_000));
        RecordBatch::try_new(
            schema::reviews(),
            vec![
                Arc::new((0..rows as u64).collect::<UInt64Array>()),
                Arc::new(StringArray::from_iter_values(
                    (0..rows).map(|row| format!("Review {row}, \u{e9}t\u{e9}")),
                )),
                Arc::new(
                    (0..rows)
                        .map(|row| Some(row as u8 % 2).filter(|_| row > 0))
                        .collect::<UInt8Array>(),
                ),
                Arc::new(optional("train")),
                Arc::new(
                    (0..rows)
                        .map(|row| Some(row as f32 / 2.0))
                        .collect::<Float32Array>(),
                ),
                Arc::new(optional("tt0000001")),
                Arc::new(optional("a film")),
                Arc::new(TimestampMillisecondArray::from_iter(times).with_timezone("UTC")),
                Arc::new(StringArray::from_iter_values(
                    (0..rows).map(|row| format!("reviews.csv:{row}")),
                )),
            ],
        )
        .expect("the columns of the schema")
    }

    fn written(path: &Path, batch: &RecordBatch) {
        let mut writer = TableWriter::create(path, batch.schema()).expect("created");
        writer.write(batch).expect("written");
        assert_eq!(writer.finish().expect("finished"), batch.num_rows() as u64);
    }

    fn read(path: &Path, expected: &SchemaRef) -> Result<Vec<RecordBatch>, ArtifactError> {
        read_table(path, expected)?.collect()
    }

    #[test]
    fn written_rows_are_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("reviews.parquet");
        let batch = reviews(BATCH_ROWS + 7);
        written(&path, &batch);
        let found = read(&path, &schema::reviews()).expect("read");
        assert_eq!(
            found.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
            [BATCH_ROWS, 7]
        );
        assert_eq!(found[0], batch.slice(0, BATCH_ROWS));
        assert_eq!(found[1], batch.slice(BATCH_ROWS, 7));
    }

    #[test]
    fn selected_columns_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("reviews.parquet");
        let batch = reviews(9);
        written(&path, &batch);
        let found: Vec<RecordBatch> = read_columns(&path, &schema::reviews(), &[0, 5])
            .expect("opened")
            .collect::<Result<_, _>>()
            .expect("read");
        assert_eq!(found, [batch.project(&[0, 5]).expect("columns")]);
        let other = read_columns(&path, &schema::clean(), &[0, 5]);
        assert!(other.is_err());
    }

    #[test]
    fn equal_rows_give_equal_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (
            folder.path().join("one.parquet"),
            folder.path().join("two.parquet"),
        );
        written(&one, &reviews(100));
        written(&two, &reviews(100));
        assert_eq!(
            std::fs::read(one).expect("read"),
            std::fs::read(two).expect("read")
        );
    }

    #[test]
    fn other_columns_are_rejected_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("reviews.parquet");
        written(&path, &reviews(3));
        let error = read(&path, &schema::clean())
            .expect_err("another table")
            .to_string();
        assert!(
            error.ends_with("column 9, `source` of type Utf8, should not exist"),
            "{error}"
        );
    }

    #[test]
    fn a_truncated_file_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("reviews.parquet");
        written(&path, &reviews(20));
        let bytes = std::fs::read(&path).expect("read");
        for length in (0..bytes.len()).step_by(7) {
            std::fs::write(&path, &bytes[..length]).expect("written");
            assert!(
                read(&path, &schema::reviews()).is_err(),
                "cut off after {length} of {} bytes",
                bytes.len()
            );
        }
    }
}
