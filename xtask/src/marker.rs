//! The file that says a folder is whole. It is written last and lists every file with its size, so a later
//! set-up sees in milliseconds, without hashing 450 MB, that nothing is missing, shortened or made otherwise.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cache::write_atomically;
use crate::error::{Error, Result};

/// Its name in the folder.
pub(crate) const MARKER: &str = "complete.txt";

/// Lists the files of `folder`; `recipe` says what they were made from.
pub(crate) fn write(folder: &Path, recipe: &str) -> Result<()> {
    let mut files = BTreeMap::new();
    list(folder, Path::new(""), &mut files).map_err(Error::file("list", folder))?;
    let mut text = format!("recipe {recipe}\n");
    for (path, size) in files {
        writeln!(text, "{size} {}", path.display()).expect("a String takes everything");
    }
    write_atomically(&folder.join(MARKER), text.as_bytes())
}

fn list(folder: &Path, below: &Path, files: &mut BTreeMap<PathBuf, u64>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(folder, &path, files)?;
        } else {
            files.insert(path, entry.metadata()?.len());
        }
    }
    Ok(())
}

/// What is wrong with `folder` as what `recipe` makes, as the rest of a sentence; `None` if it is whole.
pub(crate) fn fault(folder: &Path, recipe: &str) -> Option<String> {
    if !folder.is_dir() {
        return Some("is not there".to_owned());
    }
    let unfinished = || Some("has no list of its files".to_owned());
    let Ok(text) = fs::read_to_string(folder.join(MARKER)) else {
        return unfinished();
    };
    let mut lines = text.lines();
    if lines.next().and_then(|line| line.strip_prefix("recipe ")) != Some(recipe) {
        return Some("was made from other pins".to_owned());
    }
    lines.find_map(|line| {
        let Some((size, path)) = line.split_once(' ') else {
            return unfinished();
        };
        let found = fs::metadata(folder.join(path)).ok();
        let same = found.is_some_and(|found| found.is_file() && size.parse() == Ok(found.len()));
        (!same).then(|| format!("has lost or changed `{path}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_only_with_all_its_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("libtorch");
        let check = |recipe: &str, expected: Option<&str>| {
            assert_eq!(fault(&root, recipe).as_deref(), expected);
        };
        check("one", Some("is not there"));

        fs::create_dir_all(root.join("lib")).expect("a folder");
        fs::write(root.join("lib/a.so"), "code").expect("a file");
        fs::write(root.join("NOTICE"), "words").expect("a file");
        check("one", Some("has no list of its files"));

        write(&root, "one").unwrap_or_else(|error| panic!("{error}"));
        check("one", None);
        check("two", Some("was made from other pins"));

        let changed = Some("has lost or changed `lib/a.so`");
        fs::write(root.join("lib/a.so"), "cod").expect("a file");
        check("one", changed);
        fs::remove_file(root.join("lib/a.so")).expect("it was there");
        check("one", changed);
        fs::create_dir(root.join("lib/a.so")).expect("a folder");
        check("one", changed);
    }
}
