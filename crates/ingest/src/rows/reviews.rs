//! Reads reviews one by one without writing tables.

use std::ops::ControlFlow;
use std::path::PathBuf;

use settings::IngestSettings;
use stage::Progress;

use super::read;
use crate::error::no_source;
use crate::row::Review;
use crate::row_counts::RowCounts;
use crate::sink::RowSink;
use crate::source_format::check_input;
use tables::Result;

/// Reads the reviews of table files in order and passes each one to `on_review`, which may stop the reading.
/// Unlike in the stage, a review with an invalid or neutral label or rating is accepted without a label.
/// Returns a summary in one line, and why times cannot be read, with the settings that tell how.
///
/// # Errors
/// A file cannot be read or has no rows, or too many rows were rejected, which is checked at the end.
pub fn for_each_review(
    paths: &[PathBuf],
    settings: &IngestSettings,
    progress: &Progress,
    on_review: impl FnMut(&Review<'_>) -> ControlFlow<()>,
) -> Result<(String, Option<String>)> {
    let path = paths.first().ok_or_else(no_source)?;
    check_input(path, settings)?;
    let mut callback = ReviewCallback {
        on_review,
        counts: RowCounts::default(),
        is_stopped: false,
    };
    let scratch = std::env::temp_dir();
    let layout = read(paths, &scratch, settings, progress, &mut callback)?;
    if !callback.is_stopped {
        let question = |role: &str| layout.question(role);
        callback.counts.check_rows(path, settings, question)?;
    }
    let mut notes = layout.roles.notes.into_iter().map(|note| note.text);
    let times = notes.find(|text| text.contains("ingest.timestamp.format"));
    Ok((callback.counts.summary(), times))
}

struct ReviewCallback<F> {
    on_review: F,
    counts: RowCounts,
    is_stopped: bool,
}

impl<F: FnMut(&Review<'_>) -> ControlFlow<()>> RowSink for ReviewCallback<F> {
    fn counts(&mut self) -> &mut RowCounts {
        &mut self.counts
    }

    fn accept(&mut self, review: &Review<'_>, _source: &str) -> Result<()> {
        self.counts.accept(review);
        self.is_stopped |= (self.on_review)(review).is_break();
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.is_stopped
    }

    fn ignores_label_errors(&self) -> bool {
        true
    }
}
