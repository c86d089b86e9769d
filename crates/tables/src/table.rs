//! A file opened as rows, with a sample of them read ahead.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use settings::{IngestSettings, SourceFormat};

use crate::container::{self, Unpacked};
use crate::content::Content;
use crate::delimited::DelimitedReader;
use crate::dialect::{self, Dialect};
use crate::encoding;
use crate::error::{InputError, Problem};
use crate::json::JsonReader;
use crate::limit::Limit;
use crate::parquet::ParquetReader;
use crate::record::{Ending, OTHER_FIELDS, Record, RecordReader};

/// Rows looked at before any is taken ...
const SAMPLE_ROWS: usize = 1000;

/// ... and bytes of them, so that long rows do not fill memory.
const SAMPLE_BYTES: usize = 32 << 20;

/// A file of rows.
pub struct Table<'a> {
    /// Where the file is.
    pub path: PathBuf,
    /// The rows read ahead.
    pub sample: VecDeque<Record>,
    /// Whether rows may leave out columns that they have no value for.
    pub may_lack_columns: bool,
    /// Rows of the whole file, where it says so itself.
    pub count: Option<u64>,
    reader: Box<dyn RecordReader + 'a>,
    /// How it is written, in words: `gzip, UTF-8, separated by commas`.
    pub form: String,
}

/// Bytes of a row at most: the text, and some room for the other columns.
pub fn row_limit(settings: &IngestSettings) -> usize {
    settings.max_text_bytes.saturating_add(OTHER_FIELDS)
}

impl<'a> Table<'a> {
    /// Opens a file and reads a sample of it. `scratch` is a folder for what must lie on disk for a moment;
    /// `read` is given the bytes of the file that each reading took, to show them.
    pub fn open(
        path: &Path,
        settings: &IngestSettings,
        scratch: &Path,
        read: impl Fn(u64) + 'a,
    ) -> Result<Self, InputError> {
        let unpacked =
            container::unpack(path, Some(scratch), settings.max_decompressed_bytes, read)?;
        let packing = Some(unpacked.packing).filter(|packing| !packing.is_empty());
        let mut form: Vec<String> = packing.map(str::to_owned).into_iter().collect();
        let (mut may_lack_columns, mut count) = (false, None);
        let reader = match (unpacked.content, settings.format) {
            (Content::Parquet, SourceFormat::Auto | SourceFormat::Parquet) => {
                form.push("Parquet".to_owned());
                let reader = parquet(path, settings, scratch, unpacked)?;
                count = Some(reader.count);
                Box::new(reader)
            }
            (Content::Text, format) if format != SourceFormat::Parquet => {
                text(path, settings, unpacked, &mut form, &mut may_lack_columns)?
            }
            (Content::Empty, _) => return Err(InputError::nothing(path, "no content")),
            (found, format) => {
                let expected = match format {
                    SourceFormat::Auto | SourceFormat::Aclimdb => "a table of reviews",
                    SourceFormat::Csv | SourceFormat::Tsv => "a CSV or TSV file",
                    SourceFormat::Jsonl => "JSON",
                    SourceFormat::Parquet => "a Parquet table",
                };
                return Err(InputError::other_kind(path, found, expected));
            }
        };
        let mut table = Self {
            path: path.to_owned(),
            sample: VecDeque::new(),
            may_lack_columns,
            count,
            reader,
            form: form.join(", "),
        };
        table.read_ahead()?;
        Ok(table)
    }

    /// The columns' names, where the rows themselves or the file say them; `None` where the first
    /// row may.
    pub fn names(&self) -> Option<&[String]> {
        self.reader.names()
    }

    /// The next row; `false` at the end of the file.
    pub fn next(&mut self, record: &mut Record) -> Result<bool, InputError> {
        match self.sample.pop_front() {
            Some(first) => {
                *record = first;
                Ok(true)
            }
            None => self.read(record, false),
        }
    }

    fn read_ahead(&mut self) -> Result<(), InputError> {
        let mut bytes = 0;
        while self.sample.len() < SAMPLE_ROWS && bytes < SAMPLE_BYTES {
            let mut record = Record::default();
            if !self.read(&mut record, true)? {
                break;
            }
            record.bytes.shrink_to_fit();
            bytes += record.bytes.len();
            self.sample.push_back(record);
        }
        if self.sample.is_empty() {
            return Err(InputError::nothing(&self.path, "only empty lines"));
        }
        Ok(())
    }

