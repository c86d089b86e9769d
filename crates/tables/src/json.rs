//! Reads JSON objects as records. The objects may follow each other, one per line or not, or be in one array,
//! which may be a member of an enclosing object.
//!
//! The scanner finds the end of each object by its brackets, in memory bounded by the longest object. Each
//! object is then parsed alone, so a malformed object is one rejected row. An object without its closing
//! brace or quote is ended where JSON cannot continue: at a line break within a string, and before a line
//! that begins with `{` where no object is allowed. Reading continues there; if a line within the object
//! began with `{`, where an object was allowed, reading continues at that line. So in a file with one object
//! per line, a damaged line is always one rejected row. For an object over several lines with a line break
//! in a string, each remaining line is one rejected row.

mod arrangement;
mod document;
mod nesting;
mod open;
mod repair;

use std::collections::HashMap;
use std::io::{self, BufRead};

use artifact::format;
use memchr::{memchr_iter, memchr3};
use serde_json::Value;

use crate::record::{MAX_COLUMNS, ReadOutcome, Record, RecordReader};
use crate::repairs::Repairs;
use crate::rewind::RewindReader;
use arrangement::PathScanner;
use nesting::Nesting;
use repair::repair;

pub(crate) use open::{OpenedJson, open};

/// Maximum nesting of objects and arrays; serde_json has the same limit.
const MAX_DEPTH: usize = 128;

/// Maximum length of a name in bytes, including the names of the enclosing objects.
const MAX_NAME_BYTES: usize = 1024;

/// The problem of text between objects.
const NOT_AN_OBJECT: &str = "it is no JSON object";

const NOT_CLOSED: &str = "the object is not closed";

/// Reads objects as records.
pub(crate) struct JsonReader<R> {
    input: RewindReader<R>,
    scanner: ObjectScanner,
    /// The position around the array of objects, if it is in an enclosing object.
    outer: Option<OuterScanner>,
    columns: Columns,
    /// Values that were replaced before the objects were scanned.
    repairs: Repairs,
}

/// Finds the array of objects in enclosing objects.
#[derive(Default)]
struct OuterScanner {
    position: PathScanner,
    /// The path of the array.
    path: String,
    is_inside: bool,
    /// Another array of objects, if the path was detected and not set.
    other: Option<String>,
    is_detected: bool,
}

/// A piece of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Object,
    /// Text that is not an object, or an unclosed object, with the problem.
    Bad(&'static str),
    /// The end of the array of objects in an enclosing object.
    ArrayEnd,
    End,
}

/// Finds the end of the next object.
#[derive(Default)]
struct ObjectScanner {
    /// Whether the objects are in an array of an enclosing object, which ends.
    is_wrapped: bool,
    /// Maximum length of an object in bytes.
    limit: usize,
    /// The line where the object begins, and the line of the next byte.
    start: u64,
    line: u64,
    nesting: Nesting,
    /// The object's bytes, up to `limit`.
    object: Vec<u8>,
    /// Length of the object in bytes, including bytes beyond `limit`.
    length: usize,
    /// True until a non-whitespace byte of the line is read.
    is_line_start: bool,
    /// For the first line within the object that begins another object: the number of bytes before it, and
    /// its line number.
    inner: Option<(usize, u64)>,
}

/// The columns found so far.
#[derive(Default)]
struct Columns {
    positions: HashMap<String, usize>,
    names: Vec<String>,
}

impl<R: BufRead> JsonReader<R> {
    /// Creates a reader for objects of at most `limit` bytes. With `array`, the objects are the elements of the array
    /// with this path in enclosing objects, and the flag states that no setting names it.
    fn new(input: R, limit: usize, array: Option<(String, bool)>) -> Self {
        let outer = array.map(|(path, is_detected)| OuterScanner {
            path,
            is_detected,
            ..OuterScanner::default()
        });
        Self {
            input: RewindReader::new(input),
            scanner: ObjectScanner {
                is_wrapped: outer.is_some(),
                limit,
                line: 1,
                ..ObjectScanner::default()
            },
            outer,
            columns: Columns::default(),
            repairs: Repairs::default(),
        }
    }

