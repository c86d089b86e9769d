//! JSON: one object per line, one after the other, or all in one array.
//!
//! Objects are cut out of the stream by counting braces, in memory bounded by the longest of them,
//! and then understood one by one: so a bad one is one bad row. Nested objects become columns with
//! dots in their names.

use std::collections::HashMap;
use std::io::{self, BufRead};

use serde_json::Value;

use super::reader::Ending;
use super::record::Record;

/// Reads objects as records.
pub(super) struct JsonReader<R> {
    input: R,
    limit: usize,
    line: u64,
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
    /// A reader whose objects have at most `limit` bytes.
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self {
            input,
            limit,
            line: 1,
            object: Vec::new(),
            columns: HashMap::new(),
            names: Vec::new(),
        }
    }

    /// The columns known so far.
    pub(super) fn names(&self) -> &[String] {
        &self.names
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
        let value: Value = match serde_json::from_slice(&self.object) {
            Ok(value) => value,
            Err(error) => {
                record.set_bad(&self.object, line, &error.to_string());
                return;
            }
        };
        let mut fields = vec![String::new(); self.names.len()];
        flatten("", value, &mut |name, value| {
            let place = match self.columns.get(name) {
                Some(place) => *place,
                None if learning => {
                    self.columns.insert(name.to_owned(), self.names.len());
                    self.names.push(name.to_owned());
                    fields.push(String::new());
                    self.names.len() - 1
                }
                None => return,
            };
            fields[place] = value;
        });
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
            for (at, byte) in buffer.iter().copied().enumerate() {
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
                        self.input.consume(at + 1);
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
                    self.input.consume(at + 1);
                    let too_long = length > self.limit;
                    return Ok(if too_long {
                        Piece::TooLong(start)
                    } else {
                        Piece::Object(start)
                    });
                }
            }
            let length = buffer.len();
            self.input.consume(length);
        }
    }
}

/// Visits every value that is no object, with its name.
fn flatten(prefix: &str, value: Value, visit: &mut impl FnMut(&str, String)) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = if prefix.is_empty() {
                    name
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&name, value, visit);
            }
        }
        Value::Null => visit(prefix, String::new()),
        Value::String(text) => visit(prefix, text),
        other => visit(prefix, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every record as `line: fields`, with a buffer of every size.
    fn check(text: &str, names: &[&str], expected: &[&str]) {
        for buffer in [1, 2, 7, 4096] {
            let input = io::BufReader::with_capacity(buffer, text.as_bytes());
            let mut reader = JsonReader::new(input, 60);
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
