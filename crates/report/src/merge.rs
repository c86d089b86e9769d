//! What evaluate wrote model by model, in one table and one file of figures.

use std::path::Path;

use arrow::array::RecordBatch;
use artifact::files::prediction_rows;
use artifact::{Artifact, ArtifactError, Split, StageName, TableWriter, read_table, schema};
use indexmap::IndexMap;
use metrics::regression::JudgedRow;
use metrics::{MetricsFile, compare_all};
use stage::Context;

use crate::{METRICS, PREDICTIONS, ReportError};

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

impl Judged {
    /// Leaves out the repetitions of models with other seeds: they are a model's spread, and not its
    /// rivals.
    pub(crate) fn without(mut self, repeats: &IndexMap<String, Vec<String>>) -> Self {
        self.probabilities
            .retain(|model, _| !repeats.values().any(|names| names.contains(model)));
        self
    }
}

/// Writes the predictions of every model into one table, and returns those on the test split.
///
/// # Errors
/// A table is damaged, the models have judged different reviews, or the disk refuses.
pub fn predictions(context: &Context, path: &Path) -> Result<Judged, ReportError> {
    let mut writer = TableWriter::create(path, schema::predictions())?;
    let mut judged = Judged::default();
    let mut ids: Option<(String, Vec<u64>)> = None;
    for (model, artifact) in context.inputs(StageName::Evaluate) {
        let mut rows = Vec::new();
        for batch in read_table(&artifact.file(PREDICTIONS)?, &schema::predictions())? {
            let batch = batch?;
            // Read with the nullability of the file, written with that of the contract.
            let failed = ArtifactError::table("read", &artifact.folder().join(PREDICTIONS));
            let batch = RecordBatch::try_new(schema::predictions(), batch.columns().to_vec())
                .map_err(failed)?;
            test_rows(&batch, model, &mut rows)?;
            writer.write(&batch)?;
        }
        rows.sort_unstable_by_key(|row| row.0);
        let row_ids: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
        match &ids {
            Some((first, known)) if *known != row_ids || judged.labels != labels => {
                return Err(ReportError::OtherRows {
                    first: first.clone(),
                    second: model.to_owned(),
                });
            }
            Some(_) => {}
            None => {
                judged.row_ids.clone_from(&row_ids);
                ids = Some((model.to_owned(), row_ids));
                judged.labels = labels;
            }
        }
        judged
            .probabilities
            .insert(model.to_owned(), rows.iter().map(|row| row.2).collect());
    }
    judged.written = writer.finish()?;
    Ok(judged)
}

/// Appends the rows of the test split.
fn test_rows(
    batch: &RecordBatch,
    model: &str,
    rows: &mut Vec<JudgedRow>,
) -> Result<(), ReportError> {
    for row in prediction_rows(batch) {
        match Split::parse(row.split) {
            Some(Split::Test) => rows.push((row.row_id, row.label, row.probability)),
            Some(_) => {}
            None => {
                return Err(ReportError::UnknownSplit {
                    model: model.to_owned(),
                    split: row.split.to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// The figures of every model with the paired tests of every pair.
///
/// # Errors
/// A file is damaged, or evaluations do not fit together.
pub fn metrics(context: &Context, judged: &Judged) -> Result<MetricsFile, ReportError> {
    let mut merged: Option<(String, MetricsFile)> = None;
    for (model, artifact) in context.inputs(StageName::Evaluate) {
        let file = read(artifact)?;
        match &mut merged {
            None => merged = Some((model.to_owned(), file)),
            Some((first, merged)) => unite(first, merged, model, file)?,
        }
    }
    let mut merged = match merged {
        Some((_, merged)) => merged,
        None => MetricsFile {
            rows: 0,
            confidence: 0.95,
            models: IndexMap::new(),
            comparisons: Vec::new(),
        },
    };
    let models: Vec<(&str, &[f32])> = judged
        .probabilities
        .iter()
        .map(|(model, values)| (model.as_str(), values.as_slice()))
        .collect();
    merged.comparisons = compare_all(&judged.labels, &models, merged.confidence)?;
    Ok(merged)
}

fn read(artifact: &Artifact) -> Result<MetricsFile, ReportError> {
    Ok(MetricsFile::read(&artifact.file(METRICS)?)?)
}

fn unite(
    first: &str,
    merged: &mut MetricsFile,
    second: &str,
    file: MetricsFile,
) -> Result<(), ReportError> {
    let names = || (first.to_owned(), second.to_owned());
    if merged.rows != file.rows {
        let (first, second) = names();
        return Err(ReportError::OtherRows { first, second });
    }
    if merged.confidence != file.confidence {
        let (first, second) = names();
        let (first_confidence, second_confidence) = (merged.confidence, file.confidence);
        return Err(ReportError::OtherConfidence {
            first,
            first_confidence,
            second,
            second_confidence,
        });
    }
    merged.models.extend(file.models);
    Ok(())
}
