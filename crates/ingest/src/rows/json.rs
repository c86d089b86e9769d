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

use super::record::{Ending, MAX_COLUMNS, Record};
use super::replay::Replay;
use nesting::Nesting;

/// Bytes of a name, with those of the objects around it, at most.
const MAX_NAME_BYTES: usize = 1024;

/// Reads objects as records.
pub(super) struct JsonReader<R> {
    input: Replay<R>,
    limit: usize,
    line: u64,
    /// Whether nothing was read yet.
    is_new: bool,
    /// Whether the objects stand in an array in an object.
    is_wrapped: bool,
    object: Vec<u8>,
    /// Columns by name, in the order of the header.
    columns: HashMap<String, usize>,
    names: Vec<String>,
}

/// What was cut out, with the line where it begins.
enum Piece {
    Object(u64),
    /// An object of more bytes than are kept.
    TooLong(u64),
    /// Something between the objects.
    Stray(u64),
    /// An object that does not close, and why not.
    Broken(u64, &'static str),
    End,
}

/// An object, or what stands in its place, on its way.
struct Cut {
    /// The line where it begins.
    start: u64,
    nesting: Nesting,
    /// Its bytes, those that are not kept as well.
    length: usize,
    /// Whether only white space was seen of the line.
    is_line_start: bool,
    /// Its bytes before the first line in it that begins an object, and that line.
    inner: Option<(usize, u64)>,
}

impl<R: BufRead> JsonReader<R> {
    /// A reader whose objects have at most `limit` bytes. `offset` are the bytes of the file that were
    /// taken before.
    pub(super) fn new(input: R, limit: usize, offset: u64) -> Self {
        Self {
            input: Replay::new(input, offset),
            limit,
            line: 1,
            is_new: true,
            is_wrapped: false,
            object: Vec::new(),
            columns: HashMap::new(),
            names: Vec::new(),
        }
    }

    /// The columns known so far.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The line and the byte at which the next object begins, or what stands before it.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.line, self.input.offset())
    }

    /// Goes on in another place of the file, between two objects.
    pub(super) fn go_to(&mut self, input: R, line: u64, offset: u64) {
        (self.input, self.line) = (Replay::new(input, offset), line);
        self.is_new = false;
    }

    /// Passes over the next object without understanding it.
    pub(super) fn skip(&mut self) -> io::Result<Ending> {
        Ok(match self.cut()? {
            Piece::End => Ending::File,
            _ => Ending::Record,
        })
    }

    /// Reads the next object. While `learning`, a key that is new becomes a further column.
    pub(super) fn read(&mut self, record: &mut Record, learning: bool) -> io::Result<Ending> {
        match self.cut()? {
            Piece::End => Ok(Ending::File),
            Piece::Broken(line, problem) => {
                record.set_bad(self.object.trim_ascii_end(), line, problem);
                Ok(Ending::Record)
            }
            Piece::TooLong(line) => {
                record.set_oversize(&self.object, line, self.line);
                Ok(Ending::Record)
            }
            Piece::Stray(line) => {
                record.set_bad(&self.object, line, "it is no JSON object");
                Ok(Ending::Record)
            }
            Piece::Object(line) => {
                self.understand(record, line, learning);
                Ok(Ending::Record)
            }
        }
    }

    fn understand(&mut self, record: &mut Record, line: u64, learning: bool) {
        let value = serde_json::from_slice(&self.object).map_err(|error| error.to_string());
        let members = value.and_then(|value| {
            let mut members = Vec::new();
            flatten(String::new(), value, &mut members)?;
            Ok(members)
        });
        let members = match members {
            Ok(members) => members,
            Err(problem) => return record.set_bad(&self.object, line, &problem),
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

    /// Cuts the next piece out of the input.
    fn cut(&mut self) -> io::Result<Piece> {
        if self.is_new {
            self.begin()?;
        }
        self.object.clear();
        let mut cut = Cut {
            start: self.line,
            nesting: Nesting::default(),
            length: 0,
            is_line_start: false,
            inner: None,
        };
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(match (cut.nesting.is_closed(), cut.length) {
                    (true, 0) => Piece::End,
                    (true, _) => Piece::Stray(cut.start),
                    (false, _) => self.broken(&cut, "the file ends within an object"),
                });
            }
            let mut at = 0;
            while at < buffer.len() {
                if cut.nesting.is_in_string() && !cut.nesting.is_in_escape() {
                    // Nearly all bytes of an object are those of its texts.
                    let rest = &buffer[at..];
                    let run = memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                    keep(&mut self.object, self.limit, &rest[..run]);
                    cut.length += run;
                    at += run;
                    if run == rest.len() {
                        break;
                    }
                }
                let byte = buffer[at];
                let is_inside = !cut.nesting.is_closed();
                if is_inside && byte == b'{' && cut.is_line_start {
                    if !cut.nesting.takes_an_object() {
                        self.input.consume(at);
                        return Ok(self.broken(&cut, "the object is not closed"));
                    }
                    cut.inner.get_or_insert((cut.length, self.line));
                }
                at += 1;
                if byte == b'\n' {
                    self.line += 1;
                    cut.is_line_start = true;
                    if cut.nesting.is_in_string() {
                        self.input.consume(at);
                        keep(&mut self.object, self.limit, b"\n");
                        cut.length += 1;
                        return Ok(self.broken(&cut, "a string does not end on its line"));
                    }
                } else {
                    cut.is_line_start &= byte.is_ascii_whitespace();
                }
                if !is_inside && cut.length == 0 {
                    if is_between(byte, self.is_wrapped) {
                        continue;
                    }
                    cut.start = self.line;
                }
                if is_inside || (cut.length == 0 && byte == b'{') {
                    cut.nesting.take(byte);
                } else if byte == b'\n' {
                    // Something else, to the end of its line.
                    self.input.consume(at);
                    return Ok(Piece::Stray(cut.start));
                }
                cut.length += 1;
                keep(&mut self.object, self.limit, &[byte]);
                if byte == b'}' && is_inside && cut.nesting.is_closed() {
                    self.input.consume(at);
                    return Ok(match cut.length > self.limit {
                        true => Piece::TooLong(cut.start),
                        false => Piece::Object(cut.start),
                    });
                }
            }
            let length = buffer.len();
            self.input.consume(length);
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

    /// Gives up on an object that does not close, but not on one that it has taken in.
    fn broken(&mut self, cut: &Cut, problem: &'static str) -> Piece {
        let is_whole = cut.length == self.object.len();
        match cut.inner {
            Some((bytes, line)) if is_whole => {
                self.input.give_back(&self.object[bytes..]);
                self.object.truncate(bytes);
                self.line = line;
                Piece::Broken(cut.start, "the object is not closed")
            }
            _ if is_whole => Piece::Broken(cut.start, problem),
            _ => Piece::TooLong(cut.start),
        }
    }
}

/// Whether a byte between objects is white space, or what an array puts there.
fn is_between(byte: u8, is_wrapped: bool) -> bool {
    let is_of_array = matches!(byte, b',' | b'[' | b']') || (is_wrapped && byte == b'}');
    byte.is_ascii_whitespace() || is_of_array
}

/// Keeps bytes up to a limit.
fn keep(object: &mut Vec<u8>, limit: usize, bytes: &[u8]) {
    let room = limit.saturating_sub(object.len());
    object.extend_from_slice(&bytes[..bytes.len().min(room)]);
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
