//! The results of an evaluated run, read from its files: metrics, and the test predictions behind them if they
//! are available.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::files::{prediction_rows, read_json};
use artifact::{ArtifactError, Failure, Split, read_table, schema};
use metrics::MetricsFile;
use metrics::regression::{self, PairedRuns, Regression, ScoredRow};

/// The name of the table of predictions next to a `metrics.json`.
pub const PREDICTIONS: &str = "predictions.parquet";

/// Metrics of models and the predictions they were computed from.
#[derive(Clone, Debug)]
pub struct EvaluationResults {
    /// The content of `metrics.json`.
    pub metrics: MetricsFile,
    /// The test predictions of each model; empty if there is no `predictions.parquet`.
    pub rows: BTreeMap<String, Vec<ScoredRow>>,
}

impl EvaluationResults {
    /// Reads a `metrics.json` and, if it exists, the `predictions.parquet` next to it.
    ///
    /// # Errors
    /// One of the files cannot be read or has other content.
    pub fn read(metrics: &Path) -> Result<Self, Failure> {
        let table = metrics.with_file_name(PREDICTIONS);
        Ok(Self {
            metrics: read_json(metrics, "is not a valid metrics file", None)?,
            rows: match table.is_file() {
                true => test_rows(&table)?,
                false => BTreeMap::new(),
            },
        })
    }

    /// Removes all models except one.
    pub fn retain_model(&mut self, model: &str) {
        self.metrics.models.retain(|name, _| name == model);
        self.rows.retain(|name, _| name == model);
    }

    /// Pairs the predictions of both runs row by row, for each model that was evaluated on the same rows in both.
    /// Other models can only be compared by their metrics.
    pub fn pair_rows(&self, current: &Self) -> BTreeMap<String, PairedRuns> {
        let pair = |(model, rows): (&String, &Vec<ScoredRow>)| {
            let pair = PairedRuns::new(rows, current.rows.get(model)?)?;
            Some((model.clone(), pair))
        };
        self.rows.iter().filter_map(pair).collect()
    }

    /// The models that are significantly worse in `current`, or missing there. `--baseline` and
    /// `ressenti compare` both use this function.
    pub fn regressions(&self, current: &Self) -> Vec<Regression> {
        regression::find_regressions(&self.metrics, &current.metrics, &self.pair_rows(current))
    }
}

/// The test rows of a table of predictions, by model.
fn test_rows(path: &Path) -> Result<BTreeMap<String, Vec<ScoredRow>>, ArtifactError> {
    let mut by_model: BTreeMap<String, Vec<ScoredRow>> = BTreeMap::new();
    for batch in read_table(path, &schema::predictions())? {
        for (model, row) in prediction_rows(&batch?, Split::Test) {
            let rows = by_model.entry(model.to_owned()).or_default();
            rows.push((row.row_id, row.label, row.probability));
        }
    }
    Ok(by_model)
}
