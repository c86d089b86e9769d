//! SHA-256 as it stands in `data/assets.toml`: 64 lower-case hexadecimal digits.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use sha2::Digest as _;

use crate::error::Error;

/// How much is read at a time.
pub(crate) const CHUNK: usize = 1 << 20;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Sha256([u8; 32]);

impl Sha256 {
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// `on_read` is told the bytes of each step, for progress.
    fn of_reader(mut reader: impl Read, mut on_read: impl FnMut(u64)) -> io::Result<Self> {
        let mut hasher = sha2::Sha256::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Self(hasher.finalize().into())),
                count => {
                    hasher.update(&buffer[..count]);
                    on_read(count as u64);
                }
            }
        }
    }

    /// The digest of a file.
    pub(crate) fn of_file(path: &Path, on_read: impl FnMut(u64)) -> Result<Self, Error> {
        File::open(path)
            .and_then(|file| Self::of_reader(file, on_read))
            .map_err(Error::file("read", path))
    }

    /// Fails unless the file's digest is this one.
    pub(crate) fn check_file(self, path: &Path, on_read: impl FnMut(u64)) -> Result<(), Error> {
        self.check(Self::of_file(path, on_read)?, path)
    }

    /// Fails unless `found` is this one; `path` is for the message.
    pub(crate) fn check(self, found: Self, path: &Path) -> Result<(), Error> {
        if found == self {
            return Ok(());
        }
        Err(Error::Checksum {
            path: path.to_owned(),
            expected: self.to_string(),
            found: found.to_string(),
        })
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.bytes().all(is_digit) {
            return Err(format!(
                "expected a SHA-256 of 64 hexadecimal digits in lower case, found `{text}`"
            ));
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16)
                .expect("all are hexadecimal digits");
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_known_texts() {
        let check = |text: &str, expected: &str| {
            let digest = Sha256::of_bytes(text.as_bytes());
            assert_eq!(digest.to_string(), expected);
            assert_eq!(Sha256::try_from(expected.to_owned()), Ok(digest));
            assert_eq!(
                Sha256::of_reader(text.as_bytes(), |_| ()).expect("a slice can be read"),
                digest
            );
        };
        // FIPS 180-4 examples.
        check(
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        );
        check(
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
    }

    #[test]
    fn another_file_is_refused_with_both_digests() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("wheel.whl");
        std::fs::write(&path, "abc").expect("a temporary file");
        Sha256::of_bytes(b"abc")
            .check_file(&path, |_| ())
            .expect("the digest is the right one");
        let error = Sha256::of_bytes(b"abd")
            .check_file(&path, |_| ())
            .expect_err("another digest");
        let message = error.to_string();
        assert!(message.contains(
            "expected SHA-256 a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"
        ));
        assert!(message.contains("found ba7816bf"), "{message}");
    }
}
