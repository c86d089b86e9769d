//! Reads the texts of a table file for predictions. Labels are optional, and an invalid label does not reject a
//! row.

use std::ops::ControlFlow;
use std::path::Path;

use artifact::Sentiment;
use settings::IngestSettings;
use stage::{Progress, ProgressTask};

use super::RowReader;
use super::keep_columns::KeepColumns;
use crate::row::excerpt;
use crate::source_format::check_input;
use tables::{Record, Result};

/// One row of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct TextRow {
    /// Number of the row, counted from 1 without the header. Rejected rows count too.
    pub number: u64,
    /// First line of the row, counted from 1; for Parquet the row number.
    pub line: u64,
    /// The id of the row in the file.
    pub id: Option<String>,
    /// The text, or why the row was rejected.
    pub content: Result<TextContent, RejectedRow>,
}

/// The text of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct TextContent {
    /// The text, unchanged.
    pub text: String,
    /// The label in the file, if there is a valid one.
    pub label: Option<Sentiment>,
    /// Values of the columns to keep, in their order; empty for missing values.
    pub kept_columns: Vec<String>,
}

/// Why a row was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The reason, for people.
    pub reason: String,
    /// Whether the row is skipped, for example because it has no text: it does not count towards
    /// `ingest.max_reject_rate`.
    pub is_skipped: bool,
    /// The first 200 characters of the row.
    pub excerpt: String,
}

/// The names of the kept columns of a file, in the order of [`TextContent::kept_columns`].
///
/// # Errors
/// The same as for [`read_texts`].
pub fn kept_column_names(
    path: &Path,
    settings: &IngestSettings,
    keep: &KeepColumns,
    task: &ProgressTask,
) -> Result<Vec<String>> {
    if *keep == KeepColumns::None {
        return Ok(Vec::new());
    }
    let layout = open(path, settings, task)?.layout;
    let indices = keep.indices(path, &layout)?;
    let name = |index: usize| layout.names[index].clone();
    Ok(indices.into_iter().map(name).collect())
}

/// Opens a table file and detects its columns.
fn open<'a>(
    path: &Path,
    settings: &'a IngestSettings,
    task: &'a ProgressTask,
) -> Result<RowReader<'a>> {
    check_input(path, settings)?;
    RowReader::open(path, settings, &std::env::temp_dir(), task, None)
}

/// The number of rows of a file, including rejected rows. A Parquet file states it; other files are read
/// once.
///
/// # Errors
/// The same as for [`read_texts`].
pub fn count_rows(
    path: &Path,
    settings: &IngestSettings,
    (progress, task): (&Progress, &ProgressTask),
) -> Result<u64> {
    let mut reader = open(path, settings, task)?;
    reader.print_note(progress);
    if let Some(count) = reader.rows.count {
        return Ok(count);
    }
    let (mut record, mut count) = (Record::default(), 0);
    while reader.rows.next(&mut record)? {
        count += 1;
    }
    Ok(count)
}

/// Reads the texts of a table file in order, starting at row `first`. Columns are detected as by the stage
/// `ingest`. Earlier rows are read but not used, so that column roles, row numbers and line numbers are the same
/// as for the whole file. `on_row` gets every row and may stop the reading.
///
/// # Errors
/// The file cannot be read, its columns are not recognised, or a column to keep does not exist.
pub fn read_texts(
    path: &Path,
    settings: &IngestSettings,
    keep: &KeepColumns,
    (progress, task): (&Progress, &ProgressTask),
    first: u64,
    mut on_row: impl FnMut(TextRow) -> ControlFlow<()>,
) -> Result<()> {
    let mut reader = open(path, settings, task)?;
    let kept = keep.indices(path, &reader.layout)?;
    reader.print_note(progress);
    let (mut record, mut number) = (Record::default(), 0);
    while reader.rows.next(&mut record)? {
        number += 1;
        if number >= first && on_row(reader.text_row(&record, number, &kept)).is_break() {
            break;
        }
    }
    if !reader.rows.repairs.is_empty() {
        progress.note(&format!("`{}`: {}", reader.name, reader.rows.repairs));
    }
    Ok(())
}

impl RowReader<'_> {
    fn text_row(&self, record: &Record, number: u64, kept: &[usize]) -> TextRow {
        // Invalid UTF-8 becomes U+FFFD.
        let field = |index: &usize| record.text(*index).into_owned();
        let shape = self.check_shape(record);
        let content = match shape.and_then(|()| self.parser.text(record)) {
            Ok(text) => Ok(TextContent {
                text: text.to_owned(),
                label: self.parser.label(record).ok().flatten(),
                kept_columns: kept.iter().map(field).collect(),
            }),
            Err(reason) => Err(RejectedRow {
                is_skipped: reason.skipped,
                reason: reason.to_string(),
                excerpt: excerpt(&record.joined()),
            }),
        };
        let id = self.id(record);
        TextRow {
            number,
            line: record.line,
            id: id.filter(|_| content.is_ok()),
            content,
        }
    }
}
