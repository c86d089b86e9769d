//! `predictions.parquet`: one row for each judged review of a model.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float32Array, RecordBatch, StringArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};

use crate::{ArtifactError, Split, TableWriter, read_table, schema};

/// Predictions of the training rows by models that did not learn from them, with `train` as the split. Only linear
/// models have it.
pub const CROSS_FITTED: &str = "cross_fitted.parquet";

/// What a model says of one review.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The review's id, as in `clean.parquet`.
    pub row_id: u64,
    /// The split it belongs to.
    pub split: Split,
    /// Its true class id.
    pub label: u8,
    /// The calibrated probability that it is positive.
    pub probability: f32,
}

/// The rows of a split in a batch of the table, each with the name of its model.
pub fn prediction_rows(
    batch: &RecordBatch,
    split: Split,
) -> impl Iterator<Item = (&str, Prediction)> {
    let row_ids = batch.column(0).as_primitive::<UInt64Type>();
    let splits = batch.column(1).as_string::<i32>();
    let labels = batch.column(2).as_primitive::<UInt8Type>();
    let probabilities = batch.column(3).as_primitive::<Float32Type>();
    let models = batch.column(4).as_string::<i32>();
    let rows = (0..batch.num_rows()).filter(move |row| splits.value(*row) == split.as_str());
    rows.map(move |row| {
        let prediction = Prediction {
            row_id: row_ids.value(row),
            split,
            label: labels.value(row),
            probability: probabilities.value(row),
        };
        (models.value(row), prediction)
    })
}

/// Writes predictions of one model and returns their number.
///
/// # Errors
/// The file cannot be written.
pub fn write_predictions(
    path: &Path,
    model: &str,
    predictions: &[Prediction],
) -> Result<u64, ArtifactError> {
    let rows = || predictions.iter();
    let splits = rows().map(|row| row.split.as_str());
    let probabilities = rows().map(|row| row.probability);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows().map(|row| row.row_id))),
        Arc::new(StringArray::from_iter_values(splits)),
        Arc::new(UInt8Array::from_iter_values(rows().map(|row| row.label))),
        Arc::new(Float32Array::from_iter_values(probabilities)),
        Arc::new(StringArray::from_iter_values(rows().map(|_| model))),
    ];
    let batch = RecordBatch::try_new(schema::predictions(), columns)
        .map_err(ArtifactError::table("write", path))?;
    let mut writer = TableWriter::create(path, schema::predictions())?;
    writer.write(&batch)?;
    writer.finish()
}

/// What a predictions file says of the rows of a split by one model.
///
/// # Errors
/// The file cannot be read or is another table.
pub fn read_predictions(
    path: &Path,
    model: &str,
    split: Split,
) -> Result<Vec<Prediction>, ArtifactError> {
    let mut rows = Vec::new();
    for batch in read_table(path, &schema::predictions())? {
        let batch = batch?;
        let of_model = prediction_rows(&batch, split).filter(|(name, _)| *name == model);
        rows.extend(of_model.map(|(_, row)| row));
    }
    Ok(rows)
}
