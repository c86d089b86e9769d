//! What `ressenti new` needs to know about files of reviews.

use std::path::PathBuf;

use artifact::Sentiment;
use settings::{IngestSettings, expand_pattern};
use toml::Table;

use super::inspection::RowSummary;
use super::read;
use crate::error::no_source;
use crate::row::Review;
use crate::rows::Role;
use crate::sink::RowSink;
use tables::{InputError, Result};

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
    mut on_review: impl FnMut(&Review<'_>),
) -> Result<Detected> {
    let paths: Vec<PathBuf> = files.iter().flat_map(|it| expand_pattern(it)).collect();
    let first = paths.first().ok_or_else(no_source)?;
    let rows = RowSummary {
        on_review: Some(&mut on_review),
        ..RowSummary::default()
    };
    let inspection = read(first, &paths, settings, rows)?;
    let (layout, rows) = (&inspection.layout, &inspection.rows);
    let (roles, counts) = (&layout.roles, &rows.counts);
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
    let has_labels = match has(Role::Label) {
        true => is_understood(Role::Label),
        false => has(Role::Rating) && has_scale,
    };
    let problem = counts.check(first, settings, |role| layout.question(role));
    let ingest: Table = inspection.settings_table().parse().expect("valid TOML");
    Ok(Detected {
        ingest: ingest["ingest"].as_table().cloned().unwrap_or_default(),
        columns: columns.collect(),
        notes: notes.collect(),
        has_labels,
        has_times: has(Role::Timestamp) && is_understood(Role::Timestamp),
        by_class: Sentiment::ALL.map(|class| counts.count_of(class)),
        accepted: counts.accepted(),
        summary: counts.summary(),
        is_partial: rows.is_full(),
        imbalance: counts.imbalance(),
        problem: problem.err(),
    })
}
