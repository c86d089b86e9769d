//! All figures with their intervals: of shares by Wilson, of the others by resampling rows (Efron 1979).

use indexmap::IndexMap;
use rayon::prelude::*;

use crate::metric::figures;
use crate::{
    ConfusionMatrix, CounterRng, Estimate, Figure, Metric, MetricsError, ScoredRows,
    confusion_matrix,
};

/// Rows of each kind (negative, positive, rightly judged, wrongly judged) without which resamples prove
/// nothing. A resample holds no row that the sample lacks: with 41 rows that are all judged rightly, no
/// resample knows what a mistake costs. Ten of each is the usual condition for shares (Moore and McCabe,
/// Introduction to the Practice of Statistics), where a share's own interval does not help itself.
pub const MIN_BOOTSTRAP_ROWS: u64 = 10;

/// Replicates that are no further apart than this are all alike, but for rounding.
const ALIKE: f64 = 1e-12;

/// Every figure of a model by the names and in the order of [`Metric::ALL`]. A figure that the rows do not
/// define is left out.
///
/// Accuracy, precision, recall and F1 have Wilson's interval. The others have the percentile
/// bootstrap interval over rows where there are [`MIN_BOOTSTRAP_ROWS`] of each kind and resamples differ, and
/// none where that is not so: an interval of no width would claim to be sure.
///
/// The result depends on the rows, `samples`, `confidence` and `seed`, not on the number of threads.
///
/// # Errors
/// There are no samples, or the confidence is no share.
pub fn compute_figures(
    tally: &ScoredRows,
    samples: u32,
    confidence: f64,
    seed: u64,
) -> Result<IndexMap<String, Figure>, MetricsError> {
    if samples == 0 {
        let problem = "An interval needs at least one bootstrap sample";
        return Err(MetricsError(problem.to_owned()));
    }
    check_confidence(confidence)?;
    let outcomes = confusion_matrix(tally);
    let samples = if says_enough(&outcomes) { samples } else { 0 };
    let replicates: Vec<_> = (0..samples)
        .into_par_iter()
        .map(|sample| replicate(tally, CounterRng::for_sample(seed, sample.into())))
        .collect();
    let values = figures(&tally.levels, &tally.counts);
    let resampled = |place: usize, value| {
        let found = replicates.iter().filter_map(|figures| figures[place]);
        Estimate::from_replicates(value, found.collect(), confidence)
            .filter(|estimate| estimate.high - estimate.low > ALIKE)
    };
    let metrics = Metric::ALL.into_iter().enumerate();
    let known = metrics.filter_map(|(place, metric)| {
        let value = values[place]?;
        let share = outcomes.share(metric, confidence);
        let estimate = share.or_else(|| resampled(place, value));
        let figure = estimate.map_or(Figure::ValueOnly { value }, Figure::Estimate);
        Some((metric.name().to_owned(), figure))
    });
    Ok(known.collect())
}

/// Whether resamples of such rows mean something.
fn says_enough(outcomes: &ConfusionMatrix) -> bool {
    let kinds = [
        outcomes.true_negative + outcomes.false_positive,
        outcomes.true_positive + outcomes.false_negative,
        outcomes.true_negative + outcomes.true_positive,
        outcomes.false_negative + outcomes.false_positive,
    ];
    kinds.iter().all(|rows| *rows >= MIN_BOOTSTRAP_ROWS)
}

/// All figures of one resample.
fn replicate(tally: &ScoredRows, draws: CounterRng) -> [Option<f64>; Metric::ALL.len()] {
    let rows = tally.rows();
    let mut counts = vec![[0_u32; 2]; tally.levels.len()];
    for place in 0..rows {
        let cell = tally.cell_of_row[draws.index(place as u64, rows)] as usize;
        counts[cell / 2][cell % 2] += 1;
    }
    figures(&tally.levels, &counts)
}

/// Refuses what is no coverage of an interval.
pub(crate) fn check_confidence(confidence: f64) -> Result<(), MetricsError> {
    if confidence > 0.0 && confidence < 1.0 {
        Ok(())
    } else {
        let problem = format!("The confidence is {confidence} and must be above 0 and below 1");
        Err(MetricsError(problem))
    }
}

#[cfg(test)]
mod tests;
