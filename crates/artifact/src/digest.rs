//! BLAKE3 digests (O'Connor et al., BLAKE3, 2020): fast enough to verify every artifact in every run.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are read at a time: enough to keep all cores busy.
const CHUNK_BYTES: usize = 16 << 20;

/// A BLAKE3 digest: 32 bytes. Displayed as 12 hex digits, stored as 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes in memory.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of the content of a file, hashed on all cores. The file is read in chunks and not mapped, because a
    /// mapped file of five gigabytes counts as five gigabytes of memory.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let size = usize::try_from(file.metadata()?.len()).unwrap_or(CHUNK_BYTES);
        let mut buffer = vec![0; size.clamp(1, CHUNK_BYTES)];
        let mut hasher = blake3::Hasher::new();
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Self(*hasher.finalize().as_bytes())),
                bytes => hasher.update_rayon(&buffer[..bytes]),
            };
        }
    }

    /// All 64 hex digits.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_hex()[..12])
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let invalid = |error| format!("`{text}` is not a digest of 64 hex digits: {error}");
        let hash = blake3::Hash::from_hex(&text).map_err(invalid);
        Ok(Self(*hash.map_err(D::Error::custom)?.as_bytes()))
    }
}

/// Builds a digest from named fields. Names and lengths are hashed with the contents, so different lists of fields
/// never give the same bytes.
#[derive(Default)]
pub struct DigestBuilder(blake3::Hasher);

impl DigestBuilder {
    /// A digest without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one named field.
    pub fn field(mut self, name: &str, content: &[u8]) -> Self {
        for part in [name.as_bytes(), content] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
        self
    }

    /// The digest of all fields, in the order in which they were added.
    pub fn finish(self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_boundaries_change_the_digest() {
        let one = DigestBuilder::new().field("a", b"bc").finish();
        let two = DigestBuilder::new().field("ab", b"c").finish();
        assert_ne!(one, two);
    }

    #[test]
    fn text_form_round_trips() {
        let digest = Digest::of_bytes(b"review");
        let stored = serde_json::to_value(digest).expect("plain data");
        assert_eq!(stored, digest.to_hex());
        assert_eq!(
            serde_json::from_value::<Digest>(stored).expect("a digest"),
            digest
        );
        assert!(serde_json::from_str::<Digest>("\"xyz\"").is_err());
    }
}
