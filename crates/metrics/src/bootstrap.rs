//! All metrics with intervals: Wilson intervals of shares, bootstrap intervals of the others (Efron 1979).

use rayon::prelude::*;

use crate::metric::figures;
use crate::{
    ConfusionMatrix, CounterRng, Estimate, Figure, Figures, Metric, MetricsError, ScoredRows,
    confusion_matrix,
};

/// Minimum number of negative, positive, correctly predicted and wrongly predicted rows for bootstrap intervals. A
/// resample contains only rows of the sample: if 41 of 41 rows are correct, no resample contains an error. Ten of each
/// kind is a usual condition for shares (Moore and McCabe, Introduction to the Practice of Statistics).
pub const MIN_BOOTSTRAP_ROWS: u64 = 10;

/// Intervals narrower than this have a width of zero up to rounding.
const MIN_WIDTH: f64 = 1e-12;

/// All metrics of a model by name, in the order of [`Metric::ALL`]. Metrics that are not defined on the rows are
/// omitted.
///
/// Accuracy, precision, recall and F1 have Wilson intervals. The others have percentile bootstrap intervals over rows
/// if there are [`MIN_BOOTSTRAP_ROWS`] of each kind and the replicates differ, and no interval otherwise.
///
/// The result depends on the rows, `samples`, `confidence` and `seed`, not on the number of threads.
///
/// # Errors
/// `samples` is 0, or `confidence` is not between 0 and 1.
pub fn compute_figures(
    rows: &ScoredRows,
    samples: u32,
    confidence: f64,
    seed: u64,
) -> Result<Figures, MetricsError> {
    if samples == 0 {
        let problem = "A bootstrap interval needs at least 1 sample";
        return Err(MetricsError(problem.to_owned()));
    }
    check_confidence(confidence)?;
    let matrix = confusion_matrix(rows);
    let samples = if is_informative(&matrix) { samples } else { 0 };
    let resample = |sample: u32| replicate(rows, CounterRng::for_sample(seed, sample.into()));
    let replicates: Vec<_> = (0..samples).into_par_iter().map(resample).collect();
    let values = figures(&rows.levels, &rows.counts);
    let bootstrap = |index: usize, value| {
        let found = replicates.iter().filter_map(|figures| figures[index]);
        Estimate::from_replicates(value, found.collect(), confidence)
            .filter(|estimate| estimate.high - estimate.low > MIN_WIDTH)
    };
    let metrics = Metric::ALL.into_iter().enumerate();
    let figures = metrics.filter_map(|(index, metric)| {
        let value = values[index]?;
        let wilson = matrix.wilson_interval(metric, confidence);
        let estimate = wilson.or_else(|| bootstrap(index, value));
        let figure = estimate.map_or(Figure::ValueOnly { value }, Figure::Estimate);
        Some((metric.name().to_owned(), figure))
    });
    Ok(figures.collect())
}

/// Whether there are enough rows of each kind for resampling.
fn is_informative(matrix: &ConfusionMatrix) -> bool {
    let kinds = [
        matrix.true_negative + matrix.false_positive,
        matrix.true_positive + matrix.false_negative,
        matrix.true_negative + matrix.true_positive,
        matrix.false_negative + matrix.false_positive,
    ];
    kinds.iter().all(|rows| *rows >= MIN_BOOTSTRAP_ROWS)
}

/// All metrics of one resample.
fn replicate(scored: &ScoredRows, rng: CounterRng) -> [Option<f64>; Metric::ALL.len()] {
    let rows = scored.rows();
    let mut counts = vec![[0_u32; 2]; scored.levels.len()];
    for draw in 0..rows {
        let cell = scored.cell_of_row[rng.index(draw as u64, rows)] as usize;
        counts[cell / 2][cell % 2] += 1;
    }
    figures(&scored.levels, &counts)
}

/// Fails for an invalid confidence level.
pub(crate) fn check_confidence(confidence: f64) -> Result<(), MetricsError> {
    if confidence > 0.0 && confidence < 1.0 {
        return Ok(());
    }
    let problem = format!("The confidence level is {confidence} and must be above 0 and below 1");
    Err(MetricsError(problem))
}

#[cfg(test)]
mod tests;
