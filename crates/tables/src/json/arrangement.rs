//! Detects how the records of a JSON text are arranged: one after the other, or in an array within an object.

use std::collections::BTreeMap;

use super::{MAX_DEPTH, MAX_NAME_BYTES};

/// How the records of a JSON text are arranged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// Objects one after the other, or in one array.
    Objects,
    /// The elements of the array with this path within the objects, such as `reviews` or `hits.hits`.
    Array(String),
    /// The elements of one of these arrays, or the objects around them.
    Unclear(Vec<String>),
    /// One object without an array of objects, or an array of other values. Its arrangement shows only when all of it is read.
    Document,
}

impl Arrangement {
    /// Detects the arrangement from the first bytes of a text. `None` if they are not JSON.
    pub(crate) fn detect(start: &[u8]) -> Option<Self> {
        let text = start.trim_ascii_start();
        match text.strip_prefix(b"[").map(<[u8]>::trim_ascii_start) {
            Some([b'"' | b'[', ..]) => return Some(Self::Document),
            Some([b'{', ..]) => {}
            None if text.starts_with(b"{") => {}
            _ => return None,
        }
        let (mut scanner, mut objects) = (PathScanner::default(), 0_usize);
        let (mut sizes, mut inside) = (BTreeMap::<String, usize>::new(), None);
        for byte in text.iter().copied() {
            if byte == b'{' && !scanner.in_string {
                objects += usize::from(matches!(scanner.open.as_slice(), [] | [(b'[', _)]));
                let array = || Some((scanner.open.len(), scanner.array()?));
                inside = inside.or_else(array);
            }
            scanner.push(byte);
            if let Some((depth, path)) = &inside {
                *sizes.entry(path.clone()).or_default() += 1;
                if scanner.open.len() < *depth {
                    inside = None;
                }
            }
        }
        let are_most = sizes.values().sum::<usize>() * 2 > text.len();
        let mut paths: Vec<String> = sizes.into_keys().collect();
        Some(match (objects, paths.len()) {
            (1, 0) => Self::Document,
            (1, 1) if are_most => Self::Array(paths.swap_remove(0)),
            (1, _) => Self::Unclear(paths),
            _ if are_most => Self::Unclear(paths),
            _ => Self::Objects,
        })
    }
}

/// The open objects and arrays at a position of a JSON text, with the names of their members.
#[derive(Debug, Default)]
pub(super) struct PathScanner {
    /// Opening brackets, the outermost first, with the name of the current member of an object.
    open: Vec<(u8, Vec<u8>)>,
    /// Number of open brackets beyond the maximum nesting.
    deeper: u64,
    /// The last string, shortened to the maximum length of a name.
    string: Vec<u8>,
    in_string: bool,
    escaped: bool,
}

impl PathScanner {
    /// Processes the next byte.
    pub(super) fn push(&mut self, byte: u8) {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            if self.in_string && self.string.len() < MAX_NAME_BYTES {
                self.string.push(byte);
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string.clear();
            }
            b':' => {
                if let Some((_, name)) = self.open.last_mut() {
                    name.clone_from(&self.string);
                }
            }
            b'{' | b'[' if self.open.len() < MAX_DEPTH => self.open.push((byte, Vec::new())),
            b'{' | b'[' => self.deeper += 1,
            b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' => drop(self.open.pop()),
            _ => {}
        }
    }

    /// The path of the innermost open array, if only objects are around it, which may be in one array.
    pub(super) fn array(&self) -> Option<String> {
        path_of_array(&self.open)
    }

    /// Like [`Self::array`], for the array around the object that has just been opened.
    pub(super) fn enclosing_array(&self) -> Option<String> {
        let ((b'{', _), outer) = self.open.split_last()? else {
            return None;
        };
        path_of_array(outer).filter(|_| !self.in_string)
    }
}

fn path_of_array(open: &[(u8, Vec<u8>)]) -> Option<String> {
    let ((b'[', _), objects) = open.split_last()? else {
        return None;
    };
    let in_array = matches!(objects, [(b'[', _), ..]);
    let objects = &objects[usize::from(in_array)..];
    let names = objects.iter().map(|(bracket, name)| {
        let name = String::from_utf8_lossy(name).into_owned();
        (*bracket == b'{').then_some(name)
    });
    let names: Vec<String> = names.collect::<Option<_>>()?;
    (!names.is_empty()).then(|| names.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrangements_are_detected() {
        let check = |text: &str, expected: Option<Arrangement>| {
            assert_eq!(Arrangement::detect(text.as_bytes()), expected, "{text}");
        };
        let array = |path: &str| Some(Arrangement::Array(path.to_owned()));
        let unclear = |paths: &[&str]| {
            let paths = paths.iter().map(|path| (*path).to_owned());
            Some(Arrangement::Unclear(paths.collect()))
        };
        let objects = Some(Arrangement::Objects);
        check("{\"r\":[{\"a\":1}]}", array("r"));
        check(
            "\n{ \"r\" :\n [ {\"a\": [{}]}, {\"b\": \"]}\"} ] }\n",
            array("r"),
        );
        check(
            "{\"ok\": 1, \"q\": {\"n\": 2}, \"r\": [{\"a\": \"the text of a review\"}, {\"a\"",
            array("r"),
        );
        check(
            "{\"hits\": {\"n\": [1], \"hits\": [{\"a\": \"some text\"}, {\"b\": {\"c\": 1}}]}}",
            array("hits.hits"),
        );
        // More than one array, or more around the array than in it.
        check(
            "{\"r\":[{\"a\":1}],\"s\":[{\"a\":1}]}",
            unclear(&["r", "s"]),
        );
        check(
            "{\"text\": \"a long text of a review\", \"tags\": [{\"n\": 1}]}",
            unclear(&["tags"]),
        );
        check(
            "{\"r\":[{\"a\":1},{\"a\":2}]}\n{\"r\":[{\"a\":1}]}",
            unclear(&["r"]),
        );
        // One of several reviews.
        check(
            "{\"text\": \"a long text\", \"r\":[{\"a\":1}]}\n{\"text\": \"x\"}",
            objects.clone(),
        );
        check("[{\"r\":[{\"a\":1234}]}]", array("r"));
        check("[{\"text\": \"a\"}, {\"text\": \"b\"}]", objects.clone());
        check("{\"a\": 1}{\"a\": 2}", objects);
        for document in [
            "{\"r\":[1,2]}",
            "{\"r\":{\"a\":1}}",
            "[\"a\"]",
            "[[1]]",
            "{",
        ] {
            check(document, Some(Arrangement::Document));
        }
        for other in ["", "text", "[1]", "[", "(c)"] {
            check(other, None);
        }
        let deep = "{\"a\":[".repeat(100) + &"]}".repeat(100);
        check(&deep, array("a"));
    }
}
