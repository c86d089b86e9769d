//! Model by model: is it worse, better, or not to be told apart from what it was?

use metrics::regression::{JudgedRow, Regression};
use metrics::{Comparison, Estimate, Metric, MetricsError, compare, holm};
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
///
/// # Errors
/// Rows or figures make no sense.
pub fn verdicts(before: &Judged, after: &Judged) -> Result<Vec<Compared>, MetricsError> {
    let regressions = before.regressions(after);
    let new = after.metrics.models.keys();
    let new = new.filter(|model| !before.metrics.models.contains_key(*model));
    let mut compared = Vec::new();
    let mut pairs: Vec<Option<Comparison>> = Vec::new();
    for model in before.metrics.models.keys().chain(new) {
        let figure = |run: &Judged, metric: Metric| -> Option<f64> {
            Some(run.metrics.models.get(model)?.get(metric.name())?.value())
        };
        let both = |metric| (figure(before, metric), figure(after, metric));
        let accuracy = both(Metric::Accuracy);
        let pair = match (before.rows.get(model), after.rows.get(model)) {
            (Some(was), Some(is)) => paired(was, is, before.metrics.confidence)?,
            _ => None,
        };
        compared.push(Compared {
            model: model.clone(),
            before: accuracy.0,
            after: accuracy.1,
            difference: pair.as_ref().map(|pair| pair.difference),
            only: pair
                .as_ref()
                .map(|pair| (pair.second_only, pair.first_only)),
            log_loss: both(Metric::LogLoss),
            verdict: match accuracy {
                (Some(_), None) => Verdict::Missing,
                (None, _) => Verdict::New,
                _ => Verdict::NotToldApart,
            },
        });
        pairs.push(pair);
    }
    let p_values: Vec<f64> = pairs.iter().flatten().map(|pair| pair.p_value).collect();
    let mut adjusted = holm(&p_values).into_iter();
    for (compared, pair) in compared.iter_mut().zip(&pairs) {
        if let Some(pair) = pair {
            let p_value = adjusted.next().unwrap_or(1.0);
            compared.verdict = match (pair.first_only, pair.second_only) {
                (0, 0) => Verdict::Same,
                (gained, lost) if gained > lost && p_value < ALPHA => Verdict::Better,
                _ => Verdict::NotToldApart,
            };
        }
        let is_worse = |regression: &Regression| matches!(regression, Regression::Worse { model, .. } if *model == compared.model);
        if regressions.iter().any(is_worse) {
            compared.verdict = Verdict::Worse;
        }
    }
    Ok(compared)
}

/// The later run as the first, the earlier as the second; `None` where they judged other rows.
fn paired(
    before: &[JudgedRow],
    after: &[JudgedRow],
    confidence: f64,
) -> Result<Option<Comparison>, MetricsError> {
    let sorted = |rows: &[JudgedRow]| {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by_key(|row| row.0);
        rows
    };
    let (before, after) = (sorted(before), sorted(after));
    let same = before.len() == after.len()
        && before
            .iter()
            .zip(&after)
            .all(|(was, is)| (was.0, was.1) == (is.0, is.1));
    if !same {
        return Ok(None);
    }
    let labels: Vec<u8> = after.iter().map(|row| row.1).collect();
    let said = |rows: &[JudgedRow]| -> Vec<f32> { rows.iter().map(|row| row.2).collect() };
    let (was, is) = (said(&before), said(&after));
    compare(&labels, ("after", &is), ("before", &was), confidence).map(Some)
}
