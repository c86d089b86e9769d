//! The texts of a file of rows, for whoever only predicts: labels are not needed, and one that cannot
//! be understood makes no row bad.

use std::ops::ControlFlow;
use std::path::Path;

use artifact::Sentiment;
use settings::IngestSettings;
use stage::{Progress, ProgressTask};
use tables::Record;

use super::Source;
use super::carry::Carry;
use crate::form::check_input;
use crate::row::excerpt;
use tables::InputError;

/// One row of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct TextRow {
    /// The row's number, from 1, without a header. Rows that cannot be read count as well.
    pub number: u64,
    /// The line it begins on, from 1; in a table the row's number.
    pub line: u64,
    /// The file's own id of it.
    pub id: Option<String>,
    /// What it says.
    pub content: Result<TextContent, BadRow>,
}

/// The text of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct TextContent {
    /// As it stands in the file.
    pub text: String,
    /// What the file says of it, if it does.
    pub label: Option<Sentiment>,
    /// What it has in the columns that go along, in their order; empty where nothing is there.
    pub carried: Vec<String>,
}

/// Why a row has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// In words.
    pub reason: String,
    /// Its first 200 characters.
    pub excerpt: String,
}

/// The names of the columns that go along with the texts of a file, in the order of [`TextContent::carried`].
///
/// # Errors
/// As for [`read_texts`].
pub fn carried_names(
    path: &Path,
    settings: &IngestSettings,
    carry: &Carry,
    task: &ProgressTask,
) -> Result<Vec<String>, InputError> {
    if *carry == Carry::None {
        return Ok(Vec::new());
    }
    let layout = open(path, settings, task)?.layout;
    let places = carry.places(path, &layout)?;
    let name = |place: usize| layout.names[place].clone();
    Ok(places.into_iter().map(name).collect())
}

/// Opens a file of rows and finds out what its columns are.
fn open<'a>(
    path: &Path,
    settings: &'a IngestSettings,
    task: &'a ProgressTask,
) -> Result<Source<'a>, InputError> {
    check_input(path, settings)?;
    Source::open(path, settings, &std::env::temp_dir(), task, None)
}

/// The number of rows of a file, those that cannot be read as well. A table says it itself; any other
/// file is read once.
///
/// # Errors
/// As for [`read_texts`].
pub fn count_rows(
    path: &Path,
    settings: &IngestSettings,
    (progress, task): (&Progress, &ProgressTask),
) -> Result<u64, InputError> {
    let mut source = open(path, settings, task)?;
    source.print_note(progress);
    if let Some(count) = source.rows.count {
        return Ok(count);
    }
    let (mut record, mut count) = (Record::default(), 0);
    while source.rows.next(&mut record)? {
        count += 1;
    }
    Ok(count)
}

/// Reads the texts of a file from row `first` on, in order: CSV and its relatives, JSON or Parquet, packed
/// or not, its columns found as `ingest` finds them. Rows before the first are read and not used, so that the
/// columns' roles, the rows' numbers and their lines are those of the whole file. `take` gets every row and may
/// stop the reading.
///
/// # Errors
/// The file cannot be read, its columns are none that are known, or one that shall go along is not there.
pub fn read_texts(
    path: &Path,
    settings: &IngestSettings,
    carry: &Carry,
    (progress, task): (&Progress, &ProgressTask),
    first: u64,
    mut take: impl FnMut(TextRow) -> ControlFlow<()>,
) -> Result<(), InputError> {
    let mut source = open(path, settings, task)?;
    let carried = carry.places(path, &source.layout)?;
    source.print_note(progress);
    let (mut record, mut number) = (Record::default(), 0);
    while source.rows.next(&mut record)? {
        number += 1;
        if number >= first && take(source.text_row(&record, number, &carried)).is_break() {
            break;
        }
    }
    Ok(())
}

impl Source<'_> {
    fn text_row(&self, record: &Record, number: u64, carried: &[usize]) -> TextRow {
        // Bytes that are no UTF-8 become signs that say so.
        let field = |place: &usize| record.text(*place).into_owned();
        let content = self
            .check_shape(record)
            .and_then(|()| self.rules.text(record))
            .map(|text| TextContent {
                text: text.to_owned(),
                label: self.rules.label(record).ok().flatten(),
                carried: carried.iter().map(field).collect(),
            })
            .map_err(|reason| BadRow {
                reason: reason.to_string(),
                excerpt: excerpt(&record.joined()),
            });
        let id = self.id(record);
        TextRow {
            number,
            line: record.line,
            id: id.filter(|id| content.is_ok() && !id.is_empty()),
            content,
        }
    }
}
