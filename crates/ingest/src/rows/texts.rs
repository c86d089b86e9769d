//! The texts of a file of rows, for whoever only predicts: labels are not needed, and one that cannot
//! be understood makes no row bad.

use std::ops::ControlFlow;
use std::path::Path;

use artifact::Sentiment;
use settings::IngestSettings;
use stage::{Progress, Task};

use super::carry::{Carried, Carry};
use super::fields::Rules;
use super::layout::Layout;
use super::open::Rows;
use super::record::Record;
use super::{Role, RowStart, Table, row_limit};
use crate::error::IngestError;
use crate::form::rows_of;
use crate::row::excerpt;
use crate::sink::scratch_folder;

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
/// As for [`read_texts_from`].
pub fn carried_names(
    path: &Path,
    settings: &IngestSettings,
    carry: &Carry,
    task: &Task,
) -> Result<Vec<String>, IngestError> {
    if *carry == Carry::None {
        return Ok(Vec::new());
    }
    let (_, layout) = open(path, settings, task)?;
    Ok(Carried::find(path, carry, &layout)?.names(&layout))
}

/// Opens a file of rows and finds out what its columns are.
pub(super) fn open<'a>(
    path: &Path,
    settings: &IngestSettings,
    task: &'a Task,
) -> Result<(Rows<'a>, Layout), IngestError> {
    let (kind, scratch) = (rows_of(path, settings)?, scratch_folder()?);
    let rows = Rows::open(path, kind, scratch.path(), settings, task)?;
    let layout = Layout::find(path, &rows, settings)?;
    Ok((rows, layout))
}

/// Reads the texts of a file, in order: CSV and its relatives, JSON or Parquet, packed or not, its
/// columns found as `ingest` finds them. Begins with a row that [`crate::divide`] has found. The columns' roles are
/// detected from the first rows of the file, and row and line numbers are those of the whole file. `take` gets every
/// row and may stop the reading.
///
/// # Errors
/// The file cannot be read, its columns are none that are known, or one that shall go along is not there.
pub fn read_texts_from(
    path: &Path,
    settings: &IngestSettings,
    carry: &Carry,
    (progress, task): (&Progress, &Task),
    start: &RowStart,
    mut take: impl FnMut(TextRow) -> ControlFlow<()>,
) -> Result<(), IngestError> {
    let (mut rows, layout) = open(path, settings, task)?;
    let carried = Carried::find(path, carry, &layout)?;
    if layout.is_worth_saying() {
        progress.note(&layout.in_words(path));
    }
    let table = Table {
        path,
        name: String::new(),
        rules: Rules::new(settings, &layout.roles)?,
        layout: &layout,
        limit: row_limit(settings),
    };
    let mut record = Record::default();
    rows.go_to(path, layout.header, start, task)?;
    let mut number = start.row - 1;
    while rows.next(path, &mut record)? {
        number += 1;
        if take(table.text_row(&record, number, &carried)).is_break() {
            break;
        }
    }
    Ok(())
}

impl Table<'_> {
    fn text_row(&self, record: &Record, number: u64, carried: &Carried) -> TextRow {
        let map = &self.layout.roles.map;
        let content = self
            .check_shape(record)
            .and_then(|()| self.rules.text(record, map))
            .map(|text| TextContent {
                text: text.to_owned(),
                label: self.rules.label_of(record, map),
                carried: carried.of(record),
            })
            .map_err(|reason| BadRow {
                reason: reason.to_string(),
                excerpt: excerpt(&record.joined()),
            });
        let id = map.get(Role::Id).map(|column| {
            String::from_utf8_lossy(record.field(column))
                .trim()
                .to_owned()
        });
        TextRow {
            number,
            line: record.line,
            id: id.filter(|id| content.is_ok() && !id.is_empty()),
            content,
        }
    }
}
