//! JSON: one object per line, one after the other, or all in one array, which may be the only member of
//! an object around it.
//!
//! Objects are cut out of the stream by their brackets, in memory bounded by the longest of them, and then
//! understood one by one: so a bad one is one bad row. That needs its end to be known, which one that lacks
//! a brace or a quote does not show. It ends where JSON can no longer go on: at the end of a line within a
//! string, and before a line that begins with `{` where none may stand. Reading goes on behind it, or, where
//! it has taken in a line that begins with `{` as a value of its own, at that line. So of a file with one
//! object per line a bad line is one bad row, wherever it was cut; of an object over several lines with a
//! line break in a string each line that is left over is one.

mod nesting;

use std::collections::HashMap;
use std::io::{self, BufRead};

use artifact::format;
use memchr::{memchr_iter, memchr3};
use serde_json::Value;

use crate::record::{Ending, MAX_COLUMNS, Record, RecordReader};
use crate::replay::Replay;
use nesting::Nesting;

/// Bytes of a name, with those of the objects around it, at most.
const MAX_NAME_BYTES: usize = 1024;

/// Something between the objects.
const NO_OBJECT: &str = "it is no JSON object";

const NOT_CLOSED: &str = "the object is not closed";

/// Reads objects as records.
pub(crate) struct JsonReader<R> {
    input: Replay<R>,
    cut: Cut,
    columns: Columns,
}

/// What was cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Object,
    /// Something that is no object, or one that does not close, and what is wrong with it.
    Bad(&'static str),
    End,
}

/// An object, or what stands in its place, on its way.
#[derive(Default)]
struct Cut {
    /// Whether the objects stand in an array in an object.
    is_wrapped: bool,
    /// Bytes of an object at most.
    limit: usize,
    /// The line where the object begins, and the one of the next byte.
    start: u64,
    line: u64,
    nesting: Nesting,
    /// The bytes of the object, up to `limit`.
    object: Vec<u8>,
    /// Length in bytes, including those that are not kept.
    length: usize,
    /// True until a non-whitespace byte of the line is read.
    is_line_start: bool,
    /// Its bytes before the first line in it that begins an object, and that line.
    inner: Option<(usize, u64)>,
}

/// The columns known so far.
#[derive(Default)]
struct Columns {
    places: HashMap<String, usize>,
    names: Vec<String>,
}

impl<R: BufRead> JsonReader<R> {
    /// A reader whose objects have at most `limit` bytes.
    pub(crate) fn new(input: R, limit: usize) -> io::Result<Self> {
        let mut input = Replay::new(input);
        let mut cut = Cut {
            limit,
            line: 1,
            ..Cut::default()
        };
        let start = input.fill_buf()?;
        if let Some(bytes) = nesting::wrapping(start) {
            // An object around the array of all others.
            cut.line += memchr_iter(b'\n', &start[..bytes]).count() as u64;
            cut.is_wrapped = true;
            input.consume(bytes);
        }
        let columns = Columns::default();
        Ok(Self {
            input,
            cut,
            columns,
        })
    }

    /// Cuts the next piece out of the input.
    fn cut(&mut self) -> io::Result<Piece> {
        let cut = &mut self.cut;
        cut.clear();
        let piece = loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break match (cut.nesting.is_closed(), cut.length) {
                    (true, 0) => Piece::End,
                    (true, _) => Piece::Bad(NO_OBJECT),
                    (false, _) => Piece::Bad("the file ends within an object"),
                };
            }
            let (taken, piece) = cut.take(buffer);
            self.input.consume(taken);
            if let Some(piece) = piece {
                break piece;
            }
        };
        if let (Piece::Bad(_), Some((bytes, line)), true) = (piece, cut.inner, cut.is_whole()) {
            // Another object was taken in by one that does not close.
            self.input.give_back(&cut.object[bytes..]);
            cut.object.truncate(bytes);
            (cut.length, cut.line) = (bytes, line);
            return Ok(Piece::Bad(NOT_CLOSED));
        }
        Ok(piece)
    }
}

