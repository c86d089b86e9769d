//! Merges the evaluations of all models: predictions into one table, figures into one `metrics.json`.

use std::path::Path;

use arrow::array::RecordBatch;
use artifact::files::{prediction_rows, read_json};
use artifact::{ArtifactError, Failure, Split, StageName, TableWriter, read_table, schema};
use indexmap::IndexMap;
use metrics::regression::ScoredRow;
use metrics::{MetricsFile, ValidationResult, compare_all, is_correct};
use stage::Context;

use crate::{METRICS, PREDICTIONS, Result};

/// The predictions of every model on the same test reviews.
#[derive(Clone, Debug, Default)]
pub struct TestPredictions {
    /// Row ids of the reviews, in ascending order.
    pub row_ids: Vec<u64>,
    /// Their labels in the same order.
    pub labels: Vec<u8>,
    /// The probabilities of the positive class by model, in the same order.
    pub probabilities: IndexMap<String, Vec<f32>>,
    /// Labels and probabilities of the validation reviews by model.
    pub validation: IndexMap<String, (Vec<u8>, Vec<f32>)>,
    /// Rows of the merged table, of all models and splits.
    pub rows_written: u64,
}

impl TestPredictions {
    /// How many of some test reviews, given by their indices, a model predicts correctly.
    pub(crate) fn correct(&self, model: &str, indices: &[usize]) -> u64 {
        let values = &self.probabilities[model];
        let is_match = |index: &&usize| is_correct(self.labels[**index], values[**index]);
        indices.iter().filter(is_match).count() as u64
    }
}

/// Writes the predictions of every model into one table and returns those on the test split.
///
/// # Errors
/// A table is damaged, the models were evaluated on different reviews, or the table cannot be written.
pub fn merge_predictions(context: &Context, path: &Path) -> Result<TestPredictions> {
    let mut writer = TableWriter::create(path, schema::predictions())?;
    let mut merged = TestPredictions::default();
    for (model, artifact) in context.inputs(StageName::Evaluate) {
        let mut rows: Vec<ScoredRow> = Vec::new();
        let mut validation = (Vec::new(), Vec::new());
        for batch in read_table(&artifact.file(PREDICTIONS)?, &schema::predictions())? {
            // The file may allow nulls where the contract does not.
            let failed = ArtifactError::table("read", &artifact.folder().join(PREDICTIONS));
            let columns = batch?.columns().to_vec();
            let batch = RecordBatch::try_new(schema::predictions(), columns).map_err(failed)?;
            let test = prediction_rows(&batch, Split::Test);
            rows.extend(test.map(|(_, row)| (row.row_id, row.label, row.probability)));
            let other = prediction_rows(&batch, Split::Validation);
            validation.extend(other.map(|(_, row)| (row.label, row.probability)));
            writer.write(&batch)?;
        }
        rows.sort_unstable_by_key(|row| row.0);
        let row_ids: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
        match merged.probabilities.keys().next() {
            None => (merged.row_ids, merged.labels) = (row_ids, labels),
            Some(first) if merged.row_ids != row_ids || merged.labels != labels => {
                return Err(different_reviews(first, model));
            }
            Some(_) => {}
        }
        let probabilities = rows.iter().map(|row| row.2).collect();
        merged.probabilities.insert(model.to_owned(), probabilities);
        merged.validation.insert(model.to_owned(), validation);
    }
    merged.rows_written = writer.finish()?;
    Ok(merged)
}

fn different_reviews(first: &str, second: &str) -> Failure {
    let message =
        format!("The models `{first}` and `{second}` were evaluated on different test reviews");
    let hint = "Evaluate every model again with `ressenti run --only evaluate --force`";
    Failure::new(message).with_hint(hint.to_owned())
}

/// Merges the figures of every model and adds a paired test of every pair.
///
/// # Errors
/// A file is damaged.
pub fn merge_metrics(context: &Context, predictions: &TestPredictions) -> Result<MetricsFile> {
    let mut merged = MetricsFile {
        confidence: 0.95,
        ..MetricsFile::default()
    };
    for (_, artifact) in context.inputs(StageName::Evaluate) {
        let path = artifact.file(METRICS)?;
        let file: MetricsFile = read_json(&path, "is not a file of metrics", None)?;
        // Every model is evaluated on the same rows with the same setting.
        (merged.rows, merged.confidence) = (file.rows, file.confidence);
        (merged.classes, merged.warnings) = (file.classes, file.warnings);
        merged.models.extend(file.models);
        merged.validation.extend(file.validation);
    }
    // Without repeated trainings, as for `ressenti predict`.
    let validation = merged.validation.iter();
    let validation = validation.filter(|(name, _)| predictions.probabilities.contains_key(*name));
    let best = ValidationResult::best(validation.map(|(name, result)| (name.as_str(), *result)));
    merged.best = best.map(|(name, _)| name.to_owned());
    let models = predictions.probabilities.iter();
    let models = models.map(|(model, values)| (model.as_str(), values.as_slice()));
    let models: Vec<(&str, &[f32])> = models.collect();
    let comparisons = compare_all(&predictions.labels, &models, merged.confidence);
    merged.comparisons = comparisons.map_err(Failure::from_error)?;
    Ok(merged)
}
