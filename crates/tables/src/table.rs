//! Opens a file as a table and reads its first rows as a sample.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use settings::{IngestSettings, SourceFormat};

use crate::content::Content;
use crate::decompress::{self, Decompressed};
use crate::delimited::DelimitedReader;
use crate::dialect::{self, Dialect};
use crate::encoding;
use crate::error::{InputError, Problem, Result};
use crate::json::{self, OpenedJson};
use crate::limit::Limit;
use crate::parquet::ParquetReader;
use crate::record::{MAX_OTHER_BYTES, ReadOutcome, Record, RecordReader};
use crate::repairs::Repairs;

/// Maximum number of rows in the sample ...
const SAMPLE_ROWS: usize = 1000;

/// ... and their maximum size in bytes, which bounds memory for long rows.
const SAMPLE_BYTES: usize = 32 << 20;

/// An open table file.
pub struct Table<'a> {
    /// The path of the file.
    pub path: PathBuf,
    /// The first rows, read in advance.
    pub sample: VecDeque<Record>,
    /// Whether the sample contains all rows.
    pub is_complete: bool,
    /// Whether rows may omit columns without a value, as in JSON.
    pub may_omit_columns: bool,
    /// Number of rows, if the file states it.
    pub count: Option<u64>,
    /// The encoding, if it is a guess.
    pub guessed_encoding: Option<&'static str>,
    /// Values of JSON that were replaced in the rows that were read.
    pub repairs: Repairs,
    reader: Box<dyn RecordReader + 'a>,
    /// Description of the format for people: `gzip, UTF-8, separated by commas`.
    pub format_description: String,
}

/// Maximum size of a row in bytes: the text and some space for the other columns.
pub fn row_limit(settings: &IngestSettings) -> usize {
    settings.max_text_bytes.saturating_add(MAX_OTHER_BYTES)
}

impl<'a> Table<'a> {
    /// Opens a file and reads a sample of it. Temporary files are created in `scratch`; `on_read` gets the number
    /// of bytes of every read, for a progress bar.
    pub fn open(
        path: &Path,
        settings: &IngestSettings,
        scratch: &Path,
        on_read: impl Fn(u64) + 'a,
    ) -> Result<Self> {
        let most_bytes = settings.max_decompressed_bytes;
        let opened = decompress::decompress(path, Some(scratch), most_bytes, on_read)?;
        let compression = opened.compression;
        let mut table = match (opened.content, settings.format) {
            (Content::Parquet, SourceFormat::Auto | SourceFormat::Parquet) => {
                open_parquet(path, settings, scratch, opened)?
            }
            (Content::Text, format) if format != SourceFormat::Parquet => {
                open_text(path, settings, opened)?
            }
            (Content::Empty, _) => return Err(InputError::empty(path, "no content")),
            (found, format) => {
                let expected = match format {
                    SourceFormat::Auto | SourceFormat::Aclimdb => "a table of reviews",
                    SourceFormat::Csv | SourceFormat::Tsv => "a CSV or TSV file",
                    SourceFormat::Jsonl => "JSON",
                    SourceFormat::Text => "plain text",
                    SourceFormat::Parquet => "a Parquet table",
                };
                return Err(InputError::wrong_format(path, found, expected));
            }
        };
        if !compression.is_empty() {
            table.format_description = format!("{compression}, {}", table.format_description);
        }
        table.read_ahead(settings)?;
        Ok(table)
    }

    fn new(path: &Path, reader: Box<dyn RecordReader + 'a>, format_description: String) -> Self {
        Self {
            path: path.to_owned(),
            sample: VecDeque::new(),
            is_complete: false,
            may_omit_columns: false,
            count: None,
            guessed_encoding: None,
            repairs: Repairs::default(),
            reader,
            format_description,
        }
    }

    /// The names of the columns if the format stores them; `None` if the first row may contain them.
    pub fn names(&self) -> Option<&[String]> {
        self.reader.names()
    }

    /// Reads the next row. Returns `false` at the end of the file.
    pub fn next(&mut self, record: &mut Record) -> Result<bool> {
        match self.sample.pop_front() {
            Some(first) => {
                *record = first;
                Ok(true)
            }
            None => self.read(record, false),
        }
    }

    fn read_ahead(&mut self, settings: &IngestSettings) -> Result<()> {
        let mut bytes = 0;
        while self.sample.len() < SAMPLE_ROWS && bytes < SAMPLE_BYTES {
            let mut record = Record::default();
            if !self.read(&mut record, true)? {
                self.is_complete = true;
                break;
            }
            record.bytes.shrink_to_fit();
            bytes += record.bytes.len();
            self.sample.push_back(record);
        }
        if !self.sample.is_empty() {
            return Ok(());
        }
        if let (Some(array), true) = (&settings.record_path, self.may_omit_columns) {
            let path = self.path.display();
            let message = format!(
                "`{path}` has no objects in the array that `ingest.record_path` = `{array}` names"
            );
            let hint = "Set `--set ingest.record_path=NAME` to another array, or remove the setting to detect it";
            return Err(InputError::new(Problem::Empty, message, hint));
        }
        Err(InputError::empty(&self.path, "only empty lines"))
    }

