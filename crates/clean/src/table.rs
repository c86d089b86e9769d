//! The tables, in and out, with polars.

use std::fs::File;
use std::path::Path;

use artifact::ArtifactError;
use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::*;

use crate::error::CleanError;

/// Rows of a row group. Fixed, so that the bytes do not depend on the machine.
const ROW_GROUP: usize = 1 << 16;

/// Characters of a removed text that are kept to recognise it by.
const EXCERPT: u64 = 200;

/// Reads `reviews.parquet`.
pub(crate) fn read(path: &Path) -> Result<DataFrame, CleanError> {
    let file = File::open(path).map_err(ArtifactError::io("read", path))?;
    ParquetReader::new(file)
        .finish()
        .map_err(CleanError::table("read", path))
}

/// Writes the kept rows with their split. Both columns have an entry for every row.
pub(crate) fn write_clean(
    path: &Path,
    reviews: &DataFrame,
    kept: &BooleanChunked,
    splits: Column,
) -> Result<u64, CleanError> {
    let kept_rows = || -> PolarsResult<DataFrame> {
        let mut frame = reviews.clone();
        frame.with_column(splits)?;
        let names = [
            "row_id",
            "text",
            "label",
            "split",
            "rating",
            "group",
            "topic",
            "timestamp",
        ];
        frame.select(names)?.filter(kept)
    };
    write(path, kept_rows().map_err(CleanError::table("write", path))?)
}

/// Writes the removed rows; `reasons` and `kept_rows` have an entry for every row.
pub(crate) fn write_removed(
    path: &Path,
    reviews: &DataFrame,
    kept: &BooleanChunked,
    reasons: Column,
    kept_rows: Column,
) -> Result<u64, CleanError> {
    let removed_rows = || -> PolarsResult<DataFrame> {
        let mut frame = reviews.select(["row_id", "source", "text"])?;
        frame.with_column(reasons)?;
        frame.with_column(kept_rows)?;
        frame
            .filter(&!kept)?
            .lazy()
            .select([
                col("row_id"),
                col("reason"),
                col("kept"),
                col("source"),
                col("text")
                    .str()
                    .slice(lit(0), lit(EXCERPT))
                    .alias("excerpt"),
            ])
            .collect()
    };
    write(
        path,
        removed_rows().map_err(CleanError::table("write", path))?,
    )
}

/// Writes a table as one chunk and with fixed limits, so that equal rows give equal bytes however
/// many threads made them.
fn write(path: &Path, mut frame: DataFrame) -> Result<u64, CleanError> {
    frame.rechunk_mut();
    let file = File::create(path).map_err(ArtifactError::io("create", path))?;
    let failed = CleanError::table("write", path);
    // The level of every other table: polars' own choice takes twice the time for one percent.
    let level = ZstdLevel::try_new(1).map_err(&failed)?;
    ParquetWriter::new(file)
        .with_compression(ParquetCompression::Zstd(Some(level)))
        .with_row_group_size(Some(ROW_GROUP))
        .finish(&mut frame)
        .map_err(&failed)?;
    Ok(frame.height() as u64)
}
