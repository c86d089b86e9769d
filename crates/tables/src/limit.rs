//! How much a compressed file may unpack to.

use std::error::Error;
use std::io;

use artifact::format;

/// Text packs to a tenth, logs to a hundredth. What unpacks to more than a thousand times its size
/// was made to do harm.
const LARGEST_RATIO: u64 = 1000;

/// Below this many bytes no ratio matters.
const HARMLESS: u64 = 100 << 20;

/// Why no more is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLarge {
    /// More bytes than `ingest.max_decompressed_bytes`.
    #[error("it unpacks to more than {}", format::bytes(*.0))]
    Setting(u64),
    /// More than [`LARGEST_RATIO`] times its size.
    #[error("it unpacks to more than {LARGEST_RATIO} times its size")]
    Ratio,
}

impl TooLarge {
    /// The limit that an error is about, if it is about one, however deep decoders have wrapped it.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(found) = inner.downcast_ref() {
                return Some(*found);
            }
            // The source of an `io::Error` is that of what is in it, not what is in it.
            cause = match inner.downcast_ref::<io::Error>() {
                Some(inner) => inner.get_ref().map(|inner| inner as _),
                None => inner.source(),
            };
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
        let (bytes, reason) = match most_bytes <= by_ratio {
            true => (most_bytes, TooLarge::Setting(most_bytes)),
            false => (by_ratio, TooLarge::Ratio),
        };
        Self { bytes, reason }
    }

    /// Fails if this many bytes are too many.
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
}
