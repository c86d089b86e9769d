//! A file opened as rows, with a sample of them read ahead.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::Path;

use settings::IngestSettings;
use stage::Task;

use super::dialect::sniff;
use super::json::JsonReader;
use super::parquet::{Limits, TableReader};
use super::reader::{Ending, Reader};
use super::record::{Dialect, Record, RecordReader};
use super::row_limit;
use crate::container::{self, Limit, Unpacked};
use crate::encoding;
use crate::error::IngestError;
use crate::sniff::Content;

/// Rows looked at before any is taken ...
const SAMPLE_ROWS: usize = 1000;

/// ... and bytes of them, so that long rows do not fill memory.
const SAMPLE_BYTES: usize = 32 << 20;

/// What the settings say about the form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: its content tells.
    Any,
    Csv,
    Tsv,
    Json,
    Parquet,
}

/// A file on its way.
pub(super) struct Rows<'a> {
    reader: Reader<'a>,
    sample: VecDeque<Record>,
    /// How it is written, in words: `gzip, UTF-8, separated by commas`.
    pub(super) form: String,
}

impl<'a> Rows<'a> {
    /// Opens a file and reads a sample of it.
    pub(super) fn open(
        path: &Path,
        kind: Kind,
        scratch: &Path,
        settings: &IngestSettings,
        task: &'a Task,
    ) -> Result<Self, IngestError> {
        let unpacked = container::open(path, scratch, settings.max_unpacked_bytes, task)?;
        let (reader, form) = match (unpacked.content, kind) {
            (Content::Parquet, Kind::Any | Kind::Parquet) => {
                table(path, scratch, unpacked, settings)?
            }
            (Content::Text, kind) if kind != Kind::Parquet => text(path, kind, unpacked, settings)?,
            (Content::Empty, _) => {
                return Err(IngestError::NothingThere {
                    path: path.to_owned(),
                    what: "no content",
                });
            }
            (found, _) => {
                return Err(IngestError::OtherKind {
                    path: path.to_owned(),
                    found: found.name(),
                    expected: match kind {
                        Kind::Any => "a table of reviews",
                        Kind::Csv | Kind::Tsv => "a CSV or TSV file",
                        Kind::Json => "JSON",
                        Kind::Parquet => "a Parquet table",
                    },
                    hint: found.hint(),
                });
            }
        };
        let mut rows = Self {
            reader,
            sample: VecDeque::new(),
            form,
        };
        rows.read_ahead(path)?;
        Ok(rows)
    }

    /// The rows read ahead.
    pub(super) fn sample(&self) -> &VecDeque<Record> {
        &self.sample
    }

    /// The columns' names, where the file itself says them.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        self.reader.names()
    }

    /// Whether the rows may leave out columns that they have nothing to say about.
    pub(super) fn may_lack_columns(&self) -> bool {
        matches!(self.reader, Reader::Json(_))
    }

    /// The next row; `false` at the end of the file.
    pub(super) fn next(&mut self, path: &Path, record: &mut Record) -> Result<bool, IngestError> {
        match self.sample.pop_front() {
            Some(first) => {
                *record = first;
                Ok(true)
            }
            None => self.read(path, record, false),
        }
    }

    fn read_ahead(&mut self, path: &Path) -> Result<(), IngestError> {
        let mut bytes = 0;
        while self.sample.len() < SAMPLE_ROWS && bytes < SAMPLE_BYTES {
            let mut record = Record::default();
            // What is wrong with the file is said when its place is reached, after the rows before it.
            if !self.read(path, &mut record, true)? {
                break;
            }
            record.shrink();
            bytes += record.bytes();
            self.sample.push_back(record);
        }
        if self.sample.is_empty() {
            let what = "only empty lines";
            return Err(IngestError::NothingThere {
                path: path.to_owned(),
                what,
            });
        }
        Ok(())
    }

    fn read(
        &mut self,
        path: &Path,
        record: &mut Record,
        learning: bool,
    ) -> Result<bool, IngestError> {
        let after = record.last_line();
        let ending = self
            .reader
            .read(record, learning)
            .map_err(|error| IngestError::damaged(path, format!("line {after}"), error))?;
        match ending {
            Ending::Record => Ok(true),
            Ending::File => Ok(false),
            Ending::OpenQuote => Err(IngestError::OpenQuote {
                path: path.to_owned(),
                line: record.line(),
            }),
        }
    }
}

