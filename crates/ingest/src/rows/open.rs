//! A file opened as rows, with a sample of them read ahead.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use encoding_rs::UTF_8;
use serde::{Deserialize, Serialize};
use settings::IngestSettings;
use stage::Task;

use super::delimited::RecordReader;
use super::dialect::{Dialect, sniff};
use super::json::JsonReader;
use super::parquet::{Limits, TableReader};
use super::reader::Reader;
use super::record::{Ending, Record};
use super::row_limit;
use crate::container::{self, Unpacked};
use crate::encoding;
use crate::error::IngestError;
use crate::limit::Limit;
use crate::sniff::{BUFFER, Content, Watched};

/// Rows looked at before any is taken ...
const SAMPLE_ROWS: usize = 1000;

/// ... and bytes of them, so that long rows do not fill memory.
const SAMPLE_BYTES: usize = 32 << 20;

/// Where a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowStart {
    /// Its number, from 1, without a header.
    pub row: u64,
    /// The line, from 1, at which it begins, or empty lines before it; in a table its number.
    pub line: u64,
    /// Bytes of the file before it, unpacked and as UTF-8; in a table rows.
    pub offset: u64,
}

impl RowStart {
    /// The first row of any file, which follows its header.
    pub const FIRST: Self = Self {
        row: 1,
        line: 1,
        offset: 0,
    };
}

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
    /// Why a row in its midst is found only by reading what is before it, if that is so.
    pub(super) read_through: Option<String>,
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
        let mut rows = Self::begin(path, kind, scratch, settings, task)?;
        rows.read_ahead(path)?;
        Ok(rows)
    }

    /// Opens a file and reads nothing of it yet.
    pub(super) fn begin(
        path: &Path,
        kind: Kind,
        scratch: &Path,
        settings: &IngestSettings,
        task: &'a Task,
    ) -> Result<Self, IngestError> {
        let unpacked = container::open(path, scratch, settings.max_unpacked_bytes, task)?;
        let (reader, form, read_through) = match (unpacked.content, kind) {
            (Content::Parquet, Kind::Any | Kind::Parquet) => {
                table(path, scratch, unpacked, settings)?
            }
            (Content::Text, kind) if kind != Kind::Parquet => text(path, kind, unpacked, settings)?,
            (Content::Empty, _) => {
                return Err(IngestError::nothing(path, "no content"));
            }
            (found, _) => {
                return Err(IngestError::other_kind(
                    path,
                    found,
                    match kind {
                        Kind::Any => "a table of reviews",
                        Kind::Csv | Kind::Tsv => "a CSV or TSV file",
                        Kind::Json => "JSON",
                        Kind::Parquet => "a Parquet table",
                    },
                ));
            }
        };
        Ok(Self {
            reader,
            sample: VecDeque::new(),
            read_through,
            form,
        })
    }

    /// Rows of the whole file, where it says so itself.
    pub(super) fn count(&self) -> Option<u64> {
        match &self.reader {
            Reader::Table(table) => Some(table.count()),
            Reader::Delimited(_) | Reader::Json(_) => None,
        }
    }

    /// The line and the byte at which the next row begins that was not read ahead.
    pub(super) fn place(&self) -> (u64, u64) {
        self.reader.place()
    }

    /// Goes on at a row of the file, whose first `header` records are none. Rows that were read ahead
    /// are kept; a row behind them is sought, or read up to where the file cannot be entered in its
    /// midst.
    pub(super) fn go_to(
        &mut self,
        path: &Path,
        header: bool,
        start: &RowStart,
        task: &'a Task,
    ) -> Result<(), IngestError> {
        let before = start.row - 1 + u64::from(header);
        let ahead = self.sample.len() as u64;
        if before < ahead {
            self.sample.drain(..before as usize);
            return Ok(());
        }
        self.sample.clear();
        let through = self.read_through.is_some();
        match &mut self.reader {
            Reader::Table(table) => table
                .go_to(start.row)
                .map_err(|error| IngestError::damaged(path, "the start", error)),
            Reader::Delimited(reader) if !through => {
                reader.go_to(seek(path, start.offset, task)?, start.line, start.offset);
                Ok(())
            }
            Reader::Json(reader) if !through => {
                reader.go_to(seek(path, start.offset, task)?, start.line, start.offset);
                Ok(())
            }
            Reader::Delimited(_) | Reader::Json(_) => {
                let mut record = Record::default();
                for _ in ahead..before {
                    if !self.skip(path, &mut record)? {
                        break;
                    }
                }
                Ok(())
            }
        }
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
            return Err(IngestError::nothing(path, "only empty lines"));
        }
        Ok(())
    }

    fn read(
        &mut self,
        path: &Path,
        record: &mut Record,
        learning: bool,
    ) -> Result<bool, IngestError> {
        let after = record.last_line;
        let ending = self.reader.read(record, learning);
        is_record(path, record, after, ending)
    }

    /// Passes over a row, with `record` for its memory; `false` at the end of the file.
    pub(super) fn skip(&mut self, path: &Path, record: &mut Record) -> Result<bool, IngestError> {
        let after = record.last_line;
        let ending = self.reader.skip(record);
        is_record(path, record, after, ending)
    }
}

