//! Tracks open brackets and strings in JSON without parsing it.

use super::MAX_DEPTH;

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
        let check = |text: &str, depth: usize| assert_eq!(after(text).open.len(), depth, "{text}");
        check("{\"a\": [1, {", 3);
        check("{\"a\": [1, {}]", 1);
        check("{\"a\": [1, [2}", 0);
        check("{\"a\": 1]", 1);
        check("{\"a\": \"}\\\"}", 1);
        let deep = 200;
        check(&("{".repeat(deep) + &"}".repeat(deep - 1)), 1);
        check(&("{".repeat(deep) + &"}".repeat(deep)), 0);
    }
}
