//! What a run's models made of the test reviews, as it lies on the disk: figures, and the rows behind
//! them where they are there.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::files::{prediction_rows, read_json};
use artifact::{ArtifactError, Failure, Split, read_table, schema};
use metrics::MetricsFile;
use metrics::regression::{self, PairedRuns, Regression, ScoredRow};

/// The name of the table beside a file of figures.
pub const PREDICTIONS: &str = "predictions.parquet";

/// Figures of models, with the rows behind them.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The figures.
    pub metrics: MetricsFile,
    /// The judged test rows of each model, where they are at hand.
    pub rows: BTreeMap<String, Vec<ScoredRow>>,
}

impl Judged {
    /// Reads a `metrics.json` and, if it is there, the `predictions.parquet` beside it.
    ///
    /// # Errors
    /// One of the two cannot be read or is something else.
    pub fn read(metrics: &Path) -> Result<Self, Failure> {
        let table = metrics.with_file_name(PREDICTIONS);
        Ok(Self {
            metrics: read_json(metrics, "is not a file of metrics", None)?,
            rows: match table.is_file() {
                true => test_rows(&table)?,
                false => BTreeMap::new(),
            },
        })
    }

    /// Keeps one model.
    pub fn only(&mut self, model: &str) {
        self.metrics.models.retain(|name, _| name == model);
        self.rows.retain(|name, _| name == model);
    }

    /// The models that both have judged on the same rows, paired row by row.
    pub fn paired(&self, current: &Self) -> BTreeMap<String, PairedRuns> {
        let pair = |(model, rows): (&String, &Vec<ScoredRow>)| {
            // Other rows than now: such a model is compared by its figures alone.
            Some((
                model.clone(),
                PairedRuns::new(rows, current.rows.get(model)?)?,
            ))
        };
        self.rows.iter().filter_map(pair).collect()
    }

    /// What has become worse since, beyond what chance explains: the one judgement of `--baseline` and
    /// of `ressenti compare`.
    pub fn regressions(&self, current: &Self) -> Vec<Regression> {
        regression::find_regressions(&self.metrics, &current.metrics, &self.paired(current))
    }
}

/// The test rows of a table of predictions, by model.
fn test_rows(path: &Path) -> Result<BTreeMap<String, Vec<ScoredRow>>, ArtifactError> {
    let mut found: BTreeMap<String, Vec<ScoredRow>> = BTreeMap::new();
    for batch in read_table(path, &schema::predictions())? {
        for (model, row) in prediction_rows(&batch?, Split::Test) {
            let rows = found.entry(model.to_owned()).or_default();
            rows.push((row.row_id, row.label, row.probability));
        }
    }
    Ok(found)
}
