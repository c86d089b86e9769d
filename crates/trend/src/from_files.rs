//! Computes the trend of files of reviews, for the command line and for the service.

use std::path::Path;

use crate::compute::estimate_trend;
use crate::data::Trend;
use crate::error::TrendError;
use crate::error_rates::{self, LearnedErrorRates};
use crate::read::{ReviewReader, TrendContext, TrendQuery};

/// Where the model's error rates come from.
#[derive(Debug)]
pub enum ErrorRateSource<'a> {
    /// This number of labelled reviews of the same files, drawn at random; they are not used for the trend.
    Sample(usize),
    /// The labelled reviews of another file.
    LabelledFile(&'a Path),
    /// Error rates that were learned before.
    Known(Box<LearnedErrorRates>),
}

/// Reads the reviews, predicts them with the model and computes their trend.
///
/// # Errors
/// See [`TrendError`].
pub fn compute_trend(
    query: &TrendQuery<'_>,
    context: &TrendContext<'_>,
    source: ErrorRateSource<'_>,
) -> Result<Trend, TrendError> {
    let reader = ReviewReader { query, context };
    let counts = reader.count()?;
    if let ErrorRateSource::Sample(count) = source {
        error_rates::check_enough(counts.labelled, count)?;
    }
    let seed = query.options.seed;
    let (mut input, skipped) = reader.score(counts)?;
    let learned = match source {
        ErrorRateSource::Known(learned) => *learned,
        ErrorRateSource::Sample(count) => error_rates::from_input(&mut input, count, seed)?,
        ErrorRateSource::LabelledFile(file) => {
            let query = &TrendQuery {
                files: &[file.to_owned()],
                topics: &[],
                ..*query
            };
            let labelled = ReviewReader { query, context };
            let (labels, probabilities) = labelled.labels_and_probabilities()?;
            let what = format!("`{}`", file.display());
            error_rates::from_rows((&labels, &probabilities), None, &what, seed)?
        }
    };
    let mut trend = estimate_trend(&input, &learned, &query.options, context.is_stopped)?;
    trend.skipped.splice(0..0, skipped);
    trend.languages = reader.languages(counts)?;
    trend.language_warning = trend.languages.warning();
    if let Some(change) = &mut trend.largest_change {
        reader.add_words(change)?;
    }
    Ok(trend)
}
