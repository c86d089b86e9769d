//! The file that says a folder is whole. It is written last and lists every file with its size, so a later
//! set-up sees in milliseconds, without hashing 450 MB, that nothing is missing, shortened or made otherwise.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cache::write_atomically;
use crate::error::Error;
use crate::sha256::Sha256;

/// Its name in the folder.
pub(crate) const MARKER: &str = "complete.txt";

/// Why a folder cannot be used as it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Absent,
    Unfinished,
    OtherRecipe,
    File(PathBuf),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("is not there"),
            Self::Unfinished => f.write_str("has no list of its files"),
            Self::OtherRecipe => f.write_str("was made from other pins"),
            Self::File(path) => write!(f, "has lost or changed `{}`", path.display()),
        }
    }
}

/// Lists the files of `folder`; `recipe` says what they were made from.
pub(crate) fn write(folder: &Path, recipe: Sha256) -> Result<(), Error> {
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

/// What keeps `folder` from being used as what `recipe` makes; `None` if it is whole.
pub(crate) fn fault(folder: &Path, recipe: Sha256) -> Option<Fault> {
    if !folder.is_dir() {
        return Some(Fault::Absent);
    }
    let Ok(text) = fs::read_to_string(folder.join(MARKER)) else {
        return Some(Fault::Unfinished);
    };
    let mut lines = text.lines();
    if lines.next() != Some(format!("recipe {recipe}").as_str()) {
        return Some(Fault::OtherRecipe);
    }
    lines.find_map(|line| {
        let Some((size, path)) = line.split_once(' ') else {
            return Some(Fault::Unfinished);
        };
        let found = fs::metadata(folder.join(path))
            .ok()
            .filter(fs::Metadata::is_file);
        let same = found.is_some_and(|found| size.parse() == Ok(found.len()));
        (!same).then(|| Fault::File(path.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_only_with_all_its_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("libtorch");
        let recipe = Sha256::of_bytes(b"recipe");
        assert_eq!(fault(&root, recipe), Some(Fault::Absent));

        fs::create_dir_all(root.join("lib")).expect("a folder");
        fs::write(root.join("lib/a.so"), "code").expect("a file");
        fs::write(root.join("NOTICE"), "words").expect("a file");
        assert_eq!(fault(&root, recipe), Some(Fault::Unfinished));

        write(&root, recipe).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fault(&root, recipe), None);
        assert_eq!(
            fault(&root, Sha256::of_bytes(b"another")),
            Some(Fault::OtherRecipe)
        );

        fs::write(root.join("lib/a.so"), "cod").expect("a file");
        assert_eq!(fault(&root, recipe), Some(Fault::File("lib/a.so".into())));
        fs::remove_file(root.join("lib/a.so")).expect("it was there");
        assert_eq!(fault(&root, recipe), Some(Fault::File("lib/a.so".into())));
        fs::create_dir(root.join("lib/a.so")).expect("a folder");
        assert_eq!(fault(&root, recipe), Some(Fault::File("lib/a.so".into())));
    }
}
