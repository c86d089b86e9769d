//! Small JSON files with a digest of their content, which are written by one rename.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use artifact::{ArtifactError, Digest, sync};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

#[derive(Serialize, Deserialize)]
struct Sealed {
    content: Box<RawValue>,
    /// The digest of the content.
    seal: Digest,
}

/// Writes a file, flushes it to the disk and renames it into place. Returns its seal; equal contents have equal seals.
pub(super) fn write<T: Serialize>(path: &Path, content: &T) -> Result<Digest, ArtifactError> {
    let content = to_raw_value(content).expect("plain data");
    let seal = Digest::of_bytes(content.get().as_bytes());
    let text = serde_json::to_vec(&Sealed { content, seal }).expect("plain data");
    let temporary = path.with_extension("new");
    let save = || {
        let mut file = File::create(&temporary)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    save().map_err(ArtifactError::io("write", path))?;
    path.parent().map_or(Ok(()), sync)?;
    Ok(seal)
}

/// Reads a file and its seal; `None` if there is no file.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<(T, Digest)>, ArtifactError> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(ArtifactError::io("read", path))?,
    };
    let damaged = |error: serde_json::Error| ArtifactError::damaged(path, error.to_string());
    let Sealed { content, seal } = serde_json::from_slice(&text).map_err(damaged)?;
    if Digest::of_bytes(content.get().as_bytes()) != seal {
        let reason = "its content does not match its seal";
        return Err(ArtifactError::damaged(path, reason));
    }
    let content = serde_json::from_str(content.get()).map_err(damaged)?;
    Ok(Some((content, seal)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_detected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        assert_eq!(read::<Vec<u64>>(&path).expect("no damage"), None);
        let seal = write(&path, &[1_u64, 22, 333]).expect("written");
        let found = read(&path).expect("no damage");
        assert_eq!(found, Some((vec![1_u64, 22, 333], seal)));
        let whole = fs::read(&path).expect("read");
        for index in 0..whole.len() {
            let mut text = whole.clone();
            text[index] ^= 1;
            fs::write(&path, &text).expect("written");
            assert!(read::<Vec<u64>>(&path).is_err(), "byte {index}");
        }
    }
}
