//! An input whose last bytes can be read once more: what a damaged row took too much of.

use std::io::{self, BufRead};

/// Bytes, and where in the file they stand.
pub(super) struct Replay<R> {
    input: R,
    /// Bytes that come before those of the input, of which `place..` have not been read.
    again: Vec<u8>,
    place: usize,
    /// Bytes of the file before what is read next.
    offset: u64,
}

impl<R: BufRead> Replay<R> {
    /// An input of which `offset` bytes were read before.
    pub(super) fn new(input: R, offset: u64) -> Self {
        Self {
            input,
            again: Vec::new(),
            place: 0,
            offset,
        }
    }

    /// Bytes of the file before what is read next.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes, without taking them; none at the end.
    pub(super) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place < self.again.len() {
            return Ok(&self.again[self.place..]);
        }
        self.input.fill_buf()
    }

    /// Takes so many of the bytes that [`Self::fill_buf`] has shown.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        if self.place < self.again.len() {
            self.place += bytes;
        } else {
            self.input.consume(bytes);
        }
    }

    /// Puts back the bytes that were taken last.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        self.offset -= bytes.len() as u64;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_again() {
        let mut input = Replay::new(io::BufReader::with_capacity(3, &b"abcdefgh"[..]), 10);
        let mut take = |bytes: usize, back: usize| {
            let mut taken = Vec::new();
            while taken.len() < bytes {
                let next = input.fill_buf().expect("no disk")[0];
                taken.push(next);
                input.consume(1);
            }
            input.give_back(&taken[bytes - back..]);
            (
                String::from_utf8(taken).expect("letters"),
                input.offset() - 10,
            )
        };
        assert_eq!(take(5, 4), ("abcde".to_owned(), 1));
        // From what was put back, and that in part once more.
        assert_eq!(take(3, 2), ("bcd".to_owned(), 2));
        // Across its end.
        assert_eq!(take(4, 3), ("cdef".to_owned(), 3));
        assert_eq!(take(5, 0), ("defgh".to_owned(), 8));
    }
}
