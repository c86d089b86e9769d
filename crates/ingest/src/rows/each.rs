//! The reviews of files one by one, for whoever keeps no table of them.

use std::ops::ControlFlow;
use std::path::PathBuf;

use settings::IngestSettings;
use stage::Progress;

use super::read;
use crate::error::no_source;
use crate::form::check_input;
use crate::row::{LeftOut, Review};
use crate::row_counts::Tally;
use crate::sink::Taker;
use tables::InputError;

/// Reads the reviews of files of rows in their order, as the stage reads them, and gives each to `take`, which
/// may stop the reading. One whose label or rating says neither, or cannot be understood, has no label and is
/// not left out: what it says does not hang on that. Says in a line what was read.
///
/// # Errors
/// A file cannot be read or has no rows; too many rows are rejected, which is known at the end.
pub fn for_each_review(
    paths: &[PathBuf],
    settings: &IngestSettings,
    progress: &Progress,
    take: impl FnMut(&Review<'_>) -> ControlFlow<()>,
) -> Result<String, InputError> {
    let path = paths.first().ok_or_else(no_source)?;
    check_input(path, settings)?;
    let mut each = Each {
        take,
        tally: Tally::default(),
        is_stopped: false,
    };
    read(paths, &std::env::temp_dir(), settings, progress, &mut each)?;
    if !each.is_stopped {
        each.tally.check_rows(path, settings)?;
    }
    Ok(each.tally.summary())
}

struct Each<F> {
    take: F,
    tally: Tally,
    is_stopped: bool,
}

impl<F: FnMut(&Review<'_>) -> ControlFlow<()>> Taker for Each<F> {
    fn accept(&mut self, review: &Review<'_>, _place: &str) -> Result<(), InputError> {
        self.tally.accept(review.label);
        self.is_stopped |= (self.take)(review).is_break();
        Ok(())
    }

    fn leave_out(&mut self, row: &LeftOut) -> Result<(), InputError> {
        self.tally.leave_out(row);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.is_stopped
    }

    fn forgives_labels(&self) -> bool {
        true
    }
}