impl<R: BufRead> RecordReader for JsonReader<R> {
    /// Reads the next object. While `learning`, a key that is new becomes a further column.
    fn read(&mut self, record: &mut Record, learning: bool) -> io::Result<Ending> {
        let piece = self.cut()?;
        let cut = &self.cut;
        match piece {
            Piece::End => return Ok(Ending::File),
            Piece::Bad(problem) if problem == NO_OBJECT || cut.is_whole() => {
                record.set_bad(cut.object.trim_ascii_end(), cut.start, problem);
            }
            Piece::Object if cut.is_whole() => match self.columns.fields(&cut.object, learning) {
                Ok(fields) => {
                    record.set(fields.iter().map(String::as_bytes), cut.start, cut.line);
                }
                Err(problem) => record.set_bad(&cut.object, cut.start, &problem),
            },
            Piece::Object | Piece::Bad(_) => {
                record.set_oversize(&cut.object, cut.start, cut.line);
            }
        }
        Ok(Ending::Record)
    }

    fn names(&self) -> Option<&[String]> {
        Some(&self.columns.names)
    }
}

impl Columns {
    /// The values of an object in the order of the columns.
    ///
    /// # Errors
    /// It is no JSON, or more than is understood.
    fn fields(&mut self, object: &[u8], learning: bool) -> Result<Vec<String>, String> {
        let value = serde_json::from_slice(object).map_err(|error| error.to_string())?;
        let mut members = Vec::new();
        flatten(String::new(), value, &mut members)?;
        let mut fields = vec![String::new(); self.names.len()];
        for (name, value) in members {
            match self.places.get(&name) {
                Some(place) => fields[*place] = value,
                None if learning && self.names.len() < MAX_COLUMNS => {
                    self.places.insert(name.clone(), self.names.len());
                    self.names.push(name);
                    fields.push(value);
                }
                None => {}
            }
        }
        Ok(fields)
    }
}

impl Cut {
    /// Begins with the next object.
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

    /// Takes bytes up to the end of a piece. Returns how many, and the piece.
    fn take(&mut self, bytes: &[u8]) -> (usize, Option<Piece>) {
        let mut at = 0;
        while at < bytes.len() {
            if self.nesting.in_string && !self.nesting.escaped {
                // Nearly all bytes of an object are those of its texts.
                let rest = &bytes[at..];
                let run = memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                self.keep(&rest[..run]);
                at += run;
                if at == bytes.len() {
                    break;
                }
            }
            let byte = bytes[at];
            let is_inside = !self.nesting.is_closed();
            if is_inside && byte == b'{' && self.is_line_start {
                if !self.nesting.takes_an_object() {
                    return (at, Some(Piece::Bad(NOT_CLOSED)));
                }
                self.inner.get_or_insert((self.length, self.line));
            }
            at += 1;
            self.line += u64::from(byte == b'\n');
            self.is_line_start = byte == b'\n' || (self.is_line_start && is_space(byte));
            if !is_inside && self.length == 0 {
                if is_between(byte, self.is_wrapped) {
                    continue;
                }
                self.start = self.line;
            }
            self.keep(&[byte]);
            if is_inside || (self.length == 1 && byte == b'{') {
                if byte == b'\n' && self.nesting.in_string {
                    return (at, Some(Piece::Bad("a string does not end on its line")));
                }
                self.nesting.take(byte);
                if self.nesting.is_closed() {
                    return (at, Some(Piece::Object));
                }
            } else if byte == b'\n' {
                return (at, Some(Piece::Bad(NO_OBJECT)));
            }
        }
        (at, None)
    }

    /// Keeps bytes up to the limit.
    fn keep(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.object.len());
        self.object
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len();
    }

    fn is_whole(&self) -> bool {
        self.length == self.object.len()
    }
}

/// Whether a byte between objects is white space, or what an array puts there.
fn is_between(byte: u8, is_wrapped: bool) -> bool {
    let is_of_array = matches!(byte, b',' | b'[' | b']') || (is_wrapped && byte == b'}');
    is_space(byte) || is_of_array
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// Every value that is no object, with its name.
///
/// # Errors
/// There are more members, or longer names, than any record of a person has: what is understood of
/// an object may take many times its room.
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
