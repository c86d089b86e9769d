//! From files of reviews to their trend, for the command and for the service alike.

use std::path::Path;

use crate::compute::trend;
use crate::data::Trend;
use crate::errors::{self, Learned};
use crate::read::{Question, Reader};
use crate::refused::Refused;

/// From where it is known how the model errs.
#[derive(Debug)]
pub enum ErrorRates<'a> {
    /// From so many labelled reviews among those of the question, drawn at random; they are not used again.
    Adapt(usize),
    /// From the labelled reviews of another file.
    Labelled(&'a Path),
    /// They are known already.
    Known(Box<Learned>),
}

/// The trend of reviews, as a model reads them.
///
/// # Errors
/// See [`Refused`].
pub fn answer(
    question: &Question<'_>,
    reader: &Reader<'_>,
    rates: ErrorRates<'_>,
) -> Result<Trend, Refused> {
    let counts = question.count(reader)?;
    if let ErrorRates::Adapt(wanted) = rates {
        errors::check_enough(counts.labelled, wanted)?;
    }
    let seed = question.options.seed;
    let (mut input, left_out) = question.input(counts, reader)?;
    let learned = match rates {
        ErrorRates::Known(learned) => *learned,
        ErrorRates::Adapt(count) => errors::from_input(&mut input, count, seed)?,
        ErrorRates::Labelled(file) => {
            let labelled = Question {
                files: &[file.to_owned()],
                topics: &[],
                ..*question
            };
            let (labels, said) = labelled.labelled(reader)?;
            let what = format!("`{}`", file.display());
            errors::from_rows((&labels, &said), None, &what, seed)?
        }
    };
    let mut found = trend(&input, &learned, &question.options, reader.is_stopped)?;
    found.left_out.splice(0..0, left_out);
    if let Some(change) = &mut found.largest_change {
        question.explain(change, reader)?;
    }
    Ok(found)
}
