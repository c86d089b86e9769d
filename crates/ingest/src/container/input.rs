//! Streams whose beginning can be looked at before they are read.

use std::io::{self, BufRead, Read};

use crate::sniff::BUFFER;

/// An input whose beginning lies in memory as a whole. A packed file may come in pieces of a few
/// bytes, one for each of several members, and a few bytes tell nothing about the rest.
pub(super) struct Started<R> {
    start: Vec<u8>,
    place: usize,
    /// What went wrong behind the start; said when that is reached.
    error: Option<io::Error>,
    input: R,
}

impl<R: BufRead> Started<R> {
    pub(super) fn new(mut input: R) -> Self {
        let mut start = Vec::new();
        let read = input.by_ref().take(BUFFER as u64).read_to_end(&mut start);
        Self {
            start,
            place: 0,
            error: read.err(),
            input,
        }
    }
}

impl<R: BufRead> BufRead for Started<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place < self.start.len() {
            return Ok(&self.start[self.place..]);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.input.fill_buf(),
        }
    }

    fn consume(&mut self, bytes: usize) {
        if self.place < self.start.len() {
            self.place += bytes;
        } else {
            self.input.consume(bytes);
        }
    }
}

impl<R: BufRead> Read for Started<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_whole_and_its_error_comes_after_it() {
        // Comes byte by byte, and fails after the fifth.
        struct Pieces(u8);
        impl Read for Pieces {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if self.0 == 5 {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.0 += 1;
                buffer[0] = self.0;
                Ok(1)
            }
        }
        let mut input = Started::new(io::BufReader::new(Pieces(0)));
        assert_eq!(input.fill_buf().expect("a start"), [1, 2, 3, 4, 5]);
        let mut all = Vec::new();
        let error = input.read_to_end(&mut all).expect_err("damage");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }
}
