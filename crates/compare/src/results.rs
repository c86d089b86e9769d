//! The results of an evaluated run, read from its files: metrics, and the test predictions behind them if they
//! are available.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::files::{prediction_rows, read_json};
use artifact::{ArtifactError, Failure, Split, format, read_table, schema};
use metrics::MetricsFile;
use metrics::regression::{PairedRuns, Regression, ScoredRow, find_regressions};

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

    /// Why the runs are not comparable: their models were evaluated on different test reviews. `None` if they are, or if
    /// nothing shows that they are not, because a run has no predictions.
    pub fn not_comparable(&self, current: &Self) -> Option<String> {
        let [ours, theirs] = [self, current].map(labels);
        let [old, new] = [self, current].map(|run| format::count(run.metrics.rows));
        let text = format!("the runs have different test reviews ({old} and {new} test reviews");
        if ours.is_empty() || theirs.is_empty() {
            return (old != new).then(|| text + ")");
        }
        if ours == theirs {
            return None;
        }
        let both = ours.iter();
        let both = both.filter_map(|(id, label)| Some((label, theirs.get(id)?)));
        let relabelled = both.clone().filter(|(ours, theirs)| ours != theirs);
        let relabelled = match relabelled.count() {
            0 => String::new(),
            1 => ", of which 1 has another label".to_owned(),
            rows => format!(", of which {} have another label", format::count(rows)),
        };
        let shared = format::count(both.count());
        let rows = format!("; row ids in both: {shared}{relabelled})");
        Some(text + &rows)
    }

    /// The models that are significantly worse in `current`, or missing there. `--baseline` and
    /// `ressenti compare` both use this function.
    ///
    /// # Errors
    /// The runs are not comparable.
    pub fn regressions(&self, current: &Self) -> Result<Vec<Regression>, Failure> {
        if let Some(why) = self.not_comparable(current) {
            let problem = "The runs are not comparable";
            let hint = "Compare runs with the same source and the same settings of `ingest` and `clean`; if the change is \
                        intended, use the `metrics.json` and `predictions.parquet` of the new run as the baseline";
            let failure = Failure::new(problem).with_cause(why);
            return Err(failure.with_hint(hint.to_owned()));
        }
        let (before, after) = (&self.metrics, &current.metrics);
        Ok(find_regressions(before, after, &self.pair_rows(current)))
    }
}

/// The labels of all test reviews by row id.
fn labels(run: &EvaluationResults) -> BTreeMap<u64, u8> {
    let rows = run.rows.values().flatten();
    rows.map(|(id, label, _)| (*id, *label)).collect()
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

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use indexmap::IndexMap;
    use metrics::Figure;

    use super::*;
    use crate::{Verdict, compare_models};

    /// A run with a model that predicts everything correctly; every review is positive.
    fn run(ids: Range<u64>) -> EvaluationResults {
        let accuracy = ("accuracy".to_owned(), Figure::ValueOnly { value: 1.0 });
        let (rows, figures) = (ids.end - ids.start, IndexMap::from([accuracy]));
        EvaluationResults {
            metrics: MetricsFile::of_model("gru", rows, 0.95, figures),
            rows: [("gru".to_owned(), ids.map(|id| (id, 1, 0.9)).collect())].into(),
        }
    }

    #[test]
    fn runs_on_different_reviews_are_not_comparable() {
        let before = run(0..1000);
        let check = |after: &EvaluationResults, expected: Option<&str>| {
            let why = before.not_comparable(after);
            let expected =
                expected.map(|it| format!("the runs have different test reviews ({it})"));
            assert_eq!(why, expected);
            assert_eq!(before.regressions(after).is_err(), expected.is_some());
            let verdict = compare_models(&before, after)[0].verdict;
            assert_eq!(verdict == Verdict::NotComparable, expected.is_some());
        };
        check(&run(0..1000), None);
        let other = "1,000 and 1,000 test reviews; row ids in both: 995";
        check(&run(5..1005), Some(other));
        let mut after = run(0..1000);
        after.rows.get_mut("gru").expect("its rows")[3].1 = 0;
        let relabelled =
            "1,000 and 1,000 test reviews; row ids in both: 1,000, of which 1 has another label";
        check(&after, Some(relabelled));
        // Without predictions only the numbers of reviews are known.
        let mut after = run(0..1000);
        after.rows.clear();
        check(&after, None);
        after.metrics.rows = 900;
        check(&after, Some("1,000 and 900 test reviews"));
    }
}
