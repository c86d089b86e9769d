//! Files of rows: CSV and its relatives, JSON, Parquet; one file or many of one shape.
//!
//! Text is read with an own parser and not with polars: polars' CSV reader cannot say which row was bad
//! and why, and it either fails as a whole or drops rows. Not with the `csv` crate either: its records
//! grow without bound, so that one stray quote would read the rest of the file into memory and pass it
//! off as one row.

mod carry;
mod columns;
mod each;
mod evidence;
mod fields;
mod layout;
mod roles;
mod texts;
mod timestamp;

use std::path::{Path, PathBuf};

use settings::IngestSettings;
use stage::{Progress, ProgressTask};
use tables::{InputError, Record, Table, row_limit};

use crate::error::no_source;
use crate::row::{LeftOut, Reason, excerpt};
use crate::sink::Taker;

use fields::Rules;

pub use carry::Carry;
pub(crate) use columns::Role;
pub use each::read_each;
pub(crate) use layout::Layout;
pub(crate) use roles::Decision;
pub use texts::{BadRow, TextContent, TextRow, carried_names, count_rows, read_texts};

/// Reads files, in their order, all of the shape of the first. `scratch` is a folder for what must
/// lie on disk for a moment. Returns what was found out about the first.
///
/// # Errors
/// A file cannot be read, is not what it should be, or has other columns than the first.
pub(crate) fn read(
    paths: &[PathBuf],
    scratch: &Path,
    settings: &IngestSettings,
    progress: &Progress,
    taker: &mut impl Taker,
) -> Result<Layout, InputError> {
    let mut first: Option<Layout> = None;
    for path in paths {
        if first.is_some() && taker.is_full() {
            break;
        }
        let size = path.metadata().map_err(InputError::read(path))?.len();
        let task = &progress.task("reading", Some(size), "bytes");
        let mut source = Source::open(path, settings, scratch, task, first.as_ref())?;
        if first.is_none() {
            source.print_note(progress);
        }
        source.rules.forgives_labels = taker.forgives_labels();
        source.read(taker)?;
        first.get_or_insert(source.layout);
    }
    first.ok_or_else(no_source)
}

/// One file on its way.
struct Source<'a> {
    rows: Table<'a>,
    /// The name of the file without its folder.
    name: String,
    layout: Layout,
    rules: Rules<'a>,
    limit: usize,
}

impl<'a> Source<'a> {
    /// Opens a file and finds out what its columns are, or which of them are those of the `first` file.
    fn open(
        path: &Path,
        settings: &'a IngestSettings,
        scratch: &Path,
        task: &'a ProgressTask,
        first: Option<&Layout>,
    ) -> Result<Self, InputError> {
        let mut rows = Table::open(path, settings, scratch, |bytes| task.advance(bytes))?;
        let layout = match first {
            Some(first) => first.of_another(&rows)?,
            None => Layout::find(&rows, settings)?,
        };
        if layout.header {
            rows.next(&mut Record::default())?;
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self {
            rows,
            name: name.to_string_lossy().into_owned(),
            rules: Rules::new(settings, &layout.roles)?,
            layout,
            limit: row_limit(settings),
        })
    }

    /// Says what was found out about the columns, where people may want to know it: what a column is, or that
    /// a file is in another encoding than usual.
    fn print_note(&self, progress: &Progress) {
        let (roles, form) = (&self.layout.roles, &self.layout.form);
        if !roles.reasons.is_empty() || !roles.notes.is_empty() || !form.contains("UTF-8 (") {
            progress.note(&self.layout.in_words(&self.name));
        }
    }

    fn read(&mut self, taker: &mut impl Taker) -> Result<(), InputError> {
        let mut record = Record::default();
        let mut any = false;
        while !taker.is_full() && self.rows.next(&mut record)? {
            self.row(&record, taker)?;
            any = true;
        }
        let missing = match self.layout.header {
            _ if any => return Ok(()),
            true => "a header and no rows",
            false => "no rows",
        };
        Err(InputError::nothing(&self.rows.path, missing))
    }

    fn row(&self, record: &Record, taker: &mut impl Taker) -> Result<(), InputError> {
        let shape = self.check_shape(record);
        match shape.and_then(|()| self.rules.review(record)) {
            Ok(review) => {
                self.check_scale(record, review.rating)?;
                let id = self.id(record).map(|id| format!(" id {id}"));
                let id = id.unwrap_or_default();
                taker.accept(&review, &format!("{}:{}{id}", self.name, record.line))
            }
            Err(reason) => taker.leave_out(&LeftOut {
                source: self.name.clone(),
                line: record.line,
                reason,
                excerpt: excerpt(&record.joined()),
            }),
        }
    }

    /// Fails where a rating is not on the scale that the first rows told: all labels may be wrong.
    fn check_scale(&self, record: &Record, rating: Option<f32>) -> Result<(), InputError> {
        let (Some(scale), Some(rating)) = (self.layout.roles.rating, rating) else {
            return Ok(());
        };
        if scale.holds(rating) {
            return Ok(());
        }
        let (path, line) = (self.rows.path.display(), record.line);
        let (low, high) = (scale.low, scale.high);
        Err(InputError::other(
            format!(
                "`{path}` has the rating {rating} on line {line}, and its first rows told a scale from {low} to {high}: every label may be wrong"
            ),
            "Say which rating is neither good nor bad with `--set ingest.rating.centre=NUMBER`, or with `centre` in \
             `[ingest.rating]` of the pipeline file",
        ))
    }

    fn check_shape(&self, record: &Record) -> Result<(), Reason> {
        let (limit, line, last_line) = (self.limit, record.line, record.last_line);
        let (width, columns) = (self.layout.names.len(), record.columns());
        let (what, detail) = if record.oversize {
            let lines = format!("over {limit} bytes on lines {line} to {last_line}");
            let what = "the row is too long, or a quote before it does not close";
            (what, lines)
        } else if let Some(problem) = &record.problem {
            ("the row cannot be understood", problem.clone())
        } else if self.layout.fixed_width && columns != width {
            let what = "the row has another number of columns than the first";
            (what, format!("{columns} instead of {width}"))
        } else {
            return Ok(());
        };
        Err(Reason::rejected(what).because(detail))
    }

    /// The source's own id of a row, where it has a column of ids.
    fn id(&self, record: &Record) -> Option<String> {
        let column = self.layout.roles.map.get(Role::Id)?;
        Some(record.text(column).trim().to_owned())
    }
}