    fn read(&mut self, record: &mut Record, learning: bool) -> Result<bool, InputError> {
        let before = record.last_line;
        let damaged = |error| InputError::damaged(&self.path, format!("line {before}"), error);
        match self.reader.read(record, learning).map_err(damaged)? {
            Ending::Record => Ok(true),
            Ending::File => Ok(false),
            Ending::OpenQuote => Err(InputError::new(
                Problem::OpenQuote,
                format!(
                    "`{}` has a quote that opens on line {} and never closes",
                    self.path.display(),
                    record.line
                ),
                "Close the quote in the file; if the file does not quote its fields, read it with `--set ingest.quotes=false`",
            )),
        }
    }
}

/// A reader of a table.
fn parquet(
    path: &Path,
    settings: &IngestSettings,
    scratch: &Path,
    unpacked: Unpacked<'_>,
) -> Result<ParquetReader, InputError> {
    let file = unpacked.into_file(path, scratch)?;
    let size = file.metadata().map_err(InputError::read(path))?.len();
    let limit = Limit::new(size, settings.max_decompressed_bytes);
    ParquetReader::open(path, file, row_limit(settings), limit)
}

/// A reader of text; adds to `form` how it is written.
fn text<'a>(
    path: &Path,
    settings: &IngestSettings,
    unpacked: Unpacked<'a>,
    form: &mut Vec<String>,
    may_lack_columns: &mut bool,
) -> Result<Box<dyn RecordReader + 'a>, InputError> {
    let damaged = |error| InputError::damaged(path, "the start", error);
    let mut input = unpacked.input;
    let start = input.fill_buf().map_err(damaged)?;
    let (encoding, how) = encoding::find(start, settings.encoding.as_deref())?;
    form.push(format!("{} ({how})", encoding.name()));
    let mut input = encoding::decoded(input, encoding).map_err(damaged)?;
    let start = input.fill_buf().map_err(damaged)?;
    let limit = row_limit(settings);
    let is_auto = settings.format == SourceFormat::Auto;
    if settings.format == SourceFormat::Jsonl || (is_auto && is_json(start)) {
        form.push("JSON objects".to_owned());
        *may_lack_columns = true;
        let reader = JsonReader::new(input, limit).map_err(damaged)?;
        return Ok(Box::new(reader));
    }
    let dialect = find_dialect(start, settings)?;
    let separator = match dialect.separator {
        b'\t' => "tabs".to_owned(),
        b',' => "commas".to_owned(),
        other => format!("`{}`", char::from(other)),
    };
    form.push(format!("separated by {separator}"));
    if !dialect.quotes {
        form.push("without quotes".to_owned());
    }
    let reader = DelimitedReader::new(input, dialect, limit).map_err(damaged)?;
    Ok(Box::new(reader))
}

/// Whether a text begins as JSON does: an object, or an array of objects.
fn is_json(start: &[u8]) -> bool {
    let text = start.trim_ascii_start();
    let inside = text.strip_prefix(b"[").unwrap_or(text);
    inside.trim_ascii_start().starts_with(b"{")
}

/// The dialect that the settings name, or that the first bytes show.
fn find_dialect(start: &[u8], settings: &IngestSettings) -> Result<Dialect, InputError> {
    let dialect = |separator, quotes| Dialect { separator, quotes };
    let mut found = match settings.format {
        SourceFormat::Csv => dialect(b',', true),
        SourceFormat::Tsv => dialect(b'\t', false),
        _ => dialect::sniff(start),
    };
    match settings.delimiter {
        None => {}
        Some(given) if given.is_ascii() && !matches!(given, '"' | '\n' | '\r') => {
            found.separator = given as u8;
        }
        Some(given) => {
            let message = format!(
                "`ingest.delimiter` is {given:?} and must be one ASCII character that is neither a quote nor a line break"
            );
            let hint = "Name the separator, for example `--set 'ingest.delimiter=\";\"'`";
            return Err(InputError::other(message, hint));
        }
    }
    found.quotes = settings.quotes.unwrap_or(found.quotes);
    Ok(found)
}
