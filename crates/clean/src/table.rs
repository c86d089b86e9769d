//! The tables, in and out, with polars, one row group after the other.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use artifact::ArtifactError;
use polars::io::parquet::write::BatchedWriter;
use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::*;

use crate::error::CleanError;

/// Rows of a row group. Fixed, so that the bytes do not depend on the machine.
const ROW_GROUP: usize = 1 << 16;

/// A table that is read in parts, its row groups.
pub(crate) struct Source {
    path: PathBuf,
    parts: Vec<Range<usize>>,
}

impl Source {
    /// Opens a table.
    ///
    /// # Errors
    /// It is no Parquet file.
    pub(crate) fn open(path: &Path) -> Result<Self, CleanError> {
        let file = File::open(path).map_err(ArtifactError::io("read", path))?;
        let metadata = ParquetReader::new(file)
            .get_metadata()
            .map_err(CleanError::table("read", path))?
            .clone();
        let mut start = 0;
        let parts = metadata.row_groups.iter().map(|group| {
            let range = start..start + group.num_rows();
            start = range.end;
            range
        });
        Ok(Self {
            path: path.to_owned(),
            parts: parts.collect(),
        })
    }

    /// Rows of the table.
    pub(crate) fn rows(&self) -> usize {
        self.parts.last().map_or(0, |part| part.end)
    }

    /// The positions of the rows of every part, in order.
    pub(crate) fn parts(&self) -> &[Range<usize>] {
        &self.parts
    }

    /// Some columns of a part's rows.
    ///
    /// # Errors
    /// The file is damaged, or lacks a column.
    pub(crate) fn read(
        &self,
        part: &Range<usize>,
        columns: &[&str],
    ) -> Result<DataFrame, CleanError> {
        let file = File::open(&self.path).map_err(ArtifactError::io("read", &self.path))?;
        let columns = columns.iter().map(|column| (*column).to_owned());
        ParquetReader::new(file)
            .with_columns(Some(columns.collect()))
            .with_slice(Some((part.start, part.len())))
            .finish()
            .map_err(self.failed())
    }

    /// What to make of an error of polars about the rows.
    pub(crate) fn failed(&self) -> impl Fn(PolarsError) -> CleanError + use<> {
        CleanError::table("read", &self.path)
    }
}

/// A table that is written part by part, with fixed limits, so that equal rows give equal bytes
/// however many threads made them.
pub(crate) struct Sink {
    path: PathBuf,
    /// Nothing before the first part, whose columns are the table's.
    writer: Option<BatchedWriter<File>>,
    rows: u64,
}

impl Sink {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            writer: None,
            rows: 0,
        }
    }

    /// Appends rows.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn write(&mut self, mut rows: DataFrame) -> Result<(), CleanError> {
        rows.rechunk_mut();
        let failed = CleanError::table("write", &self.path);
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let file =
                    File::create(&self.path).map_err(ArtifactError::io("create", &self.path))?;
                // The level of every other table: polars' own choice takes twice the time for one
                // percent.
                let level = ZstdLevel::try_new(1).map_err(&failed)?;
                let writer = ParquetWriter::new(file)
                    .with_compression(ParquetCompression::Zstd(Some(level)))
                    .batched(rows.schema())
                    .map_err(&failed)?;
                self.writer.insert(writer)
            }
        };
        for start in (0..rows.height()).step_by(ROW_GROUP) {
            let group = rows.slice(start as i64, ROW_GROUP);
            writer.write_batch(&group).map_err(&failed)?;
        }
        self.rows += rows.height() as u64;
        Ok(())
    }

    /// Ends the table, which has had at least one part, and returns its number of rows.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn finish(self) -> Result<u64, CleanError> {
        if let Some(writer) = self.writer {
            writer
                .finish()
                .map_err(CleanError::table("write", &self.path))?;
        }
        Ok(self.rows)
    }
}
