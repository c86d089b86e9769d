//! The reviews of files one by one, for whoever keeps no table of them.

use std::ops::ControlFlow;
use std::path::PathBuf;

use settings::IngestSettings;
use stage::Progress;

use super::read;
use crate::error::no_source;
use crate::row::{ExcludedRow, Review};
use crate::row_counts::RowCounts;
use crate::sink::RowSink;
use crate::source_format::check_input;
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
    on_review: impl FnMut(&Review<'_>) -> ControlFlow<()>,
) -> Result<String, InputError> {
    let path = paths.first().ok_or_else(no_source)?;
    check_input(path, settings)?;
    let mut callback = ReviewCallback {
        on_review,
        counts: RowCounts::default(),
        is_stopped: false,
    };
    read(
        paths,
        &std::env::temp_dir(),
        settings,
        progress,
        &mut callback,
    )?;
    if !callback.is_stopped {
        callback.counts.check_rows(path, settings)?;
    }
    Ok(callback.counts.summary())
}

struct ReviewCallback<F> {
    on_review: F,
    counts: RowCounts,
    is_stopped: bool,
}

impl<F: FnMut(&Review<'_>) -> ControlFlow<()>> RowSink for ReviewCallback<F> {
    fn accept(&mut self, review: &Review<'_>, _source: &str) -> Result<(), InputError> {
        self.counts.accept(review.label);
        self.is_stopped |= (self.on_review)(review).is_break();
        Ok(())
    }

    fn exclude(&mut self, row: &ExcludedRow) -> Result<(), InputError> {
        self.counts.exclude(row);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.is_stopped
    }

    fn ignores_label_errors(&self) -> bool {
        true
    }
}