/// Whether a read came to a record, or to the end of the file.
fn is_record(
    path: &Path,
    record: &Record,
    after: u64,
    ending: io::Result<Ending>,
) -> Result<bool, IngestError> {
    match ending.map_err(|error| IngestError::damaged(path, format!("line {after}"), error))? {
        Ending::Record => Ok(true),
        Ending::File => Ok(false),
        Ending::OpenQuote => Err(IngestError::OpenQuote {
            path: path.to_owned(),
            line: record.line,
        }),
    }
}

/// A plain file from a byte on.
fn seek<'a>(
    path: &Path,
    offset: u64,
    task: &'a Task,
) -> Result<Box<dyn BufRead + 'a>, IngestError> {
    let failed = IngestError::read(path);
    let open = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    };
    let file = Watched::new(open().map_err(failed)?, task);
    Ok(Box::new(BufReader::with_capacity(BUFFER, file)))
}

/// A reader, how what it reads is written in words, and why it reads all from the start, if it must.
type Opened<'a> = (Reader<'a>, String, Option<String>);

/// A reader of a table, and how it is written in words.
fn table<'a>(
    path: &Path,
    scratch: &Path,
    unpacked: Unpacked<'a>,
    settings: &IngestSettings,
) -> Result<Opened<'a>, IngestError> {
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
    Ok((Reader::Table(Box::new(reader)), form, through(packing)))
}

/// A reader of text, and how it is written in words.
fn text<'a>(
    path: &Path,
    kind: Kind,
    unpacked: Unpacked<'a>,
    settings: &IngestSettings,
) -> Result<Opened<'a>, IngestError> {
    let Unpacked {
        mut input, packing, ..
    } = unpacked;
    let damaged = |error| IngestError::damaged(path, "the start", error);
    let start = input.fill_buf().map_err(damaged)?;
    let found = encoding::find(start, settings.encoding.as_deref())?;
    let is_plain = found.encoding == UTF_8;
    let mark = is_plain && start.starts_with(encoding::MARK);
    let offset = if mark { encoding::MARK.len() as u64 } else { 0 };
    let other = || format!("it is written in {}", found.encoding.name());
    let read_through = through(packing).or_else(|| (!is_plain).then(other));
    let mut input = encoding::decoded(input, found.encoding).map_err(damaged)?;
    let start = input.fill_buf().map_err(damaged)?;
    let mut form: Vec<String> = Vec::new();
    form.extend((!packing.is_empty()).then(|| packing.to_owned()));
    form.push(format!("{} ({})", found.encoding.name(), found.how));
    let limit = row_limit(settings);
    if kind == Kind::Json || (kind == Kind::Any && is_json(start)) {
        form.push("JSON objects".to_owned());
        let reader = Reader::Json(JsonReader::new(input, limit, offset));
        return Ok((reader, form.join(", "), read_through));
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
    let reader = RecordReader::new(input, dialect, limit, offset);
    let reader = Reader::Delimited(Box::new(reader));
    Ok((reader, form.join(", "), read_through))
}

fn through(packing: &str) -> Option<String> {
    (!packing.is_empty()).then(|| format!("it is packed with {packing}"))
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
            return Err(IngestError::other(
                format!(
                    "`ingest.delimiter` is {given:?} and must be one ASCII character that is neither a quote nor a line break"
                ),
                "Name the separator, for example `--set 'ingest.delimiter=\";\"'`",
            ));
        }
    };
    Ok(Dialect {
        separator,
        quotes: settings.quotes.unwrap_or(told.quotes),
    })
}
