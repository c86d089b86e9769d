//! Limits how much a compressed file may unpack to.

use std::error::Error;
use std::io;

use artifact::format;

/// Text compresses to about a tenth and logs to a hundredth of their size. A file that unpacks to more than a
/// thousand times its size is treated as an attack.
const MAX_RATIO: u64 = 1000;

/// The ratio is not checked below this many bytes.
const MIN_LIMITED_BYTES: u64 = 100 << 20;

/// Why decompression stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLarge {
    /// The file has more bytes than `ingest.max_decompressed_bytes`.
    #[error("it unpacks to more than {}", format::bytes(*.0))]
    Setting(u64),
    /// The file has more than [`MAX_RATIO`] times its compressed size.
    #[error("it unpacks to more than {MAX_RATIO} times its size")]
    Ratio,
}

impl TooLarge {
    /// Finds this error among the causes of another one, which decoders may have wrapped several times.
    pub(crate) fn find(error: &io::Error) -> Option<Self> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(found) = inner.downcast_ref() {
                return Some(*found);
            }
            // `source` of an `io::Error` skips the error inside it, so that one is examined too.
            cause = match inner.downcast_ref::<io::Error>() {
                Some(inner) => inner.get_ref().map(|inner| inner as _),
                None => inner.source(),
            };
        }
        None
    }
}

/// How much a file may unpack to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    bytes: u64,
    reason: TooLarge,
}

impl Limit {
    /// The smaller of the setting and of the ratio limit for a file of this size.
    pub(crate) fn new(size: u64, most_bytes: u64) -> Self {
        let by_ratio = size.saturating_mul(MAX_RATIO).max(MIN_LIMITED_BYTES);
        let (bytes, reason) = match most_bytes <= by_ratio {
            true => (most_bytes, TooLarge::Setting(most_bytes)),
            false => (by_ratio, TooLarge::Ratio),
        };
        Self { bytes, reason }
    }

    /// Fails if this many bytes exceed the limit.
    pub(crate) fn check(self, bytes: u64) -> io::Result<()> {
        if bytes <= self.bytes {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::FileTooLarge, self.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_applies() {
        let check = |size: u64, most_bytes: u64, bytes: u64, expected: Option<TooLarge>| {
            let found = Limit::new(size, most_bytes).check(bytes);
            let found = found.err().and_then(|error| TooLarge::find(&error));
            assert_eq!(found, expected, "{size} {most_bytes} {bytes}");
        };
        check(10, 1000, 1000, None);
        check(10, 1000, 1001, Some(TooLarge::Setting(1000)));
        check(10, 1 << 40, MIN_LIMITED_BYTES, None);
        check(10, 1 << 40, MIN_LIMITED_BYTES + 1, Some(TooLarge::Ratio));
        check(1 << 20, 1 << 40, 1000 << 20, None);
        check(1 << 20, 1 << 40, (1000 << 20) + 1, Some(TooLarge::Ratio));
    }
}
