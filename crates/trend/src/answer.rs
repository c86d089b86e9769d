//! From files of reviews to their trend, for the command and for the service alike.

use std::path::{Path, PathBuf};

use settings::IngestSettings;

use crate::compute::trend_until;
use crate::data::{Options, Trend};
use crate::errors::{self, Learned};
use crate::read::{Reader, Reviews};
use crate::refused::{Refused, Unfit};

/// Reviews, and what is wanted of them.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Files of rows, all of one shape.
    pub files: &'a [PathBuf],
    /// How they are read: `[ingest]`.
    pub reading: &'a IngestSettings,
    /// Topics that count; all where none are named.
    pub topics: &'a [String],
    /// How the trend is made.
    pub options: Options,
}

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
    let Question {
        files,
        reading: settings,
        topics: wanted,
        options,
    } = *question;
    let reviews = Reviews {
        files,
        settings,
        wanted,
    };
    let counts = reviews.count(reader)?;
    if let ErrorRates::Adapt(wanted) = rates {
        errors::check_enough(counts.labelled, wanted)?;
    }
    let (mut input, left_out) = reviews.asked(counts, reader)?;
    let mut cross_fitted = 0;
    let quantifier = match rates {
        ErrorRates::Known(learned) => {
            cross_fitted = learned.cross_fitted;
            learned.quantifier
        }
        ErrorRates::Adapt(count) => errors::from_input(&mut input, count, options.seed)?,
        ErrorRates::Labelled(file) => {
            let files = [file.to_owned()];
            let labelled = Reviews {
                files: &files,
                settings,
                wanted: &[],
            };
            let (labels, said) = labelled.labelled(reader)?;
            let what = format!("`{}`", file.display());
            errors::from_rows(&labels, &said, &what, options.seed)?
        }
    };
    if input.rows.is_empty() {
        return Err(Unfit::NothingLeft.into());
    }
    let mut found = trend_until(&input, &quantifier, &options, reader.is_stopped)?;
    found.left_out.splice(0..0, left_out);
    found.labelled_cross_fitted = cross_fitted;
    if let Some(change) = &mut found.largest_change {
        reviews.explain(change, reader)?;
    }
    Ok(found)
}
