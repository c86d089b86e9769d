//! Parquet tables: written by one writer with one set of properties, read against the contract.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::{ArtifactError, schema};

/// Rows a reader returns at a time.
const BATCH_ROWS: usize = 8192;

/// Writes a Parquet table batch by batch, in memory bounded by one row group.
pub struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl TableWriter {
    /// Starts a table with these columns.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<Self, ArtifactError> {
        let file = File::create(path).map_err(ArtifactError::io("create", path))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(32 * BATCH_ROWS))
            .build();
        let writer =
            ArrowWriter::try_new(file, schema, Some(properties)).map_err(ArtifactError::table("write", path))?;
        Ok(Self { path: path.to_owned(), writer, rows: 0 })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// The batch has other columns, or the disk refuses.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ArtifactError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(ArtifactError::table("write", &self.path))
    }

    /// Ends the table and returns its number of rows.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(self) -> Result<u64, ArtifactError> {
        self.writer.close().map_err(ArtifactError::table("write", &self.path))?;
        Ok(self.rows)
    }
}

/// Opens a Parquet table and yields its rows in batches of exactly these columns.
///
/// The schema that a writer tucked into the file is not trusted (polars writes view types there):
/// the columns are read as the contract's types, and refused if they cannot be.
///
/// # Errors
/// The file is not a Parquet table or has other columns.
pub fn read_table(
    path: &Path,
    expected: &SchemaRef,
) -> Result<impl Iterator<Item = Result<RecordBatch, ArtifactError>> + use<>, ArtifactError> {
    let open = || File::open(path).map_err(ArtifactError::io("read", path));
    let failed = ArtifactError::table("read", path);
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&open()?, plain).map_err(&failed)?;
    schema::check(path, &without_zone(expected), &without_zone(found.schema()))?;
    let options = ArrowReaderOptions::new().with_schema(as_stored(expected, found.schema()));
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(open()?, options)
        .map_err(&failed)?
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(&failed)?;
    let failed = ArtifactError::table("read", path);
    Ok(reader.map(move |batch| batch.map_err(&failed)))
}

/// Parquet knows that a time is UTC but not by which name, so names of zones are not compared.
fn without_zone(schema: &Schema) -> Schema {
    use arrow::datatypes::DataType::Timestamp;
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        Timestamp(unit, Some(_)) => field.as_ref().clone().with_data_type(Timestamp(*unit, None)),
        _ => field.as_ref().clone(),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The contract's columns with the file's own nullability: polars writes every column as nullable.
fn as_stored(expected: &SchemaRef, found: &SchemaRef) -> SchemaRef {
    let fields = expected.fields().iter().zip(found.fields()).map(|(wanted, present)| {
        wanted.as_ref().clone().with_nullable(present.is_nullable())
    });
    SchemaRef::new(Schema::new(fields.collect::<Vec<_>>()))
}
