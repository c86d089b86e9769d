//! CSV and TSV files.
//!
//! Read with `csv-core` and not with polars: polars' CSV reader cannot say which row was bad and
//! why, and it either fails as a whole or drops rows. Not with the `csv` crate above the same
//! parser either: its records grow without bound, so that one stray quote would read the rest of
//! the file into memory and pass it off as one row.

mod columns;
mod fields;
mod record;
mod timestamp;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use settings::IngestSettings;
use stage::{Progress, Task};

use crate::error::IngestError;
use crate::row::{LeftOut, Reason, excerpt};
use crate::sink::Sink;
use crate::sniff::{Content, Watched, content_of};

use columns::ColumnMap;
use fields::Rules;
use record::{Dialect, Ending, Record, RecordReader};

/// Bytes asked of the disk at a time.
const BUFFER: usize = 1 << 18;

/// Reads the file into the sink. `separator` is that of the format, unless the settings name one.
pub(crate) fn read(
    path: &Path,
    tabs: bool,
    settings: &IngestSettings,
    progress: &Progress,
    sink: &mut Sink,
) -> Result<(), IngestError> {
    let dialect = Dialect {
        separator: separator(tabs, settings)?,
        quotes: !tabs,
    };
    let rules = Rules::new(settings)?;
    let size = path.metadata().map_err(IngestError::read(path))?.len();
    let task = progress.task("reading", Some(size), "bytes");
    let limit = settings.max_text_bytes.saturating_add(record::OTHER_FIELDS);
    let mut table = Table {
        path,
        name: file_name(path),
        rules,
        limit,
        sink,
    };
    table.read(
        &mut RecordReader::new(open(path, &task)?, dialect, limit),
        settings,
    )
}

fn separator(tabs: bool, settings: &IngestSettings) -> Result<u8, IngestError> {
    match settings.delimiter {
        None => Ok(if tabs { b'\t' } else { b',' }),
        Some(given) if given.is_ascii() && !matches!(given, '"' | '\n' | '\r') => Ok(given as u8),
        Some(given) => Err(IngestError::Setting {
            setting: "ingest.delimiter",
            problem: format!(
                "is {given:?} and must be one ASCII character that is neither a quote nor a line break"
            ),
            hint: "Name the separator, for example `--set 'ingest.delimiter=\";\"'`",
        }),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// Opens the file, compressed or not, and refuses what is no table of text.
fn open<'a>(path: &Path, task: &'a Task) -> Result<Box<dyn BufRead + 'a>, IngestError> {
    let file = File::open(path).map_err(IngestError::read(path))?;
    let mut input: Box<dyn BufRead> =
        Box::new(BufReader::with_capacity(BUFFER, Watched::new(file, task)));
    let mut content = content_of(&mut input).map_err(IngestError::read(path))?;
    if content == Content::Gzip {
        input = Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(input)));
        content = content_of(&mut input)
            .map_err(|error| IngestError::damaged(path, "the start", error))?;
    }
    match content {
        Content::Text => Ok(input),
        Content::Empty => Err(IngestError::NothingThere {
            path: path.to_owned(),
            what: "no content",
        }),
        other => Err(IngestError::OtherKind {
            path: path.to_owned(),
            found: other.name(),
            expected: "a CSV or TSV file",
            hint: other.hint(),
        }),
    }
}

/// One file on its way into the sink.
struct Table<'a> {
    path: &'a Path,
    name: String,
    rules: Rules<'a>,
    limit: usize,
    sink: &'a mut Sink,
}

impl Table<'_> {
    fn read(
        &mut self,
        reader: &mut RecordReader<Box<dyn BufRead + '_>>,
        settings: &IngestSettings,
    ) -> Result<(), IngestError> {
        let mut record = Record::default();
        if !self.next(reader, &mut record)? {
            return Err(IngestError::NothingThere {
                path: self.path.to_owned(),
                what: "only empty lines",
            });
        }
        let map = ColumnMap::resolve(self.path, settings, &record)?;
        let width = record.len();
        let mut present = !settings.header || self.next(reader, &mut record)?;
        if !present {
            return Err(IngestError::NothingThere {
                path: self.path.to_owned(),
                what: "a header and no rows",
            });
        }
        while present {
            self.row(&record, &map, width)?;
            present = self.next(reader, &mut record)?;
        }
        Ok(())
    }

    /// The next record; `false` at the end of the file.
    fn next(
        &self,
        reader: &mut RecordReader<Box<dyn BufRead + '_>>,
        record: &mut Record,
    ) -> Result<bool, IngestError> {
        let after = record.last_line();
        let ending = reader
            .read(record)
            .map_err(|error| IngestError::damaged(self.path, format!("line {after}"), error))?;
        match ending {
            Ending::Record => Ok(true),
            Ending::File => Ok(false),
            Ending::OpenQuote => Err(IngestError::OpenQuote {
                path: self.path.to_owned(),
                line: record.line(),
            }),
        }
    }

    fn row(&mut self, record: &Record, map: &ColumnMap, width: usize) -> Result<(), IngestError> {
        let review = self
            .check_shape(record, width)
            .and_then(|()| self.rules.review(record, map));
        match review {
            Ok(review) => self.sink.accept(&review, &self.place(record, map)),
            Err(reason) => self.sink.leave_out(&LeftOut {
                source: self.name.clone(),
                line: record.line(),
                reason,
                excerpt: excerpt(&record.joined()),
            }),
        }
    }

    fn check_shape(&self, record: &Record, width: usize) -> Result<(), Reason> {
        if record.is_oversize() {
            let lines = format!(
                "over {} bytes on lines {} to {}",
                self.limit,
                record.line(),
                record.last_line()
            );
            return Err(Reason::rejected(
                "the row is too long, or a quote before it does not close",
            )
            .because(lines));
        }
        if record.len() != width {
            let columns = format!("{} instead of {width}", record.len());
            return Err(
                Reason::rejected("the row has another number of columns than the first")
                    .because(columns),
            );
        }
        Ok(())
    }

    /// File and line, and the source's own id where it has one.
    fn place(&self, record: &Record, map: &ColumnMap) -> String {
        let id = map
            .id
            .map(|column| String::from_utf8_lossy(record.field(column)));
        match id {
            Some(id) => format!("{}:{} id {}", self.name, record.line(), id.trim()),
            None => format!("{}:{}", self.name, record.line()),
        }
    }
}
