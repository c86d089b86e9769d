//! What `ressenti new` needs to know about files of reviews.

use std::path::PathBuf;

use artifact::Sentiment;
use settings::{IngestSettings, expand_pattern};
use toml::Table;

use super::inspection::{Inspection, RowSummary};
use super::{check_is_table, progress};
use crate::error::no_source;
use crate::row::{ExcludedRow, Review};
use crate::rows::{self, Role};
use crate::sink::RowSink;
use tables::{InputError, Repairs, Result};

/// What was detected about files of reviews.
#[derive(Debug)]
pub struct Detected {
    /// `[ingest]` for a pipeline file, without the source.
    pub ingest: Table,
    /// Role, name and reason of each column that is used, in the order of the columns.
    pub columns: Vec<(&'static str, String, String)>,
    /// Notes about columns that only a person can decide.
    pub notes: Vec<DetectedNote>,
    /// Whether reviews have labels, from a column of labels or of ratings on a known scale.
    pub has_labels: bool,
    /// Whether reviews have times.
    pub has_times: bool,
    /// Numbers of accepted negative and positive reviews.
    pub by_class: [u64; 2],
    /// Number of accepted reviews.
    pub accepted: u64,
    /// Counts of all rows in one line.
    pub summary: String,
    /// Whether only the beginning of the files was read.
    pub is_partial: bool,
    /// A warning if a class has very few reviews.
    pub imbalance: Option<String>,
    /// Why the stage would refuse the files.
    pub problem: Option<InputError>,
}

/// A note about a column.
#[derive(Debug)]
pub struct DetectedNote {
    /// The name of the column.
    pub column: String,
    /// The question and the settings that answer it, as `--set` arguments.
    pub text: String,
    /// Suggested lines for a pipeline file.
    pub lines: Option<String>,
}

/// Reads files as `inspect` does and passes each accepted review to `on_review`.
///
/// # Errors
/// A file cannot be read, or its columns are not recognised.
pub fn detect(
    files: &[PathBuf],
    settings: &IngestSettings,
    on_review: impl FnMut(&Review<'_>),
) -> Result<Detected> {
    let patterns = files.iter();
    let paths: Vec<PathBuf> = patterns.flat_map(|it| expand_pattern(it)).collect();
    let first = paths.first().ok_or_else(no_source)?;
    check_is_table(first, settings)?;
    let mut sink = Detector {
        rows: RowSummary::default(),
        on_review,
    };
    let scratch = std::env::temp_dir();
    let layout = rows::read(&paths, &scratch, settings, &progress(), &mut sink)?;
    let rows = sink.rows;
    let roles = &layout.roles;
    let column = |index: usize| layout.names[index].clone();
    let columns = roles.reasons.iter();
    let columns = columns.map(|it| (it.role.as_str(), column(it.column), it.reason.clone()));
    let notes = roles.notes.iter().map(|note| DetectedNote {
        column: column(note.column),
        text: note.text.clone(),
        lines: note.lines.clone(),
    });
    let has_scale = roles.rating.is_some() || settings.rating.is_some();
    let has = |role: Role| roles.map.get(role).is_some();
    // A note with lines or a format says that the values of the column are not understood.
    let is_understood = |role: Role| {
        let notes = roles.notes.iter();
        let mut notes = notes.filter(|note| roles.map.get(role) == Some(note.column));
        !notes.any(|note| note.lines.is_some() || note.text.contains(".format"))
    };
    let (by_class, counts) = (
        Sentiment::ALL.map(|class| rows.counts.count_of(class)),
        &rows.counts,
    );
    let (columns, notes) = (columns.collect(), notes.collect());
    let has_labels = match has(Role::Label) {
        true => is_understood(Role::Label),
        false => has(Role::Rating) && has_scale,
    };
    let has_times = has(Role::Timestamp) && is_understood(Role::Timestamp);
    let problem = counts.check(first, settings, |role| layout.question(role));
    let problem = problem.err();
    let imbalance = counts.imbalance();
    let (accepted, summary, is_partial) = (counts.accepted(), counts.summary(), rows.is_full());
    let inspection = Inspection {
        source: first,
        files: paths.len(),
        bytes: 0,
        settings,
        layout,
        rows,
    };
    let ingest: Table = inspection.settings_table().parse().expect("valid TOML");
    let ingest = ingest["ingest"].as_table().cloned().unwrap_or_default();
    Ok(Detected {
        ingest,
        columns,
        notes,
        has_labels,
        has_times,
        by_class,
        accepted,
        summary,
        is_partial,
        imbalance,
        problem,
    })
}

/// Collects what `inspect` collects and passes the reviews on.
struct Detector<F> {
    rows: RowSummary,
    on_review: F,
}

impl<F: FnMut(&Review<'_>)> RowSink for Detector<F> {
    fn accept(&mut self, review: &Review<'_>, source: &str) -> Result<()> {
        (self.on_review)(review);
        self.rows.accept(review, source)
    }

    fn exclude(&mut self, row: &ExcludedRow) -> Result<()> {
        self.rows.exclude(row)
    }

    fn repair(&mut self, repairs: Repairs) {
        self.rows.repair(repairs);
    }

    fn is_full(&self) -> bool {
        self.rows.is_full()
    }
}
