//! Reads `predictions.parquet` of one model.

use std::path::Path;

use artifact::files::{Prediction, prediction_rows};
use artifact::{ArtifactError, Split, read_table, schema};

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
        let wanted =
            prediction_rows(&batch).filter(|row| row.split == split.as_str() && row.model == model);
        rows.extend(wanted.map(|row| Prediction {
            row_id: row.row_id,
            split,
            label: row.label,
            probability: row.probability,
        }));
    }
    Ok(rows)
}
