//! `--baseline`: the CI regression run over all models of a report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use artifact::{Artifact, read_table, schema};
use clap::Args;
use metrics::MetricsFile;
use metrics::regression::{self, JudgedRow, Paired};
use stage::{Context, Failure, format};

use crate::merge::test_rows;
use crate::{METRICS, PREDICTIONS, ReportError};

/// Arguments of the report beside those of every stage.
#[derive(Clone, Debug, Default, Args)]
pub struct BaselineOptions {
    /// Fail if a model is significantly worse than in this `metrics.json`; a `predictions.parquet`
    /// beside it makes the comparison a paired one, which sees smaller losses
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

/// Compares the report with a baseline, if one was given.
pub(crate) fn check(
    context: &Context,
    artifact: &Artifact,
    options: &BaselineOptions,
) -> Result<(), Failure> {
    let Some(path) = &options.baseline else {
        return Ok(());
    };
    let regressions = compare(artifact, path)?;
    if regressions.is_empty() {
        context.progress().note(&format!(
            "no model is significantly worse than in `{}`",
            path.display()
        ));
        return Ok(());
    }
    let lines: Vec<String> = regressions.iter().map(ToString::to_string).collect();
    let number = format::plural(lines.len() as u64, "model is", "models are");
    let message = format!(
        "{number} worse than in the baseline `{}`: {}",
        path.display(),
        lines.join("; ")
    );
    Err(Failure::new(message).with_hint(
        "If the loss is meant, replace the baseline by the `metrics.json` of this report"
            .to_owned(),
    ))
}

fn compare(artifact: &Artifact, path: &Path) -> Result<Vec<regression::Regression>, ReportError> {
    let baseline = MetricsFile::read(path)?;
    let current = MetricsFile::read(&artifact.file(METRICS)?)?;
    let earlier = path.with_file_name(PREDICTIONS);
    let mut paired = BTreeMap::new();
    if earlier.exists() {
        let (before, mut now) = (by_model(&earlier)?, by_model(&artifact.file(PREDICTIONS)?)?);
        for (model, rows) in before {
            // Other rows than now: such a model is compared by its figures alone.
            let pair = now
                .remove(&model)
                .and_then(|current| Paired::new(&rows, &current));
            paired.extend(pair.map(|pair| (model, pair)));
        }
    }
    Ok(regression::check(&baseline, &current, &paired))
}

/// The test rows of a table of predictions, by model.
fn by_model(path: &Path) -> Result<BTreeMap<String, Vec<JudgedRow>>, ReportError> {
    let mut rows: BTreeMap<String, Vec<JudgedRow>> = BTreeMap::new();
    for batch in read_table(path, &schema::predictions())? {
        let batch = batch?;
        let models = batch.column(4).as_string::<i32>();
        let mut start = 0;
        while start < batch.num_rows() {
            let model = models.value(start);
            let end = (start..batch.num_rows())
                .find(|row| models.value(*row) != model)
                .unwrap_or(batch.num_rows());
            test_rows(
                &batch.slice(start, end - start),
                model,
                rows.entry(model.to_owned()).or_default(),
            )?;
            start = end;
        }
    }
    Ok(rows)
}
