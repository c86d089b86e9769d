//! Streams that can be looked at before they are read, and streams that end where they should.

use std::error::Error;
use std::io::{self, BufRead, Read};

use artifact::format;

use super::BUFFER;

/// Text packs to a tenth, logs to a hundredth. What unpacks to more than a thousand times its size
/// was made to do harm.
const LARGEST_RATIO: u64 = 1000;

/// Below this many bytes no ratio matters.
const HARMLESS: u64 = 100 << 20;

/// Why no more is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLarge {
    /// More bytes than `ingest.max_unpacked_bytes`.
    #[error("it unpacks to more than {}", format::bytes(*.0))]
    Setting(u64),
    /// More than [`LARGEST_RATIO`] times its size.
    #[error("it unpacks to more than {LARGEST_RATIO} times its size")]
    Ratio,
}

impl TooLarge {
    /// The limit that an error is about, if it is about one, however deep decoders have wrapped it.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        let mut cause: Option<&(dyn Error + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(inner) = cause {
            if let Some(found) = inner.downcast_ref() {
                return Some(*found);
            }
            // The source of an `io::Error` is that of what is in it, not what is in it.
            if let Some(inner) = inner.downcast_ref::<io::Error>() {
                return Self::of(inner);
            }
            cause = inner.source();
        }
        None
    }
}

/// What a file may unpack to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    bytes: u64,
    reason: TooLarge,
}

impl Limit {
    /// The stricter of the setting and of what a file of this size can sensibly hold.
    pub(crate) fn new(size: u64, most_bytes: u64) -> Self {
        let by_ratio = size.saturating_mul(LARGEST_RATIO).max(HARMLESS);
        if most_bytes <= by_ratio {
            Self {
                bytes: most_bytes,
                reason: TooLarge::Setting(most_bytes),
            }
        } else {
            Self {
                bytes: by_ratio,
                reason: TooLarge::Ratio,
            }
        }
    }

    /// Fails if this many bytes are too many.
    pub(crate) fn check(self, bytes: u64) -> io::Result<()> {
        if bytes <= self.bytes {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::FileTooLarge, self.reason))
    }
}

/// An input that fails rather than going on beyond a limit.
pub(crate) struct Bounded<R> {
    input: R,
    bytes: u64,
    limit: Limit,
}

impl<R: Read> Bounded<R> {
    pub(crate) fn new(input: R, limit: Limit) -> Self {
        Self {
            input,
            bytes: 0,
            limit,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.bytes += bytes as u64;
        self.limit.check(self.bytes)?;
        Ok(bytes)
    }
}

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
    fn the_stricter_limit_holds() {
        let check = |size: u64, most_bytes: u64, bytes: u64, expected: Option<TooLarge>| {
            let found = Limit::new(size, most_bytes).check(bytes);
            let found = found.err().and_then(|error| TooLarge::of(&error));
            assert_eq!(found, expected, "{size} {most_bytes} {bytes}");
        };
        check(10, 1000, 1000, None);
        check(10, 1000, 1001, Some(TooLarge::Setting(1000)));
        check(10, 1 << 40, HARMLESS, None);
        check(10, 1 << 40, HARMLESS + 1, Some(TooLarge::Ratio));
        check(1 << 20, 1 << 40, 1000 << 20, None);
        check(1 << 20, 1 << 40, (1000 << 20) + 1, Some(TooLarge::Ratio));
    }

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
