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
    let is_new = |model: &&String| !before.metrics.models.contains_key(*model);
    let new = after.metrics.models.keys().filter(is_new);
    let models: Vec<&String> = before.metrics.models.keys().chain(new).collect();
    let pairs = models.iter().map(|model| paired(before, after, model));
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    let p_values: Vec<f64> = pairs.iter().flatten().map(|pair| pair.p_value).collect();
    let mut adjusted = holm(&p_values).into_iter();
    let compared = models.into_iter().zip(&pairs).map(|(model, pair)| {
        let figure = |run: &Judged, metric: Metric| -> Option<f64> {
            Some(run.metrics.models.get(model)?.get(metric.name())?.value())
        };
        let both = |metric| (figure(before, metric), figure(after, metric));
        let accuracy = both(Metric::Accuracy);
        let pair = pair.as_ref();
        // The later run is the first of the pair.
        let only = pair.map(|pair| (pair.second_only, pair.first_only));
        let p_value = pair.and_then(|_| adjusted.next()).unwrap_or(1.0);
        let is_worse = |regression: &Regression| matches!(regression, Regression::Worse { model: worse, .. } if worse == model);
        Compared {
            model: model.clone(),
            before: accuracy.0,
            after: accuracy.1,
            difference: pair.map(|pair| pair.difference),
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
    Ok(compared.collect())
}

/// The later run as the first, the earlier as the second; `None` where they did not judge the same rows.
fn paired(
    before: &Judged,
    after: &Judged,
    model: &str,
) -> Result<Option<Comparison>, MetricsError> {
    let (Some(was), Some(is)) = (before.rows.get(model), after.rows.get(model)) else {
        return Ok(None);
    };
    let sorted = |rows: &[JudgedRow]| -> (Vec<(u64, u8)>, Vec<f32>) {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by_key(|row| row.0);
        let rows = rows.into_iter();
        rows.map(|(id, label, probability)| ((id, label), probability))
            .unzip()
    };
    let ((rows_before, was), (rows, is)) = (sorted(was), sorted(is));
    if rows_before != rows {
        return Ok(None);
    }
    let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
    let confidence = before.metrics.confidence;
    compare(&labels, ("after", &is), ("before", &was), confidence).map(Some)
}
