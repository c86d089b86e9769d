//! Model by model: is it worse, better, or not to be told apart from what it was?

use metrics::regression::{PairedRuns, Regression};
use metrics::{Estimate, Metric, holm, mcnemar};
use serde::Serialize;

use crate::Judged;

/// The chance at which a gain is called one.
const ALPHA: f64 = 0.05;

/// A model in two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    pub model: String,
    /// Its accuracy in the earlier run, if it was there.
    pub before: Option<f64>,
    /// Its accuracy in the later run, if it is there.
    pub after: Option<f64>,
    /// Later minus earlier with the interval of the earlier run's confidence, where both judged the
    /// same rows.
    pub difference: Option<Estimate>,
    /// Rows that only the earlier run got right, and rows that only the later one did, likewise.
    pub only: Option<(u64, u64)>,
    /// Mean log loss in both.
    pub log_loss: (Option<f64>, Option<f64>),
    /// What follows.
    pub verdict: Verdict,
}

/// What follows of two runs of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A loss that chance explains less than once in a hundred times: what `--baseline` fails on.
    Worse,
    /// A gain that chance explains less than once in twenty times.
    Better,
    /// The same decision on every row.
    Same,
    /// Less than that.
    NotToldApart,
    /// Only the earlier run has it, which `--baseline` fails on.
    Missing,
    /// Only the later run has it.
    New,
}

impl Verdict {
    /// In words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Same => "the same on every row",
            Self::NotToldApart => "cannot be told apart",
            Self::Missing => "missing",
            Self::New => "new",
        }
    }
}

/// Every model of either run, those of the earlier one first.
pub fn verdicts(before: &Judged, after: &Judged) -> Vec<Compared> {
    let regressions = before.regressions(after);
    let pairs = before.paired(after);
    let is_new = |model: &&String| !before.metrics.models.contains_key(*model);
    let new = after.metrics.models.keys().filter(is_new);
    let models: Vec<&String> = before.metrics.models.keys().chain(new).collect();
    let only = |model: &&String| pairs.get(*model).map(PairedRuns::only);
    let p_value = |(lost, gained)| mcnemar(gained, lost);
    let p_values: Vec<f64> = models.iter().filter_map(only).map(p_value).collect();
    let mut adjusted = holm(&p_values).into_iter();
    let compared = models.into_iter().map(|model| {
        let figure = |run: &Judged, metric: Metric| -> Option<f64> {
            Some(run.metrics.models.get(model)?.get(metric.name())?.value())
        };
        let both = |metric| (figure(before, metric), figure(after, metric));
        let accuracy = both(Metric::Accuracy);
        let only = only(&model);
        let p_value = only.and_then(|_| adjusted.next()).unwrap_or(1.0);
        let is_worse = |it: &Regression| it.model == *model && !it.is_missing;
        let difference = |pair: &PairedRuns| pair.difference(before.metrics.confidence);
        Compared {
            model: model.clone(),
            before: accuracy.0,
            after: accuracy.1,
            difference: pairs.get(model).map(difference),
            only,
            log_loss: both(Metric::LogLoss),
            verdict: match (only, accuracy) {
                _ if regressions.iter().any(is_worse) => Verdict::Worse,
                (Some((0, 0)), _) => Verdict::Same,
                (Some((lost, gained)), _) if gained > lost && p_value < ALPHA => Verdict::Better,
                (None, (Some(_), None)) => Verdict::Missing,
                (None, (None, _)) => Verdict::New,
                _ => Verdict::NotToldApart,
            },
        }
    });
    compared.collect()
}