    /// Skips to the next element of the array in the enclosing objects.
    fn skip_to_array(&mut self) -> io::Result<()> {
        let Some(outer) = &mut self.outer else {
            return Ok(());
        };
        while !outer.is_inside {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let skipped = outer.skip(buffer);
            self.scanner.line += memchr_iter(b'\n', &buffer[..skipped]).count() as u64;
            self.input.consume(skipped);
        }
        Ok(())
    }

    /// Returns the next piece of the input.
    fn next_piece(&mut self) -> io::Result<Piece> {
        self.skip_to_array()?;
        let scanner = &mut self.scanner;
        scanner.clear();
        let piece = loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break match (scanner.nesting.is_closed(), scanner.length) {
                    (true, 0) => Piece::End,
                    (true, _) => Piece::Bad(NOT_AN_OBJECT),
                    (false, _) => Piece::Bad("the file ends within an object"),
                };
            }
            let (consumed, piece) = scanner.scan(buffer);
            self.input.consume(consumed);
            if let Some(piece) = piece {
                break piece;
            }
        };
        let inner = scanner.inner.filter(|_| scanner.is_complete());
        if let (Piece::Bad(_), Some((bytes, line))) = (piece, inner) {
            // The unclosed object contains the start of another one.
            self.input.put_back(&scanner.object[bytes..]);
            scanner.object.truncate(bytes);
            (scanner.length, scanner.line) = (bytes, line);
            return Ok(Piece::Bad(NOT_CLOSED));
        }
        Ok(piece)
    }
}

impl<R: BufRead> RecordReader for JsonReader<R> {
    /// Reads the next object. If `add_columns` is set, a new key adds a column.
    fn read(&mut self, record: &mut Record, add_columns: bool) -> io::Result<ReadOutcome> {
        let mut piece = self.next_piece()?;
        while let (Piece::ArrayEnd, Some(outer)) = (piece, &mut self.outer) {
            outer.is_inside = false;
            outer.position.push(b']');
            piece = self.next_piece()?;
        }
        let scanner = &self.scanner;
        match piece {
            Piece::ArrayEnd | Piece::End => {
                let Some(other) = self.outer.as_mut().and_then(|outer| outer.other.take()) else {
                    return Ok(ReadOutcome::EndOfFile);
                };
                let problem = "it is another array of objects, and `ingest.record_path` does not name the one to read";
                record.set_bad(other.as_bytes(), scanner.line, problem);
            }
            Piece::Bad(problem) if problem == NOT_AN_OBJECT || scanner.is_complete() => {
                record.set_bad(scanner.object.trim_ascii_end(), scanner.start, problem);
            }
            Piece::Object if scanner.is_complete() => {
                match self.columns.fields(&scanner.object, add_columns) {
                    Ok((fields, repairs)) => {
                        let fields = fields.iter().map(String::as_bytes);
                        record.set(fields, scanner.start, scanner.line);
                        record.repairs = std::mem::take(&mut self.repairs);
                        record.repairs += repairs;
                    }
                    Err(problem) => record.set_bad(&scanner.object, scanner.start, &problem),
                }
            }
            Piece::Object | Piece::Bad(_) => {
                record.set_oversize(&scanner.object, scanner.start, scanner.line);
            }
        }
        Ok(ReadOutcome::Record)
    }

    fn names(&self) -> Option<&[String]> {
        Some(&self.columns.names)
    }
}

impl Columns {
    /// The values of an object in the order of the columns, and the number of values that were replaced.
    ///
    /// # Errors
    /// The object is not valid JSON, or has too many members or too long names.
    fn fields(&mut self, object: &[u8], add: bool) -> Result<(Vec<String>, Repairs), String> {
        let (value, repairs) = parse(object).map_err(|error| error.to_string())?;
        let mut members = Vec::new();
        flatten(String::new(), value, &mut members)?;
        let mut fields = vec![String::new(); self.names.len()];
        for (name, value) in members {
            match self.positions.get(&name) {
                Some(index) => fields[*index] = value,
                None if add && self.names.len() < MAX_COLUMNS => {
                    self.positions.insert(name.clone(), self.names.len());
                    self.names.push(name);
                    fields.push(value);
                }
                None => {}
            }
        }
        Ok((fields, repairs))
    }
}

