//! An input whose last bytes can be read once more: what a damaged row took too much of.

use std::io::{self, BufRead};

pub(crate) struct Replay<R> {
    input: R,
    /// Bytes that come before those of the input, of which `place..` have not been read.
    again: Vec<u8>,
    place: usize,
}

impl<R: BufRead> Replay<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            again: Vec::new(),
            place: 0,
        }
    }

    /// The next bytes, without taking them; none at the end.
    pub(crate) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place < self.again.len() {
            return Ok(&self.again[self.place..]);
        }
        self.input.fill_buf()
    }

    /// Takes so many of the bytes that [`Self::fill_buf`] has shown.
    pub(crate) fn consume(&mut self, bytes: usize) {
        if self.place < self.again.len() {
            self.place += bytes;
        } else {
            self.input.consume(bytes);
        }
    }

    /// Puts back the bytes that were taken last.
    pub(crate) fn give_back(&mut self, bytes: &[u8]) {
        match self.place.checked_sub(bytes.len()) {
            // They were put back before, and nothing was taken from the input since.
            Some(place) if self.place < self.again.len() => self.place = place,
            _ => {
                self.again.clear();
                self.again.extend_from_slice(bytes);
                self.place = 0;
            }
        }
    }
}
