//! Splits a file into parts of limited size, and lists the files of a pack.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::sha256;

/// Largest size of one part in bytes, a limit of the transfer.
pub(crate) const MAX_PART_BYTES: usize = 56 << 20;
/// Largest total size of a `core` pack in bytes.
pub(crate) const MAX_CORE_BYTES: u64 = 60 << 20;
/// The file with the list of the other files.
pub(crate) const LIST_FILE: &str = "pack.json";

/// The content of `pack.json`.
#[derive(Debug, Serialize)]
pub(crate) struct PackList {
    /// `core` or `imdb`.
    pub(crate) kind: String,
    /// The commit of the checkout in which the pack was made.
    pub(crate) commit: String,
    /// The parts of the archive, in order.
    pub(crate) parts: Vec<String>,
    /// Every file except this list.
    pub(crate) files: Vec<PackFile>,
}

/// A file of a pack.
#[derive(Debug, Serialize)]
pub(crate) struct PackFile {
    /// Its name in the folder of the pack.
    pub(crate) name: String,
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// Its SHA-256.
    pub(crate) sha256: String,
}

impl PackList {
    /// Lists the files of a pack's folder, which has no subfolders.
    pub(crate) fn new(pack: &Path, kind: &str, commit: String, parts: Vec<String>) -> Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(pack).map_err(Error::file("read", pack))? {
            let path = entry.map_err(Error::file("read", pack))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name != LIST_FILE {
                let metadata = fs::metadata(&path).map_err(Error::file("read", &path))?;
                files.push(PackFile {
                    bytes: metadata.len(),
                    sha256: sha256::of_file(&path, |_| ())?,
                    name: name.into_owned(),
                });
            }
        }
        files.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(Self {
            kind: kind.to_owned(),
            commit,
            parts,
            files,
        })
    }

    /// Total size of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Fails if the pack is larger than `limit`.
    pub(crate) fn check_size(&self, limit: u64) -> Result<()> {
        if self.bytes() <= limit {
            return Ok(());
        }
        let largest = self.files.iter().max_by_key(|file| file.bytes);
        let largest = largest.map_or("", |file| file.name.as_str());
        let message = format!("The pack has {} bytes, more than {limit}", self.bytes());
        Err(Error::new(message).with_hint(format!(
            "The largest file is `{largest}`: pack programs that were built with `--release`"
        )))
    }

    /// Writes the list into the pack's folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(LIST_FILE);
        let text = serde_json::to_string_pretty(self).expect("a list is plain data");
        fs::write(&path, text + "\n").map_err(Error::file("write", &path))
    }
}

/// Writes `part-00`, `part-01` and so on, each of at most `limit` bytes, and returns their names.
pub(crate) fn write_parts(bytes: &[u8], limit: usize, folder: &Path) -> io::Result<Vec<String>> {
    let write = |(number, part)| {
        let name = format!("part-{number:02}");
        fs::write(folder.join(&name), part)?;
        Ok(name)
    };
    bytes.chunks(limit).enumerate().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_full_and_join_to_the_whole() {
        let check = |bytes: usize, limit: usize, sizes: &[usize]| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let whole: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
            let names = write_parts(&whole, limit, folder.path()).expect("the folder takes files");
            let parts: Vec<Vec<u8>> = names
                .iter()
                .map(|name| fs::read(folder.path().join(name)).expect("a part"))
                .collect();
            let found: Vec<usize> = parts.iter().map(Vec::len).collect();
            assert_eq!(found, sizes);
            assert_eq!(parts.concat(), whole);
            assert!(names.is_sorted());
        };
        check(0, 10, &[]);
        check(9, 10, &[9]);
        check(10, 10, &[10]);
        check(25, 10, &[10, 10, 5]);
        check(30, 10, &[10, 10, 10]);
    }

    #[test]
    fn a_pack_that_is_too_large_is_refused_and_names_its_largest_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, size) in [("a", 3), ("b", 5), (LIST_FILE, 100)] {
            fs::write(folder.path().join(name), vec![0; size]).expect("it takes files");
        }
        let list = PackList::new(folder.path(), "core", "0".to_owned(), Vec::new());
        let list = list.expect("a readable folder");
        assert_eq!(list.bytes(), 8);
        assert!(list.check_size(8).is_ok());
        let error = list.check_size(7).expect_err("8 bytes are more than 7");
        assert!(error.hint().is_some_and(|hint| hint.contains("`b`")));
    }
}
