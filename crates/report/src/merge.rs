//! What evaluate wrote model by model, in one table and one file of figures.

use std::path::Path;

use arrow::array::RecordBatch;
use artifact::files::{prediction_rows, read_json};
use artifact::{ArtifactError, Failure, Split, StageName, TableWriter, read_table, schema};
use indexmap::IndexMap;
use metrics::regression::ScoredRow;
use metrics::{MetricsFile, compare_all};
use stage::Context;

use crate::{METRICS, PREDICTIONS};

/// The test reviews as every model judged them.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Their row ids, in ascending order.
    pub row_ids: Vec<u64>,
    /// Their labels in the same order.
    pub labels: Vec<u8>,
    /// By model, the probabilities in the same order.
    pub probabilities: IndexMap<String, Vec<f32>>,
    /// Rows written to the merged table, of all models and splits.
    pub written: u64,
}

/// Writes the predictions of every model into one table, and returns those on the test split.
///
/// # Errors
/// A table is damaged, the models have judged different reviews, or the disk refuses.
pub fn predictions(context: &Context, path: &Path) -> Result<Judged, Failure> {
    let mut writer = TableWriter::create(path, schema::predictions())?;
    let mut judged = Judged::default();
    for (model, artifact) in context.inputs(StageName::Evaluate) {
        let mut rows: Vec<ScoredRow> = Vec::new();
        for batch in read_table(&artifact.file(PREDICTIONS)?, &schema::predictions())? {
            // Read with the nullability of the file, written with that of the contract.
            let failed = ArtifactError::table("read", &artifact.folder().join(PREDICTIONS));
            let columns = batch?.columns().to_vec();
            let batch = RecordBatch::try_new(schema::predictions(), columns).map_err(failed)?;
            let test = prediction_rows(&batch, Split::Test);
            rows.extend(test.map(|(_, row)| (row.row_id, row.label, row.probability)));
            writer.write(&batch)?;
        }
        rows.sort_unstable_by_key(|row| row.0);
        let row_ids: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
        match judged.probabilities.keys().next() {
            None => (judged.row_ids, judged.labels) = (row_ids, labels),
            Some(first) if judged.row_ids != row_ids || judged.labels != labels => {
                return Err(different_reviews(first, model));
            }
            Some(_) => {}
        }
        let probabilities = rows.iter().map(|row| row.2).collect();
        judged.probabilities.insert(model.to_owned(), probabilities);
    }
    judged.written = writer.finish()?;
    Ok(judged)
}

fn different_reviews(first: &str, second: &str) -> Failure {
    let message = format!("The models `{first}` and `{second}` have judged different test reviews");
    let hint = "Evaluate every model again with `ressenti run --only evaluate --force`";
    Failure::new(message).with_hint(hint.to_owned())
}

/// The figures of every model with the paired tests of every pair.
///
/// # Errors
/// A file is damaged.
pub fn metrics(context: &Context, judged: &Judged) -> Result<MetricsFile, Failure> {
    let mut merged = MetricsFile {
        rows: 0,
        confidence: 0.95,
        models: IndexMap::new(),
        comparisons: Vec::new(),
    };
    for (_, artifact) in context.inputs(StageName::Evaluate) {
        let path = artifact.file(METRICS)?;
        let file: MetricsFile = read_json(&path, "is not a file of metrics", None)?;
        // All are of one setting, and of the same rows.
        (merged.rows, merged.confidence) = (file.rows, file.confidence);
        merged.models.extend(file.models);
    }
    let models = judged.probabilities.iter();
    let models = models.map(|(model, values)| (model.as_str(), values.as_slice()));
    let models: Vec<(&str, &[f32])> = models.collect();
    let comparisons = compare_all(&judged.labels, &models, merged.confidence);
    merged.comparisons = comparisons.map_err(Failure::from_error)?;
    Ok(merged)
}
