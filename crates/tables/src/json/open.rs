//! Opens a text as JSON, whatever the arrangement of its records.

use std::io::{BufRead, Cursor, Read};
use std::path::Path;

use artifact::format;
use settings::{IngestSettings, SourceFormat};

use super::arrangement::Arrangement;
use super::document::{NoTable, rows_of};
use super::nesting::Nesting;
use super::{JsonReader, parse};
use crate::error::{InputError, Problem, Result};
use crate::record::RecordReader;

/// Maximum size in bytes of a table that is written as one JSON value: all of it is in memory.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

type Input<'a> = Box<dyn BufRead + 'a>;

/// A text that may be JSON.
pub(crate) enum OpenedJson<'a> {
    /// JSON, and its form for people.
    Json(Box<dyn RecordReader + 'a>, String),
    /// Another text, unread.
    Other(Input<'a>),
}

/// Opens a text as JSON if the settings or its first bytes say that it is. Objects may have `limit` bytes.
///
/// # Errors
/// The text cannot be read, or it is not clear what its records are.
pub(crate) fn open<'a>(
    path: &Path,
    mut input: Input<'a>,
    settings: &IngestSettings,
    limit: usize,
) -> Result<OpenedJson<'a>> {
    let damaged = |error| InputError::damaged(path, "near its start", error);
    let is_jsonl = settings.format == SourceFormat::Jsonl;
    if !is_jsonl && settings.format != SourceFormat::Auto {
        return Ok(OpenedJson::Other(input));
    }
    let start = input.fill_buf().map_err(damaged)?;
    if is_python(start) {
        let hint = "Convert it with `python3 -c 'import ast, json, sys; [print(json.dumps(ast.literal_eval(line))) for line in sys.stdin]' < FILE > reviews.jsonl`, and use the converted file";
        let found = "a file of Python dictionaries";
        return Err(InputError::unexpected(path, found, "JSON", hint));
    }
    let found = Arrangement::detect(start);
    let found = found.or(is_jsonl.then_some(Arrangement::Objects));
    let array = match (found, &settings.record_path) {
        (None, _) => return Ok(OpenedJson::Other(input)),
        (Some(_), Some(path)) => Some(path.clone()),
        (Some(Arrangement::Array(path)), None) => Some(path),
        (Some(Arrangement::Unclear(arrays)), None) if !is_jsonl => {
            return Err(unclear(path, &arrays));
        }
        (Some(Arrangement::Document), None) => return open_document(path, input, limit),
        (Some(_), None) => None,
    };
    let form = match &array {
        Some(array) => format!("JSON objects of the array `{array}`"),
        None => "JSON objects".to_owned(),
    };
    let is_detected = settings.record_path.is_none();
    let reader = JsonReader::new(input, limit, array.map(|array| (array, is_detected)));
    Ok(OpenedJson::Json(Box::new(reader), form))
}

/// Whether a text begins with a Python dictionary as `print` writes it: `{'text': 'good'}`.
fn is_python(start: &[u8]) -> bool {
    let inside = start.trim_ascii_start().strip_prefix(b"{");
    let inside = inside.unwrap_or_default().trim_ascii_start();
    let quoted = inside.strip_prefix(b"u").unwrap_or(inside);
    quoted.starts_with(b"'")
}

/// Opens a text that seems to be one JSON value without an array of objects.
fn open_document<'a>(path: &Path, mut input: Input<'a>, limit: usize) -> Result<OpenedJson<'a>> {
    let mut text = Vec::new();
    let mut start = input.by_ref().take(MAX_DOCUMENT_BYTES);
    let read = start.read_to_end(&mut text);
    read.map_err(|error| InputError::damaged(path, "near its start", error))?;
    let is_object = text.trim_ascii_start().starts_with(b"{");
    let mut nesting = Nesting::default();
    let mut closes = |byte: &u8| {
        nesting.push(*byte);
        nesting.is_closed()
    };
    let is_long = text.len() as u64 == MAX_DOCUMENT_BYTES;
    if is_long && is_object && !text.trim_ascii_start().iter().any(&mut closes) {
        let size = format::bytes(MAX_DOCUMENT_BYTES);
        let found = format!("one JSON object of more than {size}");
        return Err(not_rows(path, &found));
    }
    let objects = |input| {
        let reader = JsonReader::new(input, limit, None);
        OpenedJson::Json(Box::new(reader), "JSON objects".to_owned())
    };
    let Ok((document, repairs)) = parse(&text) else {
        let input: Input<'a> = Box::new(Cursor::new(text).chain(input));
        return Ok(match is_object {
            true => objects(input),
            false => OpenedJson::Other(input),
        });
    };
    match rows_of(document) {
        Ok((rows, form)) => {
            let mut reader = JsonReader::new(Cursor::new(rows), limit, None);
            reader.repairs = repairs;
            Ok(OpenedJson::Json(Box::new(reader), form.to_owned()))
        }
        Err(NoTable::Record) => Ok(objects(Box::new(Cursor::new(text)))),
        Err(NoTable::Unclear(form)) => Err(not_rows(path, form)),
    }
}

fn not_rows(path: &Path, found: &str) -> InputError {
    let hint = "Write it as JSON Lines, one object per review; with pandas: `DataFrame.to_json(FILE, orient=\"records\", lines=True)`";
    InputError::unexpected(path, found, "an object per review", hint)
}

fn unclear(path: &Path, arrays: &[String]) -> InputError {
    let names: Vec<String> = arrays.iter().map(|array| format!("`{array}`")).collect();
    let (array, what) = match arrays {
        [array] => (array.as_str(), "an array"),
        _ => ("NAME", "arrays"),
    };
    let (path, names) = (path.display(), names.join(", "));
    let message = format!(
        "`{path}` has objects with {what} of objects: {names}; it is not clear which of these are the reviews"
    );
    let hint = format!(
        "Set `--set ingest.record_path={array}` for the elements of an array, or `--set ingest.format=jsonl` for the objects around it"
    );
    InputError::new(Problem::WrongFormat, message, hint)
}
