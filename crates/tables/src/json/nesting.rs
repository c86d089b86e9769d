//! Tracks open brackets and strings in JSON without parsing it.

/// Maximum nesting of objects and arrays; serde_json has the same limit.
const MAX_DEPTH: usize = 128;

/// The open brackets and strings at a position.
#[derive(Clone, Debug, Default)]
pub(super) struct Nesting {
    /// Opening brackets, the outermost first.
    open: Vec<u8>,
    /// Number of open objects beyond the maximum nesting.
    deeper: u64,
    /// The last byte outside strings that is not white space, or the closing quote of a string.
    last: u8,
    pub(super) in_string: bool,
    /// Whether the next byte is escaped by a backslash.
    pub(super) escaped: bool,
}

impl Nesting {
    /// Whether no bracket is open.
    pub(super) fn is_closed(&self) -> bool {
        self.open.is_empty()
    }

    /// Number of open objects and arrays.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether an object may begin here, as a value of a member or an element of an array.
    pub(super) fn allows_object(&self) -> bool {
        self.open.len() < MAX_DEPTH
            && match self.last {
                b':' | b'[' => true,
                b',' => self.open.last() == Some(&b'['),
                _ => false,
            }
    }

    /// Processes the next byte.
    pub(super) fn push(&mut self, byte: u8) {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' if self.open.len() < MAX_DEPTH => self.open.push(byte),
            b'{' => self.deeper += 1,
            b'}' if self.deeper > 0 => self.deeper -= 1,
            // Unclosed arrays end with the enclosing object.
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

/// Returns the length of `{"reviews": [` for a file such as `{"reviews": [{...}, ...]}`: one object with a
/// single array of objects. `None` for other files, and if the sample shows neither the end of the array
/// nor a second object in it.
pub(super) fn wrapper_length(start: &[u8]) -> Option<usize> {
    let inside = first_array_of_objects(start)?;
    let (mut nesting, mut objects) = (Nesting::default(), 0);
    for (at, byte) in start.iter().copied().enumerate() {
        nesting.push(byte);
        if at < inside {
            continue;
        }
        if nesting.depth() < 2 {
            // After the array, only the end of the enclosing object may follow.
            let after_array = start[at + 1..].trim_ascii_start().strip_prefix(b"}")?;
            return after_array.trim_ascii().is_empty().then_some(inside);
        }
        objects += usize::from(nesting.depth() == 3 && byte == b'{' && !nesting.in_string);
    }
    (objects > 1).then_some(inside)
}

/// Returns the number of bytes before the first object of an array that is the first member of an object.
fn first_array_of_objects(start: &[u8]) -> Option<usize> {
    let name = strip_token(strip_token(start, b"{")?, b"\"")?;
    let end = name.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let value = strip_token(name[end..].strip_prefix(b"\"")?, b":")?;
    let array = strip_token(value, b"[")?;
    let is_of_objects = strip_token(array, b"{").is_some();
    is_of_objects.then(|| start.len() - array.len())
}

/// Removes white space and a token from the start of a text.
fn strip_token<'a>(text: &'a [u8], token: &[u8]) -> Option<&'a [u8]> {
    text.trim_ascii_start().strip_prefix(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Nesting {
        let mut nesting = Nesting::default();
        text.bytes().for_each(|byte| nesting.push(byte));
        nesting
    }

    #[test]
    fn an_object_may_begin_where_a_value_may() {
        let check = |text: &str, expected: bool| {
            assert_eq!(after(text).allows_object(), expected, "{text}");
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
    fn brackets_are_closed_by_their_counterpart() {
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
    fn an_object_around_an_array_is_recognised() {
        let check = |text: &str, expected: Option<&str>| {
            let found = wrapper_length(text.as_bytes()).map(|bytes| &text[..bytes]);
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
        // One of several reviews, or an object with further members.
        check("{\"r\":[{\"a\":1}]}\n{\"r\":[{\"a\":1}]}", None);
        check("{\"r\":[{\"a\":1},{\"a\":2}],\"text\":\"x\"}", None);
        check("{\"r\":[1,2]}", None);
        check("{\"r\":[]}", None);
        check("{\"r\":{\"a\":1}}", None);
        check("[{\"r\":[{\"a\":1}]}]", None);
        check("", None);
    }
}
