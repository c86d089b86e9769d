//! Reads the rows of `clean.parquet` that belong to one split.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt8Array, UInt64Array};
use arrow::datatypes::{UInt8Type, UInt64Type};
use artifact::{ArtifactError, Split, filter_split, format, read_columns, schema};

/// Positions of row id, text, label and split in the table.
const COLUMNS: [usize; 4] = [0, 1, 2, 3];

/// Some rows of a split, column by column, in the order of the table.
pub(crate) struct Rows {
    pub(crate) row_ids: UInt64Array,
    /// `None` in the unlabelled split.
    pub(crate) labels: Option<UInt8Array>,
    pub(crate) texts: StringArray,
}

impl Rows {
    /// The texts.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.texts.iter().flatten().collect()
    }
}

/// Reads the rows of a split, a few thousand at a time.
///
/// # Errors
/// The table is damaged, or a row of a labelled split has no label.
pub(crate) fn read_split(
    path: &Path,
    split: Split,
) -> Result<impl Iterator<Item = Result<Rows, ArtifactError>> + use<>, ArtifactError> {
    let batches = read_columns(path, &schema::clean(), &COLUMNS)?;
    let path = path.to_owned();
    Ok(batches.map(move |batch| select(&path, &batch?, split)))
}

fn select(path: &Path, batch: &RecordBatch, split: Split) -> Result<Rows, ArtifactError> {
    let rows = filter_split(path, batch, split)?;
    let labelled = split != Split::Unlabelled;
    for (name, column) in ["row_id", "text", "label"].into_iter().zip(rows.columns()) {
        if column.null_count() > 0 && (labelled || name != "label") {
            let missing = format::plural(column.null_count() as u64, "row", "rows");
            let reason = format!("it has {missing} of the split `{split}` without `{name}`");
            return Err(ArtifactError::damaged(path, reason));
        }
    }
    Ok(Rows {
        row_ids: rows.column(0).as_primitive::<UInt64Type>().clone(),
        texts: rows.column(1).as_string::<i32>().clone(),
        labels: labelled.then(|| rows.column(2).as_primitive::<UInt8Type>().clone()),
    })
}
