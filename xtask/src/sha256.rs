//! SHA-256 in the format of `data/assets.toml`: 64 lower-case hexadecimal digits.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// Bytes read at a time.
pub(crate) const CHUNK: u64 = 1 << 20;

/// The digest of bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    to_hex(Sha256::new().chain_update(bytes))
}

/// The digest of a file. `on_read` receives the number of bytes of each read, for progress.
pub(crate) fn of_file(path: &Path, mut on_read: impl FnMut(u64)) -> Result<String> {
    let mut read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        loop {
            match io::copy(&mut file.by_ref().take(CHUNK), &mut hasher)? {
                0 => return Ok(to_hex(hasher)),
                count => on_read(count),
            }
        }
    };
    read().map_err(Error::file("read", path))
}

fn to_hex(hasher: Sha256) -> String {
    let digits = hasher.finalize();
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fails unless the digest `found` of the file `path` is the pinned one.
pub(crate) fn check(expected: &str, found: &str, path: &Path) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let path = path.display();
    let digests = format!("expected SHA-256 {expected}, found {found}");
    let error = Error::new(format!("`{path}` is not the pinned file: {digests}"));
    Err(error.with_hint(format!(
        "Delete `{path}` if it exists and run `cargo xtask setup` again; if the error returns, the \
         registry has another file than data/assets.toml pins: do not use it"
    )))
}

/// Whether a text has the format of a digest.
pub(crate) fn is_digest(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 64 && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_known_texts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("text");
        let check = |text: &str, expected: &str| {
            assert_eq!(of_bytes(text.as_bytes()), expected);
            assert!(is_digest(expected));
            std::fs::write(&path, text).expect("a temporary file");
            let found = of_file(&path, |_| ()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found, expected);
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
    fn a_wrong_file_is_refused_with_both_digests() {
        let path = Path::new("wheel.whl");
        let (found, expected) = (of_bytes(b"abc"), of_bytes(b"abd"));
        check(&found, &found, path).unwrap_or_else(|error| panic!("{error}"));
        let error = check(&expected, &found, path).expect_err("another digest");
        let message = error.to_string();
        assert!(message.contains(
            "expected SHA-256 a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"
        ));
        assert!(message.contains("found ba7816bf"), "{message}");
    }
}