/// Parses a JSON value; the values that JSON cannot have are replaced and counted.
fn parse(json: &[u8]) -> serde_json::Result<(Value, Repairs)> {
    match serde_json::from_slice(json) {
        Ok(value) => Ok((value, Repairs::default())),
        Err(error) => match repair(json) {
            (_, repairs) if repairs.is_empty() => Err(error),
            (repaired, repairs) => Ok((serde_json::from_slice(&repaired)?, repairs)),
        },
    }
}

impl OuterScanner {
    /// Reads bytes to the start of the array. Returns their number.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            self.position.push(*byte);
            if *byte == b'[' && self.position.array().as_ref() == Some(&self.path) {
                self.is_inside = true;
                return at + 1;
            }
            if *byte == b'{' && self.is_detected && self.other.is_none() {
                self.other = self.position.enclosing_array();
            }
        }
        bytes.len()
    }
}

impl ObjectScanner {
    /// Prepares for the next object.
    fn clear(&mut self) {
        self.object.clear();
        *self = Self {
            is_wrapped: self.is_wrapped,
            limit: self.limit,
            start: self.line,
            line: self.line,
            object: std::mem::take(&mut self.object),
            ..Self::default()
        };
    }

    /// Reads bytes to the end of a piece. Returns the number of bytes, and the piece if it is complete.
    fn scan(&mut self, bytes: &[u8]) -> (usize, Option<Piece>) {
        let mut at = 0;
        while at < bytes.len() {
            if self.nesting.in_string && !self.nesting.escaped {
                // Most bytes of an object belong to its strings.
                let rest = &bytes[at..];
                let run = memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                self.append(&rest[..run]);
                at += run;
                if at == bytes.len() {
                    break;
                }
            }
            let byte = bytes[at];
            let is_inside = !self.nesting.is_closed();
            if is_inside && byte == b'{' && self.is_line_start {
                if !self.nesting.allows_object() {
                    return (at, Some(Piece::Bad(NOT_CLOSED)));
                }
                self.inner.get_or_insert((self.length, self.line));
            }
            let is_other = !is_inside && self.length > 0;
            if is_other && self.is_wrapped && matches!(byte, b',' | b']') {
                return (at, Some(Piece::Bad(NOT_AN_OBJECT)));
            }
            at += 1;
            self.line += u64::from(byte == b'\n');
            self.is_line_start = byte == b'\n' || (self.is_line_start && is_space(byte));
            if !is_inside && self.length == 0 {
                if byte == b']' && self.is_wrapped {
                    return (at, Some(Piece::ArrayEnd));
                }
                // White space or syntax of the enclosing array.
                if is_space(byte) || matches!(byte, b',' | b'[' | b']') {
                    continue;
                }
                self.start = self.line;
            }
            self.append(&[byte]);
            if is_inside || (self.length == 1 && byte == b'{') {
                if byte == b'\n' && self.nesting.in_string {
                    return (at, Some(Piece::Bad("a string does not end on its line")));
                }
                self.nesting.push(byte);
                if self.nesting.is_closed() {
                    return (at, Some(Piece::Object));
                }
            } else if byte == b'\n' {
                return (at, Some(Piece::Bad(NOT_AN_OBJECT)));
            }
        }
        (at, None)
    }

    /// Appends bytes, up to the limit.
    fn append(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.object.len());
        self.object
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len();
    }

    fn is_complete(&self) -> bool {
        self.length == self.object.len()
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// Collects all values that are not objects, with names such as `film.title`.
///
/// # Errors
/// There are too many members, or a name is too long. The limits bound memory: a parsed object may take many
/// times its size in the file.
fn flatten(name: String, value: Value, members: &mut Vec<(String, String)>) -> Result<(), String> {
    let value = match value {
        Value::Object(inner) => {
            for (key, value) in inner {
                let name = match name.as_str() {
                    "" => key,
                    around => format!("{around}.{key}"),
                };
                if name.len() > MAX_NAME_BYTES {
                    let most = format::count(MAX_NAME_BYTES as u64);
                    return Err(format!("it has a name of more than {most} bytes"));
                }
                flatten(name, value, members)?;
            }
            return Ok(());
        }
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    if members.len() == MAX_COLUMNS {
        let most = format::count(MAX_COLUMNS as u64);
        return Err(format!("it has more than {most} members"));
    }
    members.push((name, value));
    Ok(())
}

#[cfg(test)]
mod tests;
