//! What is open at a place in JSON, without understanding any of it.

/// Objects and arrays in each other at most; serde_json refuses more.
const DEEPEST: usize = 128;

/// What is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Nesting {
    /// Opening brackets, the outermost first.
    open: Vec<u8>,
    /// Objects that are deeper than is kept.
    deeper: u64,
    /// The last byte that is no white space, outside of strings; of a string its quote.
    last: u8,
    pub(super) in_string: bool,
    /// Whether the next byte stands for itself only in an escape.
    pub(super) escaped: bool,
}

impl Nesting {
    /// Whether nothing is open.
    pub(super) fn is_closed(&self) -> bool {
        self.open.is_empty()
    }

    /// Objects and arrays that are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether an object may begin here: as a member's value or an array's element.
    pub(super) fn takes_an_object(&self) -> bool {
        self.open.len() < DEEPEST
            && match self.last {
                b':' | b'[' => true,
                b',' => self.open.last() == Some(&b'['),
                _ => false,
            }
    }

    /// Takes the next byte.
    pub(super) fn take(&mut self, byte: u8) {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' if self.open.len() < DEEPEST => self.open.push(byte),
            b'{' => self.deeper += 1,
            b'}' if self.deeper > 0 => self.deeper -= 1,
            // Arrays that were left open end with the object around them.
            b'}' => while self.open.pop().is_some_and(|open| open != b'{') {},
            b']' if self.deeper == 0 && self.open.last() == Some(&b'[') => {
                self.open.pop();
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.last = byte;
        }
    }
}

/// The bytes before the first object of a file that is one object around a single array of objects,
/// `{"reviews": [{...}, ...]}`: those of `{"reviews": [`. `None` where the start of a file is something else,
/// or shows no end of the array and no second object in it.
pub(super) fn wrapping(start: &[u8]) -> Option<usize> {
    let inside = wrapping_of_first_array(start)?;
    let (mut nesting, mut objects) = (Nesting::default(), 0);
    for (at, byte) in start.iter().copied().enumerate() {
        nesting.take(byte);
        if at < inside {
            continue;
        }
        if nesting.depth() < 2 {
            // The array has ended; nothing but the object around it may.
            let behind = start[at + 1..].trim_ascii_start().strip_prefix(b"}")?;
            return behind.trim_ascii().is_empty().then_some(inside);
        }
        objects += usize::from(nesting.depth() == 3 && byte == b'{' && !nesting.in_string);
    }
    (objects > 1).then_some(inside)
}

/// The bytes before the first object where an object begins with an array of objects.
fn wrapping_of_first_array(start: &[u8]) -> Option<usize> {
    let name = behind(behind(start, b"{")?, b"\"")?;
    let end = name.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let value = behind(name[end..].strip_prefix(b"\"")?, b":")?;
    let array = behind(value, b"[")?;
    let is_of_objects = behind(array, b"{").is_some();
    is_of_objects.then(|| start.len() - array.len())
}

/// What follows a sign that may stand behind white space.
fn behind<'a>(text: &'a [u8], sign: &[u8]) -> Option<&'a [u8]> {
    text.trim_ascii_start().strip_prefix(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Nesting {
        let mut nesting = Nesting::default();
        text.bytes().for_each(|byte| nesting.take(byte));
        nesting
    }

    #[test]
    fn an_object_begins_where_a_value_may() {
        let check = |text: &str, expected: bool| {
            assert_eq!(after(text).takes_an_object(), expected, "{text}");
        };
        check("{\"a\":", true);
        check("{\"a\": [ ", true);
        check("{\"a\": [1,\n", true);
        check("{\"a\": [{\"b\": 1},", true);
        check("{", false);
        check("{\"a\"", false);
        check("{\"a\": \"b\"", false);
        check("{\"a\": 1,", false);
        check("{\"a\": [1],", false);
        check("{\"a\": [1", false);
        check("{\"a\": {\"b\": 1}", false);
        check(&"{\"a\":".repeat(127), true);
        check(&"{\"a\":".repeat(128), false);
    }

    #[test]
    fn what_is_open_ends_where_it_is_closed() {
        let check = |text: &str, depth: usize| assert_eq!(after(text).depth(), depth, "{text}");
        check("{\"a\": [1, {", 3);
        check("{\"a\": [1, {}]", 1);
        check("{\"a\": [1, [2}", 0);
        check("{\"a\": 1]", 1);
        check("{\"a\": \"}\\\"}", 1);
        let deep = 200;
        check(&("{".repeat(deep) + &"}".repeat(deep - 1)), 1);
        check(&("{".repeat(deep) + &"}".repeat(deep)), 0);
    }

    #[test]
    fn an_object_around_an_array_is_told() {
        let check = |text: &str, expected: Option<&str>| {
            let found = wrapping(text.as_bytes()).map(|bytes| &text[..bytes]);
            assert_eq!(found, expected, "{text}");
        };
        check("{\"r\":[{\"a\":1}]}", Some("{\"r\":["));
        check(
            "\n{ \"r\" :\n [ {\"a\": [{}]}, {\"b\": \"]}\"} ] }\n",
            Some("\n{ \"r\" :\n ["),
        );
        // The sample ends before the array does.
        check("{\"r\":[{\"a\":1},{\"b\"", Some("{\"r\":["));
        check("{\"r\":[{\"a\":1}", None);
        // One review of several, or with more to say.
        check("{\"r\":[{\"a\":1}]}\n{\"r\":[{\"a\":1}]}", None);
        check("{\"r\":[{\"a\":1},{\"a\":2}],\"text\":\"x\"}", None);
        check("{\"r\":[1,2]}", None);
        check("{\"r\":[]}", None);
        check("{\"r\":{\"a\":1}}", None);
        check("[{\"r\":[{\"a\":1}]}]", None);
        check("", None);
    }
}
