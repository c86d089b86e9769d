//! Computes the trend of files of reviews, for the command line and for the service.

use std::path::Path;

use artifact::format;

use crate::compute::estimate_trend;
use crate::data::{ScoredReview, Trend};
use crate::error::Result;
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
/// See [`crate::TrendError`].
pub fn compute_trend(
    query: &TrendQuery<'_>,
    context: &TrendContext<'_>,
    source: ErrorRateSource<'_>,
) -> Result<Trend> {
    let reader = ReviewReader { query, context };
    let counts = reader.count()?;
    if let ErrorRateSource::Sample(count) = source {
        error_rates::check_enough(counts.labelled, count)?;
    }
    if context.training_texts.is_empty() {
        let note = "The model's training reviews are not known here, so the trend also uses those that are in the file";
        (context.on_note)(note);
    }
    let seed = query.options.seed;
    let (calibration, learned) = match source {
        ErrorRateSource::Known(learned) => (None, Some(*learned)),
        ErrorRateSource::Sample(count) => (Some(count), None),
        ErrorRateSource::LabelledFile(file) => {
            let query = &TrendQuery {
                files: &[file.to_owned()],
                topics: &[],
                ..*query
            };
            let mut labelled = ReviewReader { query, context }.score_labelled()?;
            let all = labelled.rows.len();
            labelled.rows.retain(|row| !row.is_training);
            let mut what = format!("`{}`", file.display());
            if let training @ 1.. = all - labelled.rows.len() {
                let reviews = format::plural(training as u64, "review", "reviews");
                what += &format!(" without {reviews} that the model was trained on");
            }
            let learned = error_rates::from_reviews(&labelled.rows, labelled.words, &what, seed)?;
            (None, Some(learned))
        }
    };
    let domain = learned.as_ref().and_then(|it| it.domain.as_ref());
    let words = domain.map(|domain| domain.words.clone());
    let (mut input, skipped) = reader.score(counts, words)?;
    let all = input.rows.len();
    let is_new = |row: &ScoredReview| !row.is_training;
    // If the model was trained on all reviews, they are counted without an estimate.
    if input.rows.iter().any(is_new) {
        input.rows.retain(is_new);
    }
    let training_rows = all - input.rows.len();
    let learned = match learned {
        Some(learned) => learned,
        None => error_rates::from_input(&mut input, calibration.unwrap_or(0), seed)?,
    };
    let mut trend = estimate_trend(&input, &learned, &query.options, context.is_stopped)?;
    trend.training_rows = training_rows;
    trend.skipped.splice(0..0, skipped);
    if let Some(change) = &mut trend.largest_change {
        reader.add_words(change)?;
    }
    Ok(trend)
}