    fn read(&mut self, record: &mut Record, add_columns: bool) -> Result<bool> {
        let last = record.last_line;
        let damaged = |error| InputError::damaged(&self.path, format!("after line {last}"), error);
        match self.reader.read(record, add_columns).map_err(damaged)? {
            ReadOutcome::Record => {
                self.repairs += record.repairs;
                Ok(true)
            }
            ReadOutcome::EndOfFile => Ok(false),
            ReadOutcome::OpenQuote => {
                let (path, line) = (self.path.display(), record.line);
                let message =
                    format!("`{path}` has an opening quote on line {line} that is never closed");
                let hint = "Close the quote in the file; if the file does not quote its fields, set `--set ingest.quotes=false`";
                Err(InputError::new(Problem::OpenQuote, message, hint))
            }
        }
    }
}

/// Opens a Parquet table.
fn open_parquet(
    path: &Path,
    settings: &IngestSettings,
    scratch: &Path,
    opened: Decompressed<'_>,
) -> Result<Table<'static>> {
    let file = opened.into_file(path, scratch)?;
    let size = file.metadata().map_err(InputError::io(path))?.len();
    let limit = Limit::new(size, settings.max_decompressed_bytes);
    let reader = ParquetReader::open(path, file, row_limit(settings), limit)?;
    let count = Some(reader.count);
    let table = Table::new(path, Box::new(reader), "Parquet".to_owned());
    Ok(Table { count, ..table })
}

/// Opens a text file.
fn open_text<'a>(
    path: &Path,
    settings: &IngestSettings,
    opened: Decompressed<'a>,
) -> Result<Table<'a>> {
    let damaged = |error| InputError::damaged(path, "near its start", error);
    let mut input = opened.input;
    let start = input.fill_buf().map_err(damaged)?;
    let (encoding, how) = encoding::choose(start, settings.encoding.as_deref())?;
    let input = encoding::decode_to_utf8(input, encoding).map_err(damaged)?;
    let (name, limit) = (encoding.name(), row_limit(settings));
    let mut table = match json::open(path, input, settings, limit)? {
        OpenedJson::Json(reader, form) => Table {
            may_omit_columns: true,
            ..Table::new(path, reader, format!("{name} ({how}), {form}"))
        },
        OpenedJson::Other(mut input) => {
            let start = input.fill_buf().map_err(damaged)?;
            let dialect = choose_dialect(path, start, settings)?;
            let form = format!("{name} ({how}), {}", describe(dialect));
            let reader = DelimitedReader::new(input, dialect, limit).map_err(damaged)?;
            Table::new(path, Box::new(reader), form)
        }
    };
    table.guessed_encoding = (how == encoding::GUESSED).then_some(name);
    Ok(table)
}

fn describe(dialect: Dialect) -> String {
    let separator = match dialect.separator {
        _ if dialect == Dialect::LINES => return "one text per line".to_owned(),
        _ if dialect == Dialect::FASTTEXT => return "a label and a text per line".to_owned(),
        b'\t' => "tabs".to_owned(),
        b',' => "commas".to_owned(),
        other => format!("`{}`", char::from(other)),
    };
    let quotes = match dialect.quotes {
        true => "",
        false => ", without quotes",
    };
    let escape = match dialect.backslash {
        true => ", escaped by `\\`",
        false => "",
    };
    format!("separated by {separator}{quotes}{escape}")
}

/// Returns the dialect from the settings, or detects it from the first bytes.
fn choose_dialect(path: &Path, start: &[u8], settings: &IngestSettings) -> Result<Dialect> {
    let separator = match (settings.format, settings.delimiter) {
        (SourceFormat::Text, _) => return Ok(Dialect::LINES),
        (_, Some(given)) if given.is_ascii() && !matches!(given, '"' | '\n' | '\r') => {
            Some(given as u8)
        }
        (_, Some(given)) => {
            let message = format!(
                "`ingest.delimiter` is {given:?}, but must be one ASCII character other than a quote or a line break"
            );
            let hint = "Set the separator, for example `--set 'ingest.delimiter=\";\"'`";
            return Err(InputError::other(message, hint));
        }
        (SourceFormat::Csv, None) => Some(b','),
        (SourceFormat::Tsv, None) => Some(b'\t'),
        (_, None) => None,
    };
    let mut found = match separator {
        Some(separator) => Dialect::with_separator(start, separator),
        None => dialect::detect(start, is_txt(path)),
    };
    match settings.format {
        SourceFormat::Csv => found.quotes = true,
        SourceFormat::Tsv => found.quotes = false,
        _ => {}
    }
    found.quotes = settings.quotes.unwrap_or(found.quotes);
    found.backslash = match settings.escape {
        None => found.backslash,
        Some(escape @ ('"' | '\\')) => escape == '\\',
        Some(given) => {
            let message =
                format!("`ingest.escape` is {given:?}, but must be a quote or a backslash");
            let hint = "Remove the setting to detect it";
            return Err(InputError::other(message, hint));
        }
    };
    Ok(found)
}

/// Whether the name of a file says that it is plain text: `reviews.txt`, `reviews.txt.gz`.
fn is_txt(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut endings = name.rsplit('.').take(2);
    endings.any(|ending| ending.eq_ignore_ascii_case("txt"))
}
