//! `predictions.parquet`: one row per model and evaluated review.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float32Array, RecordBatch, StringArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};

use crate::{ArtifactError, Result, Split, TableWriter, read_table, schema};

/// Cross-fitted predictions: training rows predicted by models that were not fitted to them, with the split `train`.
/// Only linear models have this file.
pub const CROSS_FITTED: &str = "cross_fitted.parquet";

/// The prediction of one review.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The row id in `clean.parquet`.
    pub row_id: u64,
    /// The split of the review.
    pub split: Split,
    /// The class id of its label.
    pub label: u8,
    /// The calibrated probability of the positive class.
    pub probability: f32,
}

/// The predictions of a split in a batch of the table, with the names of their models.
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

/// Writes the predictions of one model and returns their number.
///
/// # Errors
/// The file cannot be written.
pub fn write_predictions(path: &Path, model: &str, predictions: &[Prediction]) -> Result<u64> {
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

/// Reads the predictions of a split by one model.
///
/// # Errors
/// The file cannot be read or has other columns.
pub fn read_predictions(path: &Path, model: &str, split: Split) -> Result<Vec<Prediction>> {
    let mut rows = Vec::new();
    for batch in read_table(path, &schema::predictions())? {
        let batch = batch?;
        let of_model = prediction_rows(&batch, split).filter(|(name, _)| *name == model);
        rows.extend(of_model.map(|(_, row)| row));
    }
    Ok(rows)
}
