//! JSON: one object per line, one after the other, or all in one array.
//!
//! Objects are cut out of the stream by counting braces, in memory bounded by the longest of them,
//! and then understood one by one: so a bad one is one bad row. Nested objects become columns with
//! dots in their names.

use std::collections::HashMap;
use std::io::{self, BufRead};

use memchr::{memchr_iter, memchr2};
use serde_json::Value;
use stage::format;

use super::reader::Ending;
use super::record::{MAX_COLUMNS, Record};

/// Bytes of a name, with those of the objects around it, at most.
const MAX_NAME_BYTES: usize = 1024;

/// Reads objects as records.
pub(super) struct JsonReader<R> {
    input: R,
    limit: usize,
    line: u64,
    /// Bytes of the file before what is read next.
    offset: u64,
    object: Vec<u8>,
    /// Columns by name, in the order of the header.
    columns: HashMap<String, usize>,
    names: Vec<String>,
}

/// What was cut out.
enum Piece {
    /// An object, from this line on.
    Object(u64),
    /// An object of more bytes than are kept.
    TooLong(u64),
    /// Something between the objects.
    Stray(u64),
    /// The input ends within an object.
    Open(u64),
    End,
}

impl<R: BufRead> JsonReader<R> {
    /// A reader whose objects have at most `limit` bytes. `offset` are the bytes of the file that were
    /// taken before.
    pub(super) fn new(input: R, limit: usize, offset: u64) -> Self {
        Self {
            input,
            limit,
            line: 1,
            offset,
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
        (self.line, self.offset)
    }

    /// Goes on in another place of the file, between two objects.
    pub(super) fn go_to(&mut self, input: R, line: u64, offset: u64) {
        (self.input, self.line, self.offset) = (input, line, offset);
    }

    /// Passes over the next object without understanding it.
    pub(super) fn skip(&mut self) -> io::Result<Ending> {
        let piece = self.cut()?;
        Ok(match piece {
            Piece::End => Ending::File,
            Piece::Object(_) | Piece::TooLong(_) | Piece::Stray(_) | Piece::Open(_) => {
                Ending::Record
            }
        })
    }

    /// Reads the next object. While `learning`, a key that is new becomes a further column.
    pub(super) fn read(&mut self, record: &mut Record, learning: bool) -> io::Result<Ending> {
        match self.cut()? {
            Piece::End => Ok(Ending::File),
            Piece::Open(line) => {
                record.set_bad(&self.object, line, "the file ends within an object");
                self.object.clear();
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
        self.object.clear();
        let (mut depth, mut in_string, mut escaped, mut start) = (0_u32, false, false, self.line);
        let mut length = 0_usize;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(match (depth, length) {
                    (0, 0) => Piece::End,
                    (0, _) => Piece::Stray(start),
                    _ => Piece::Open(start),
                });
            }
            let mut at = 0;
            while at < buffer.len() {
                if in_string && !escaped {
                    // Nearly all bytes of an object are those of its texts.
                    let rest = &buffer[at..];
                    let run = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    self.line += memchr_iter(b'\n', &rest[..run]).count() as u64;
                    let room = self.limit.saturating_sub(self.object.len());
                    self.object.extend_from_slice(&rest[..run.min(room)]);
                    length += run;
                    at += run;
                    if run == rest.len() {
                        break;
                    }
                }
                let byte = buffer[at];
                at += 1;
                let line_ends = byte == b'\n';
                self.line += u64::from(line_ends);
                if depth == 0 && length == 0 {
                    // Between objects: white space, and what an array puts there.
                    if byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']') {
                        continue;
                    }
                    start = self.line;
                }
                if depth == 0 && byte != b'{' {
                    // Something else, to the end of its line.
                    if line_ends {
                        self.consume(at);
                        return Ok(Piece::Stray(start));
                    }
                } else if in_string {
                    in_string = escaped || byte != b'"';
                    escaped = !escaped && byte == b'\\';
                } else {
                    match byte {
                        b'"' => in_string = true,
                        b'{' => depth += 1,
                        b'}' => depth -= 1,
                        _ => {}
                    }
                }
                length += 1;
                if self.object.len() < self.limit {
                    self.object.push(byte);
                }
                if depth == 0 && byte == b'}' {
                    self.consume(at);
                    let too_long = length > self.limit;
                    return Ok(if too_long {
                        Piece::TooLong(start)
                    } else {
                        Piece::Object(start)
                    });
                }
            }
            let length = buffer.len();
            self.consume(length);
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.offset += bytes as u64;
    }
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
mod tests {
    use super::*;

    /// Every record as `line: fields`, with a buffer of every size.
    fn check(text: &str, names: &[&str], expected: &[&str]) {
        for buffer in [1, 2, 7, 4096] {
            let input = io::BufReader::with_capacity(buffer, text.as_bytes());
            let mut reader = JsonReader::new(input, 60, 0);
            let mut record = Record::default();
            let mut found = Vec::new();
            while reader.read(&mut record, true).expect("no disk") == Ending::Record {
                let fields = String::from_utf8_lossy(&record.joined()).replace('\t', "|");
                let state = match (record.is_oversize(), record.problem()) {
                    (true, _) => "too long".to_owned(),
                    (false, Some(problem)) => format!("bad: {problem}"),
                    _ => fields,
                };
                found.push(format!("{}: {state}", record.line()));
            }
            assert_eq!(found, expected, "{text:?} with a buffer of {buffer}");
            assert_eq!(reader.names(), names);
        }
    }

    #[test]
    fn objects_become_records() {
        check(
            "{\"text\": \"a \\\"b\\\" {\", \"n\": 4.5}\n{\"n\": 1, \"text\": \"c\", \"ok\": true}\n",
            &["text", "n", "ok"],
            &["1: a \"b\" {|4.5", "2: c|1|true"],
        );
        check(
            "[\n  {\"a\": {\"b\": \"x\", \"c\": null}},\n  {\"a\": {\"b\": \"y\\\\\"}}\n]",
            &["a.b", "a.c"],
            &["2: x|", "3: y\\|"],
        );
        check(
            "{\"a\": [1, \"}\"]} {\"a\":\n2}",
            &["a"],
            &["1: [1,\"}\"]", "1: 2"],
        );
        check("", &[], &[]);
        check("[]\n", &[], &[]);
    }

    #[test]
    fn a_bad_object_does_not_harm_the_next() {
        check(
            "{\"a\": 1}\nnothing\n{\"a\" 2}\n{\"a\": 3}\n",
            &["a"],
            &[
                "1: 1",
                "2: bad: it is no JSON object",
                "3: bad: expected `:` at line 1 column 6",
                "4: 3",
            ],
        );
        let long = format!("{{\"a\": \"{}\"}}\n{{\"a\": 2}}", "x".repeat(100));
        check(&long, &["a"], &["1: too long", "2: 2"]);
        check(
            "{\"a\": 1}\n{\"a\": 2",
            &["a"],
            &["1: 1", "2: bad: the file ends within an object"],
        );
    }
}
