//! `predictions.parquet`: one row for each judged review.

use std::path::Path;
use std::sync::Arc;

use crate::{ArtifactError, Split, TableWriter, read_table, schema};
use arrow::array::{AsArray, Float32Array, RecordBatch, StringArray, UInt8Array, UInt64Array};
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};

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

/// Predictions of the training rows by models that did not learn from them, with `train` as the split. Only linear
/// models have it.
pub const CROSS_FITTED: &str = "cross_fitted.parquet";

/// Writes predictions of one model and returns their number.
///
/// # Errors
/// The file cannot be written.
pub fn write_predictions(
    path: &Path,
    model: &str,
    predictions: &[Prediction],
) -> Result<u64, ArtifactError> {
    let row_ids = predictions.iter().map(|prediction| prediction.row_id);
    let splits = predictions
        .iter()
        .map(|prediction| prediction.split.as_str());
    let labels = predictions.iter().map(|prediction| prediction.label);
    let probabilities = predictions.iter().map(|prediction| prediction.probability);
    let batch = RecordBatch::try_new(
        schema::predictions(),
        vec![
            Arc::new(UInt64Array::from_iter_values(row_ids)),
            Arc::new(StringArray::from_iter_values(splits)),
            Arc::new(UInt8Array::from_iter_values(labels)),
            Arc::new(Float32Array::from_iter_values(probabilities)),
            Arc::new(StringArray::from_iter_values(
                predictions.iter().map(|_| model),
            )),
        ],
    )
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
        let row_ids = batch.column(0).as_primitive::<UInt64Type>();
        let splits = batch.column(1).as_string::<i32>();
        let labels = batch.column(2).as_primitive::<UInt8Type>();
        let probabilities = batch.column(3).as_primitive::<Float32Type>();
        let models = batch.column(4).as_string::<i32>();
        let wanted = (0..batch.num_rows())
            .filter(|&row| splits.value(row) == split.as_str() && models.value(row) == model);
        rows.extend(wanted.map(|row| Prediction {
            row_id: row_ids.value(row),
            split,
            label: labels.value(row),
            probability: probabilities.value(row),
        }));
    }
    Ok(rows)
}
