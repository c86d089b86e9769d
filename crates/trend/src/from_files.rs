//! From files of reviews to their trend, for the command and for the service alike.

use std::path::Path;

use crate::compute::estimate_trend;
use crate::data::Trend;
use crate::error::TrendError;
use crate::error_rates::{self, LearnedErrorRates};
use crate::read::{TrendContext, TrendQuery};

/// From where it is known how the model errs.
#[derive(Debug)]
pub enum ErrorRateSource<'a> {
    /// From so many labelled reviews among those of the question, drawn at random; they are not used again.
    Sample(usize),
    /// From the labelled reviews of another file.
    LabelledFile(&'a Path),
    /// They are known already.
    Known(Box<LearnedErrorRates>),
}

/// The trend of reviews, as a model reads them.
///
/// # Errors
/// See [`TrendError`].
pub fn compute_trend(
    question: &TrendQuery<'_>,
    reader: &TrendContext<'_>,
    rates: ErrorRateSource<'_>,
) -> Result<Trend, TrendError> {
    let counts = question.count(reader)?;
    if let ErrorRateSource::Sample(wanted) = rates {
        error_rates::check_enough(counts.labelled, wanted)?;
    }
    let seed = question.options.seed;
    let (mut input, left_out) = question.input(counts, reader)?;
    let learned = match rates {
        ErrorRateSource::Known(learned) => *learned,
        ErrorRateSource::Sample(count) => error_rates::from_input(&mut input, count, seed)?,
        ErrorRateSource::LabelledFile(file) => {
            let labelled = TrendQuery {
                files: &[file.to_owned()],
                topics: &[],
                ..*question
            };
            let (labels, probabilities) = labelled.labelled(reader)?;
            let what = format!("`{}`", file.display());
            error_rates::from_rows((&labels, &probabilities), None, &what, seed)?
        }
    };
    let mut found = estimate_trend(&input, &learned, &question.options, reader.is_stopped)?;
    found.left_out.splice(0..0, left_out);
    if let Some(change) = &mut found.largest_change {
        question.explain(change, reader)?;
    }
    Ok(found)
}
