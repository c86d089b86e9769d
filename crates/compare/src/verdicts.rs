//! Compares each model of two runs: is it worse, better, or is there no significant difference?

use metrics::regression::{PairedRuns, Regression};
use metrics::{Estimate, Metric, holm, mcnemar};
use serde::Serialize;

use crate::EvaluationResults;

/// The significance level for [`Verdict::Better`].
const ALPHA: f64 = 0.05;

/// A model in two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelComparison {
    /// Its name.
    pub model: String,
    /// Its accuracy in the earlier run, if the run has it.
    pub before: Option<f64>,
    /// Its accuracy in the later run, if the run has it.
    pub after: Option<f64>,
    /// Later minus earlier accuracy with an interval at the earlier run's confidence; `None` unless both runs
    /// evaluated the same rows.
    pub difference: Option<Estimate>,
    /// The number of rows that only the earlier run classified correctly, and that only the later one did; `None`
    /// unless both runs evaluated the same rows.
    #[serde(rename = "only")]
    pub only_one_correct: Option<(u64, u64)>,
    /// Mean log loss in both, in nats.
    pub log_loss: (Option<f64>, Option<f64>),
    /// The conclusion.
    pub verdict: Verdict,
}

/// The conclusion about a model in two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Significantly worse at the 1% level: a regression.
    Worse,
    /// Significantly better at the 5% level.
    Better,
    /// The same predicted label on every row.
    Same,
    /// Neither significantly better nor significantly worse.
    #[serde(rename = "not_told_apart")]
    NoSignificantDifference,
    /// The runs evaluated different test reviews.
    NotComparable,
    /// Only the earlier run has it: a regression.
    Missing,
    /// Only the later run has it.
    New,
}

impl Verdict {
    /// The text for a table.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Same => "same predictions",
            Self::NoSignificantDifference => "no significant difference",
            Self::NotComparable => "not comparable",
            Self::Missing => "missing in B",
            Self::New => "new in B",
        }
    }
}

/// Compares every model of either run, those of the earlier one first.
pub fn compare_models(
    before: &EvaluationResults,
    after: &EvaluationResults,
) -> Vec<ModelComparison> {
    let regressions = before.regressions(after);
    let is_comparable = regressions.is_ok();
    let regressions = regressions.unwrap_or_default();
    let pairs = before.pair_rows(after);
    let is_new = |model: &&String| !before.metrics.models.contains_key(*model);
    let new = after.metrics.models.keys().filter(is_new);
    let models: Vec<&String> = before.metrics.models.keys().chain(new).collect();
    let only_one_correct = |model: &&String| pairs.get(*model).map(PairedRuns::only);
    let p_value = |(lost, gained)| mcnemar(gained, lost);
    let counts = models.iter().filter_map(only_one_correct);
    let p_values: Vec<f64> = counts.map(p_value).collect();
    let mut adjusted = holm(&p_values).into_iter();
    let compared = models.into_iter().map(|model| {
        let figure = |run: &EvaluationResults, it| Some(run.metrics.figure(model, it)?.value());
        let both = |metric| (figure(before, metric), figure(after, metric));
        let accuracy = both(Metric::Accuracy);
        let only_one_correct = only_one_correct(&model);
        let p_value = only_one_correct.and_then(|_| adjusted.next());
        let p_value = p_value.unwrap_or(1.0);
        let is_worse = |it: &Regression| it.model == *model && !it.is_missing;
        let difference = |pair: &PairedRuns| pair.difference(before.metrics.confidence);
        ModelComparison {
            model: model.clone(),
            before: accuracy.0,
            after: accuracy.1,
            difference: pairs.get(model).map(difference),
            only_one_correct,
            log_loss: both(Metric::LogLoss),
            verdict: match (only_one_correct, accuracy) {
                _ if regressions.iter().any(is_worse) => Verdict::Worse,
                (Some((0, 0)), _) => Verdict::Same,
                (Some((lost, gained)), _) if gained > lost && p_value < ALPHA => Verdict::Better,
                (None, (Some(_), None)) => Verdict::Missing,
                (None, (None, _)) => Verdict::New,
                _ if !is_comparable => Verdict::NotComparable,
                _ => Verdict::NoSignificantDifference,
            },
        }
    });
    compared.collect()
}