/// A reader of a table, and how it is written in words.
fn table<'a>(
    path: &Path,
    scratch: &Path,
    unpacked: Unpacked<'a>,
    settings: &IngestSettings,
) -> Result<(Reader<'a>, String), IngestError> {
    let packing = unpacked.packing;
    let file = unpacked.into_file(path, scratch)?;
    let size = file.metadata().map_err(IngestError::read(path))?.len();
    let limits = Limits {
        row: row_limit(settings),
        all: Limit::new(size, settings.max_unpacked_bytes),
    };
    let reader = TableReader::open(path, file, limits)?;
    let form = if packing.is_empty() {
        "Parquet".to_owned()
    } else {
        format!("{packing}, Parquet")
    };
    Ok((Reader::Table(Box::new(reader)), form))
}

/// A reader of text, and how it is written in words.
fn text<'a>(
    path: &Path,
    kind: Kind,
    unpacked: Unpacked<'a>,
    settings: &IngestSettings,
) -> Result<(Reader<'a>, String), IngestError> {
    let Unpacked {
        mut input, packing, ..
    } = unpacked;
    let damaged = |error| IngestError::damaged(path, "the start", error);
    let start = input.fill_buf().map_err(damaged)?;
    let found = encoding::find(start, settings.encoding.as_deref())?;
    let mut input = encoding::decoded(input, found.encoding).map_err(damaged)?;
    let start = input.fill_buf().map_err(damaged)?;
    let mut form: Vec<String> = Vec::new();
    form.extend((!packing.is_empty()).then(|| packing.to_owned()));
    form.push(format!("{} ({})", found.encoding.name(), found.how));
    let limit = row_limit(settings);
    if kind == Kind::Json || (kind == Kind::Any && is_json(start)) {
        form.push("JSON objects".to_owned());
        return Ok((Reader::Json(JsonReader::new(input, limit)), form.join(", ")));
    }
    let dialect = dialect(kind, start, settings)?;
    form.push(format!(
        "separated by {}{}",
        match dialect.separator {
            b'\t' => "tabs".to_owned(),
            b',' => "commas".to_owned(),
            other => format!("`{}`", char::from(other)),
        },
        if dialect.quotes {
            ""
        } else {
            ", without quotes"
        }
    ));
    Ok((
        Reader::Delimited(Box::new(RecordReader::new(input, dialect, limit))),
        form.join(", "),
    ))
}

/// Whether a text begins as JSON does: an object, or an array of objects.
fn is_json(start: &[u8]) -> bool {
    let text = start.trim_ascii_start();
    let inside = text
        .strip_prefix(b"[")
        .map_or(text, <[u8]>::trim_ascii_start);
    inside.starts_with(b"{")
}

fn dialect(kind: Kind, start: &[u8], settings: &IngestSettings) -> Result<Dialect, IngestError> {
    let told = match kind {
        Kind::Csv => Dialect {
            separator: b',',
            quotes: true,
        },
        Kind::Tsv => Dialect {
            separator: b'\t',
            quotes: false,
        },
        _ => sniff(start),
    };
    let separator = match settings.delimiter {
        None => told.separator,
        Some(given) if given.is_ascii() && !matches!(given, '"' | '\n' | '\r') => given as u8,
        Some(given) => {
            return Err(IngestError::Setting {
                setting: "ingest.delimiter",
                problem: format!(
                    "is {given:?} and must be one ASCII character that is neither a quote nor a line break"
                ),
                hint: "Name the separator, for example `--set 'ingest.delimiter=\";\"'`",
            });
        }
    };
    Ok(Dialect {
        separator,
        quotes: settings.quotes.unwrap_or(told.quotes),
    })
}
