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
    limit: usize,
    /// The line of the next byte.
    line: u64,
    /// Whether nothing was read yet.
    is_new: bool,
    /// Whether the objects stand in an array in an object.
    is_wrapped: bool,
    /// Columns by name, in the order of the header.
    columns: HashMap<String, usize>,
    names: Vec<String>,
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
struct Cut {
    is_wrapped: bool,
    nesting: Nesting,
    /// The line where it begins, and the one of the next byte.
    start: u64,
    line: u64,
    /// Its bytes, up to `limit`.
    object: Vec<u8>,
    limit: usize,
    /// Length in bytes, including those that are not kept.
    length: usize,
    /// True until a non-whitespace byte of the line is read.
    is_line_start: bool,
    /// Its bytes before the first line in it that begins an object, and that line.
    inner: Option<(usize, u64)>,
}

impl<R: BufRead> JsonReader<R> {
    /// A reader whose objects have at most `limit` bytes.
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self {
            input: Replay::new(input),
            limit,
            line: 1,
            is_new: true,
            is_wrapped: false,
            columns: HashMap::new(),
            names: Vec::new(),
        }
    }

    /// Passes over an object that stands around the array of all others.
    fn begin(&mut self) -> io::Result<()> {
        self.is_new = false;
        let start = self.input.fill_buf()?;
        if let Some(bytes) = nesting::wrapping(start) {
            self.line += memchr_iter(b'\n', &start[..bytes]).count() as u64;
            self.input.consume(bytes);
            self.is_wrapped = true;
        }
        Ok(())
    }

    /// Cuts the next piece out of the input.
    fn cut(&mut self, cut: &mut Cut) -> io::Result<Piece> {
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
        self.line = cut.line;
        if let (Piece::Bad(_), Some((bytes, line)), true) = (piece, cut.inner, cut.is_whole()) {
            // Another object was taken in by one that does not close.
            self.input.give_back(&cut.object[bytes..]);
            cut.object.truncate(bytes);
            (cut.length, self.line) = (bytes, line);
            return Ok(Piece::Bad(NOT_CLOSED));
        }
        Ok(piece)
    }

    fn understand(&mut self, object: &[u8], record: &mut Record, line: u64, learning: bool) {
        let value = serde_json::from_slice(object).map_err(|error| error.to_string());
        let members = value.and_then(|value| {
            let mut members = Vec::new();
            flatten(String::new(), value, &mut members)?;
            Ok(members)
        });
        let members = match members {
            Ok(members) => members,
            Err(problem) => return record.set_bad(object, line, &problem),
        };
        let mut fields = vec![String::new(); self.names.len()];
        for (name, value) in members {
            match self.columns.get(&name) {
                Some(place) => fields[*place] = value,
                None if learning && self.names.len() < MAX_COLUMNS => {
                    self.columns.insert(name.clone(), self.names.len());
                    self.names.push(name);
                    fields.push(value);
                }
                None => {}
            }
        }
        record.set(fields.iter().map(String::as_bytes), line, self.line);
    }
}

impl<R: BufRead> RecordReader for JsonReader<R> {
    /// Reads the next object. While `learning`, a key that is new becomes a further column.
    fn read(&mut self, record: &mut Record, learning: bool) -> io::Result<Ending> {
        if self.is_new {
            self.begin()?;
        }
        let mut cut = Cut {
            is_wrapped: self.is_wrapped,
            nesting: Nesting::default(),
            start: self.line,
            line: self.line,
            object: Vec::new(),
            limit: self.limit,
            length: 0,
            is_line_start: false,
            inner: None,
        };
        let piece = self.cut(&mut cut)?;
        match piece {
            Piece::End => return Ok(Ending::File),
            Piece::Bad(problem) if problem == NO_OBJECT || cut.is_whole() => {
                record.set_bad(cut.object.trim_ascii_end(), cut.start, problem);
            }
            Piece::Object if cut.is_whole() => {
                self.understand(&cut.object, record, cut.start, learning);
            }
            Piece::Object | Piece::Bad(_) => {
                record.set_oversize(&cut.object, cut.start, self.line);
            }
        }
        Ok(Ending::Record)
    }

    fn names(&self) -> Option<&[String]> {
        Some(&self.names)
    }

    fn may_lack_columns(&self) -> bool {
        true
    }
}

impl Cut {
    /// Takes bytes up to the end of a piece. Returns how many, and the piece.
    fn take(&mut self, bytes: &[u8]) -> (usize, Option<Piece>) {
        let mut at = 0;
        while at < bytes.len() {
            if self.nesting.is_in_string() && !self.nesting.is_in_escape() {
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
                if byte == b'\n' && self.nesting.is_in_string() {
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
                let name = if name.is_empty() {
                    key
                } else {
                    format!("{name}.{key}")
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
