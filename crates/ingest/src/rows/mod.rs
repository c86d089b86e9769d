//! Reads table files (CSV, TSV, JSON, Parquet): one file, or several with the same columns.
//!
//! Text files are not read with polars, whose CSV reader does not report which row is invalid and why, and
//! either fails as a whole or drops rows. They are not read with the `csv` crate either, whose records have no
//! size limit: after one stray quote it would load the rest of the file as a single row.

mod column_sample;
mod columns;
mod keep_columns;
mod layout;
mod other_file;
mod reviews;
mod roles;
mod row_parser;
mod sampling;
mod texts;
mod timestamp;
mod values;
mod written_date;

use std::path::{Path, PathBuf};

use settings::IngestSettings;
use stage::{Progress, ProgressTask};
use tables::{InputError, Record, Result, Table, row_limit};

use crate::error::no_source;
use crate::row::{ExcludedRow, Reason, WRONG_WIDTH, excerpt};
use crate::sink::RowSink;

use row_parser::RowParser;

pub(crate) use columns::Role;
pub use keep_columns::KeepColumns;
pub(crate) use layout::Layout;
pub use other_file::settings_for_file;
pub use reviews::for_each_review;
pub(crate) use roles::Decision;
pub use texts::{RejectedRow, TextContent, TextRow, count_rows, kept_column_names, read_texts};

/// Reads files in their order. All must have the columns of the first. Temporary files are created in
/// `scratch`. Returns the layout of the first file.
///
/// # Errors
/// A file cannot be read, has the wrong format, or has other columns than the first.
pub(crate) fn read(
    paths: &[PathBuf],
    scratch: &Path,
    settings: &IngestSettings,
    progress: &Progress,
    sink: &mut impl RowSink,
) -> Result<Layout> {
    let mut first: Option<Layout> = None;
    for path in paths {
        if first.is_some() && sink.is_full() {
            break;
        }
        let size = path.metadata().map_err(InputError::io(path))?.len();
        let task = &progress.task("reading", Some(size), "bytes");
        let mut reader = RowReader::open(path, settings, scratch, task, first.as_ref())?;
        if sink.ignores_label_errors() {
            // Only the split uses groups.
            let is_about_groups = |note: &str| note.contains("ingest.columns.group=");
            (reader.layout.roles.notes).retain(|note| !is_about_groups(&note.text));
        }
        if first.is_none() {
            reader.print_note(progress);
        }
        reader.parser.ignores_label_errors = sink.ignores_label_errors();
        reader.read(sink)?;
        first.get_or_insert(reader.layout);
    }
    first.ok_or_else(no_source)
}

/// Reads the rows of one file.
struct RowReader<'a> {
    rows: Table<'a>,
    /// The name of the file without its folder.
    name: String,
    layout: Layout,
    parser: RowParser<'a>,
    limit: usize,
}

impl<'a> RowReader<'a> {
    /// Opens a file. Detects its columns, or matches them to the layout of the `first` file.
    fn open(
        path: &Path,
        settings: &'a IngestSettings,
        scratch: &Path,
        task: &'a ProgressTask,
        first: Option<&Layout>,
    ) -> Result<Self> {
        let mut rows = Table::open(path, settings, scratch, |bytes| task.advance(bytes))?;
        let layout = match first {
            Some(first) => first.for_next_file(&rows)?,
            // The heartbeat continues while the file is read for the first time.
            None => Layout::detect(&rows, settings, scratch, || task.advance(0))?,
        };
        if layout.header {
            rows.next(&mut Record::default())?;
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self {
            rows,
            name: name.to_string_lossy().into_owned(),
            parser: RowParser::new(settings, &layout.roles)?,
            layout,
            limit: row_limit(settings),
        })
    }

    /// Prints the detected format and columns, unless the settings name all columns and the encoding is UTF-8.
    fn print_note(&self, progress: &Progress) {
        let (roles, format) = (&self.layout.roles, &self.layout.format_description);
        if roles.reasons.iter().any(|it| !it.is_set)
            || !roles.notes.is_empty()
            || !format.contains("UTF-8 (")
        {
            progress.note(&self.layout.describe(&self.name));
        }
    }

    fn read(&mut self, sink: &mut impl RowSink) -> Result<()> {
        let mut record = Record::default();
        let mut any = false;
        while !sink.is_full() && self.rows.next(&mut record)? {
            self.process_row(&record, sink)?;
            any = true;
        }
        sink.counts().repairs += self.rows.repairs;
        let missing = match self.layout.header {
            _ if any => return Ok(()),
            true => "a header but no rows",
            false => "no rows",
        };
        Err(InputError::empty(&self.rows.path, missing))
    }

    fn process_row(&self, record: &Record, sink: &mut impl RowSink) -> Result<()> {
        let shape = self.check_shape(record);
        match shape.and_then(|()| self.parser.review(record)) {
            Ok(review) => {
                self.check_scale(record, review.rating)?;
                let id = self.id(record).map(|id| format!(" id {id}"));
                let id = id.unwrap_or_default();
                sink.accept(&review, &format!("{}:{}{id}", self.name, record.line))
            }
            Err(reason) => sink.exclude(&ExcludedRow {
                source: self.name.clone(),
                line: record.line,
                reason,
                excerpt: excerpt(&record.joined()),
            }),
        }
    }

    /// Fails if a rating is not on the scale that was detected in the sample, because all labels may be wrong.
    fn check_scale(&self, record: &Record, rating: Option<f32>) -> Result<()> {
        let (Some(scale), Some(rating)) = (self.layout.roles.rating, rating) else {
            return Ok(());
        };
        if scale.contains(rating) {
            return Ok(());
        }
        let (path, line) = (self.rows.path.display(), record.line);
        let (low, high) = (scale.low, scale.high);
        let message = format!(
            "`{path}` has the rating {rating} on line {line}, but a sample of its rows suggests a scale from {low} to {high}: the labels may be wrong"
        );
        let hint = "Set the neutral rating with `--set ingest.rating.centre=NUMBER`, or with `centre` in `[ingest.rating]` of the pipeline file";
        Err(InputError::other(message, hint))
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
            (WRONG_WIDTH, format!("{columns} instead of {width}"))
        } else {
            return Ok(());
        };
        Err(Reason::rejected(what).because(detail))
    }

    /// The id of a row, if the file has a column of ids.
    fn id(&self, record: &Record) -> Option<String> {
        let id = self.parser.field(record, Role::Id).ok()?;
        id.map(str::to_owned)
    }
}
