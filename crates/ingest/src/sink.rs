//! Receivers of rows, such as the two Parquet tables of the stage.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Builder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondBuilder,
    UInt8Builder, UInt64Array, UInt64Builder,
};
use artifact::{ArtifactError, OutputFile, TableWriter, schema};

use crate::row::{ExcludedRow, Review};
use crate::row_counts::RowCounts;
use tables::Result;

/// The table of accepted reviews.
const REVIEWS: &str = "reviews.parquet";

/// The table of rejected and skipped rows.
const REJECTED: &str = "rejected.parquet";

/// A batch is written when it has this many rows ...
const BATCH_ROWS: usize = 8192;

/// ... or this many bytes of text, which bounds memory for long texts.
const BATCH_BYTES: usize = 16 << 20;

/// A receiver of rows.
pub(crate) trait RowSink {
    /// The numbers of rows.
    fn counts(&mut self) -> &mut RowCounts;
    /// Accepts a review; `source` is its file, line and id.
    fn accept(&mut self, review: &Review<'_>, source: &str) -> Result<()>;
    /// Counts a row that is rejected or skipped.
    fn exclude(&mut self, row: &ExcludedRow) -> Result<()> {
        self.counts().exclude(row);
        Ok(())
    }
    /// Whether reading may stop.
    fn is_full(&self) -> bool {
        false
    }
    /// Whether a review with an invalid label or rating is accepted without a label.
    fn ignores_label_errors(&self) -> bool {
        false
    }
}

/// Writes rows to Parquet tables, in their order.
pub(crate) struct ParquetSink {
    reviews: TableWriter,
    rejected: TableWriter,
    batch: ReviewColumns,
    excluded: Vec<ExcludedRow>,
    row_id: u64,
    counts: RowCounts,
}

impl ParquetSink {
    /// Creates both tables in a folder.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        Ok(Self {
            reviews: TableWriter::create(&folder.join(REVIEWS), schema::reviews())?,
            rejected: TableWriter::create(&folder.join(REJECTED), schema::rejected())?,
            batch: ReviewColumns::default(),
            excluded: Vec::new(),
            row_id: 0,
            counts: RowCounts::default(),
        })
    }

    /// Finishes both tables.
    pub(crate) fn finish(mut self) -> Result<(RowCounts, Vec<OutputFile>)> {
        self.reviews.write(&self.batch.finish()?)?;
        self.rejected.write(&rejected_batch(&self.excluded)?)?;
        let files = vec![
            OutputFile::table(REVIEWS, self.reviews.finish()?),
            OutputFile::table(REJECTED, self.rejected.finish()?),
        ];
        Ok((self.counts, files))
    }
}

impl RowSink for ParquetSink {
    fn counts(&mut self) -> &mut RowCounts {
        &mut self.counts
    }

    fn accept(&mut self, review: &Review<'_>, source: &str) -> Result<()> {
        self.counts.accept(review);
        self.batch.push(self.row_id, review, source);
        self.row_id += 1;
        if self.batch.rows >= BATCH_ROWS || self.batch.bytes >= BATCH_BYTES {
            self.reviews.write(&self.batch.finish()?)?;
        }
        Ok(())
    }

    fn exclude(&mut self, row: &ExcludedRow) -> Result<()> {
        self.counts.exclude(row);
        self.excluded.push(row.clone());
        if self.excluded.len() >= BATCH_ROWS {
            self.rejected.write(&rejected_batch(&self.excluded)?)?;
            self.excluded.clear();
        }
        Ok(())
    }
}

#[derive(Default)]
struct ReviewColumns {
    rows: usize,
    bytes: usize,
    row_id: UInt64Builder,
    text: StringBuilder,
    label: UInt8Builder,
    split: StringBuilder,
    rating: Float32Builder,
    group: StringBuilder,
    topic: StringBuilder,
    timestamp: TimestampMillisecondBuilder,
    source: StringBuilder,
}

impl ReviewColumns {
    fn push(&mut self, row_id: u64, review: &Review<'_>, source: &str) {
        self.rows += 1;
        self.bytes += review.text.len();
        self.row_id.append_value(row_id);
        self.text.append_value(review.text);
        self.label.append_option(review.label.map(|it| it.id()));
        self.split.append_option(review.split.map(|it| it.as_str()));
        self.rating.append_option(review.rating);
        self.group.append_option(review.group.as_deref());
        self.topic.append_option(review.topic.as_deref());
        self.timestamp.append_option(review.timestamp);
        self.source.append_value(source);
    }

    fn finish(&mut self) -> Result<RecordBatch, ArtifactError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.row_id.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.label.finish()),
            Arc::new(self.split.finish()),
            Arc::new(self.rating.finish()),
            Arc::new(self.group.finish()),
            Arc::new(self.topic.finish()),
            Arc::new(self.timestamp.finish().with_timezone("UTC")),
            Arc::new(self.source.finish()),
        ];
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new(schema::reviews(), columns)
            .map_err(ArtifactError::table("write", Path::new(REVIEWS)))
    }
}

fn rejected_batch(rows: &[ExcludedRow]) -> Result<RecordBatch, ArtifactError> {
    let texts = |text: fn(&ExcludedRow) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
    };
    let lines = rows.iter().map(|row| row.line);
    let reasons = rows.iter().map(|row| row.reason.to_string());
    let columns: Vec<ArrayRef> = vec![
        texts(|row| &row.source),
        Arc::new(UInt64Array::from_iter_values(lines)),
        texts(|row| row.reason.kind()),
        Arc::new(StringArray::from_iter_values(reasons)),
        texts(|row| &row.excerpt),
    ];
    RecordBatch::try_new(schema::rejected(), columns)
        .map_err(ArtifactError::table("write", Path::new(REJECTED)))
}
