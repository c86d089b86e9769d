//! Files of rows: CSV and its relatives, JSON, Parquet; one file or many of one shape.
//!
//! Text is read with `csv-core` and not with polars: polars' CSV reader cannot say which row was bad
//! and why, and it either fails as a whole or drops rows. Not with the `csv` crate above the same
//! parser either: its records grow without bound, so that one stray quote would read the rest of
//! the file into memory and pass it off as one row.

mod carry;
mod columns;
mod delimited;
mod dialect;
mod division;
mod each;
mod evidence;
mod fields;
mod json;
mod layout;
mod open;
mod parquet;
mod reader;
mod record;
mod replay;
mod roles;
mod skip;
mod texts;
mod timestamp;

use std::path::{Path, PathBuf};

use settings::IngestSettings;
use stage::Progress;

use crate::error::IngestError;
use crate::row::{LeftOut, Reason, excerpt};
use crate::sink::Taker;

use fields::Rules;
use open::Rows;
use record::Record;

pub use carry::Carry;
pub(crate) use columns::Role;
pub use division::{Division, divide};
pub use each::read_each;
pub(crate) use layout::Layout;
pub(crate) use open::Kind;
pub use open::RowStart;
pub(crate) use roles::Decision;
pub use texts::{BadRow, TextContent, TextRow, carried_names, read_texts_from};

/// Reads files, in their order, all of the shape of the first. `scratch` is a folder for what must
/// lie on disk for a moment. Returns what was found out about the first.
///
/// # Errors
/// A file cannot be read, is not what it should be, or has other columns than the first.
pub(crate) fn read(
    paths: &[PathBuf],
    kind: Kind,
    scratch: &Path,
    settings: &IngestSettings,
    progress: &Progress,
    taker: &mut impl Taker,
) -> Result<Layout, IngestError> {
    let mut first: Option<Layout> = None;
    for path in paths {
        if first.is_some() && taker.is_full() {
            break;
        }
        let size = path.metadata().map_err(IngestError::read(path))?.len();
        let task = progress.task("reading", Some(size), "bytes");
        let mut rows = Rows::open(path, kind, scratch, settings, &task)?;
        let layout = match &first {
            Some(first) => first.of_another(path, &rows)?,
            None => Layout::find(path, &rows, settings)?,
        };
        if first.is_none() && layout.is_worth_saying() {
            progress.note(&layout.in_words(path));
        }
        let table = Table {
            path,
            name: path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            rules: Rules::new(settings, &layout.roles)?.forgiving(taker.forgives_labels()),
            layout: &layout,
            limit: row_limit(settings),
        };
        table.read(&mut rows, taker)?;
        first.get_or_insert(layout);
    }
    first.ok_or(IngestError::NoSource)
}

/// Bytes of a row at most: the text, and some room for the other columns.
fn row_limit(settings: &IngestSettings) -> usize {
    settings.max_text_bytes.saturating_add(record::OTHER_FIELDS)
}

/// One file on its way.
struct Table<'a> {
    path: &'a Path,
    name: String,
    rules: Rules<'a>,
    layout: &'a Layout,
    limit: usize,
}

impl Table<'_> {
    fn read(&self, rows: &mut Rows<'_>, taker: &mut impl Taker) -> Result<(), IngestError> {
        let mut record = Record::default();
        let mut any = false;
        if self.layout.header {
            rows.next(self.path, &mut record)?;
        }
        while !taker.is_full() && rows.next(self.path, &mut record)? {
            self.row(&record, taker)?;
            any = true;
        }
        if any {
            return Ok(());
        }
        Err(IngestError::nothing(
            self.path,
            if self.layout.header {
                "a header and no rows"
            } else {
                "no rows"
            },
        ))
    }

    fn row(&self, record: &Record, taker: &mut impl Taker) -> Result<(), IngestError> {
        let review = self
            .check_shape(record)
            .and_then(|()| self.rules.review(record, &self.layout.roles.map));
        match review {
            Ok(review) => {
                self.check_scale(record, review.rating)?;
                taker.accept(&review, &self.place(record))
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
    fn check_scale(&self, record: &Record, rating: Option<f32>) -> Result<(), IngestError> {
        let (Some(scale), Some(rating)) = (self.layout.roles.rating, rating) else {
            return Ok(());
        };
        if scale.holds(rating) {
            return Ok(());
        }
        Err(IngestError::other(
            format!(
                "`{}` has the rating {rating} on line {}, and its first rows told a scale from {} to {}: every label may be wrong",
                self.path.display(),
                record.line,
                scale.low,
                scale.high
            ),
            "Say which rating is neither good nor bad with `--set ingest.rating.centre=NUMBER`, or with `centre` in \
             `[ingest.rating]` of the pipeline file",
        ))
    }

    fn check_shape(&self, record: &Record) -> Result<(), Reason> {
        if record.oversize {
            let lines = format!(
                "over {} bytes on lines {} to {}",
                self.limit, record.line, record.last_line
            );
            let what = "the row is too long, or a quote before it does not close";
            return Err(Reason::rejected(what).because(lines));
        }
        if let Some(problem) = &record.problem {
            return Err(Reason::rejected("the row cannot be understood").because(problem.clone()));
        }
        let width = self.layout.names.len();
        if self.layout.fixed_width && record.columns != width {
            let columns = format!("{} instead of {width}", record.columns);
            let what = "the row has another number of columns than the first";
            return Err(Reason::rejected(what).because(columns));
        }
        Ok(())
    }

    /// File and line, and the source's own id where it has one.
    fn place(&self, record: &Record) -> String {
        let id = self
            .layout
            .roles
            .map
            .get(Role::Id)
            .map(|column| record.field(column));
        match id {
            Some(id) => {
                format!(
                    "{}:{} id {}",
                    self.name,
                    record.line,
                    String::from_utf8_lossy(id).trim()
                )
            }
            None => format!("{}:{}", self.name, record.line),
        }
    }
}
