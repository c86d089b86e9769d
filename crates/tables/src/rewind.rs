//! A reader whose last bytes can be put back, to read the lines after a damaged row again.

use std::io::{self, BufRead};

/// A reader with bytes that were put back.
pub(crate) struct RewindReader<R> {
    input: R,
    /// Bytes that were put back, of which `position..` have not been read again.
    returned: Vec<u8>,
    position: usize,
}

impl<R: BufRead> RewindReader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            returned: Vec::new(),
            position: 0,
        }
    }

    /// The next bytes, without consuming them; empty at the end of the input.
    pub(crate) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position < self.returned.len() {
            return Ok(&self.returned[self.position..]);
        }
        self.input.fill_buf()
    }

    /// Consumes bytes that [`Self::fill_buf`] has returned.
    pub(crate) fn consume(&mut self, bytes: usize) {
        if self.position < self.returned.len() {
            self.position += bytes;
        } else {
            self.input.consume(bytes);
        }
    }

    /// Puts back the bytes that were consumed last.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        match self.position.checked_sub(bytes.len()) {
            // These bytes were put back before, and none were consumed from the input since.
            Some(position) if self.position < self.returned.len() => self.position = position,
            _ => {
                self.returned.clear();
                self.returned.extend_from_slice(bytes);
                self.position = 0;
            }
        }
    }
}
