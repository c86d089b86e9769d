//! Computes the trend of files of reviews, for the command line and for the service.

use std::path::{Path, PathBuf};

use artifact::format;
use settings::IngestSettings;

use crate::compute::{author_labels, estimate_trend};
use crate::data::{ScoredReview, TextOrigin, Trend};
use crate::error::Result;
use crate::error_rates::{self, LearnedErrorRates};
use crate::read::{ReviewReader, TrendContext, TrendQuery};

/// Largest difference of the share of unlabelled reviews that is not stated.
const MAX_UNLABELLED_DIFFERENCE: f64 = 0.05;

/// Where the model's error rates come from.
#[derive(Debug)]
pub enum ErrorRateSource<'a> {
    /// This number of labelled reviews of the same files, drawn at random; they are not used for the trend.
    Sample(usize),
    /// The labelled reviews of other files.
    Labelled {
        /// The file or pattern as the user named it.
        file: &'a Path,
        /// The files.
        files: Vec<PathBuf>,
        /// How they are read.
        reading: Box<IngestSettings>,
    },
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
        ErrorRateSource::Labelled {
            file,
            files,
            reading,
        } => {
            let query = &TrendQuery {
                files: &files,
                reading: &reading,
                topics: &[],
                ..*query
            };
            let mut labelled = ReviewReader { query, context }.score_labelled()?;
            let all = labelled.rows.len();
            labelled
                .rows
                .retain(|row| row.origin != TextOrigin::Training);
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
    let count = |origin| input.rows.iter().filter(|row| row.origin == origin).count();
    let found = count(TextOrigin::Training);
    // Other people write the same short texts as training reviews: those are new reviews. But in the file that the
    // model was trained on, they are the copies that were removed before training.
    let is_training_file = context.training_texts.is_training_file(found);
    let copies = count(TextOrigin::Copy) * usize::from(is_training_file);
    let is_kept = |row: &ScoredReview| match row.origin {
        TextOrigin::New => true,
        TextOrigin::Training => false,
        TextOrigin::Copy => !is_training_file,
    };
    let file_author_labels = author_labels(&input.rows);
    // If the model was trained on all reviews, they are counted without an estimate.
    let are_skipped = found > 0 && input.rows.iter().any(is_kept);
    let unlabelled = unlabelled_share(&input.rows);
    if are_skipped {
        input.rows.retain(is_kept);
    }
    let unlabelled = [unlabelled, unlabelled_share(&input.rows)];
    let learned = match learned {
        Some(learned) => learned,
        None => error_rates::from_input(&mut input, calibration.unwrap_or(0), seed)?,
    };
    let mut trend = estimate_trend(&input, &learned, &query.options, context.is_stopped)?;
    trend.skipped.splice(0..0, skipped);
    if are_skipped {
        trend.training_rows = found;
        trend.file_author_labels = file_author_labels;
        trend.skipped.extend(unlabelled_warning(unlabelled));
        if copies > 0 {
            let reviews = format::plural(copies as u64, "review", "reviews");
            trend.skipped.insert(
                0,
                format!("Skipped {reviews} that repeat another review of the model's data set"),
            );
        }
    }
    if let Some(change) = &mut trend.largest_change {
        reader.add_words(change)?;
    }
    Ok(trend)
}

/// The share of reviews without a label of the author, for example neutral ones.
fn unlabelled_share(rows: &[ScoredReview]) -> f64 {
    let unlabelled = rows.iter().filter(|row| row.author_label.is_none());
    unlabelled.count() as f64 / rows.len() as f64
}

/// A sentence about unlabelled reviews, if their share in the file and in the rest without training reviews differs
/// much: models are trained on labelled reviews only.
fn unlabelled_warning([file, rest]: [f64; 2]) -> Option<String> {
    ((rest - file).abs() > MAX_UNLABELLED_DIFFERENCE).then(|| {
        format!(
            "Reviews without a label, for example neutral ones, are {} of the reviews used, but {} of the file, because \
             the model was trained on other reviews of the file",
            format::percent(rest),
            format::percent(file)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_unlabelled_reviews_than_in_the_file_are_stated() {
        assert_eq!(unlabelled_warning([0.1, 0.14]), None);
        let warning = unlabelled_warning([0.098, 0.288]).expect("a sentence");
        assert!(warning.contains("are 28.8% of the reviews used, but 9.8% of the file"));
    }
}
