//! The unpacked set.

use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use stage::ProgressTask;
use tables::InputError;

use super::Scan;
use super::member::Part;
use crate::download::if_there;

/// Reads the files of the folder, or of the `aclImdb` in it.
pub(super) fn read(scan: &mut Scan<'_>, task: &ProgressTask) -> Result<(), InputError> {
    let root = root_of(scan.path);
    for part in Part::ALL {
        let (split, class) = part.folders();
        let inside = Path::new(split).join(class);
        let folder = root.join(&inside);
        if kind_of(&folder)?.is_some_and(|kind| kind.is_dir()) {
            let failed = || InputError::read(&folder);
            for entry in fs::read_dir(&folder).map_err(failed())? {
                let entry = entry.map_err(failed())?;
                let is_file = entry.file_type().map_err(failed())?.is_file();
                take(scan, &root, &inside.join(entry.file_name()), is_file, task)?;
            }
        }
        let films = Path::new(split).join(format!("urls_{class}.txt"));
        if kind_of(&root.join(&films))?.is_some_and(|kind| kind.is_file()) {
            take(scan, &root, &films, true, task)?;
        }
    }
    Ok(())
}

/// People name the folder they unpacked into as often as the one that came out.
fn root_of(path: &Path) -> PathBuf {
    let inner = path.join("aclImdb");
    let is_set = |folder: &Path| folder.join("train").is_dir() || folder.join("test").is_dir();
    if !is_set(path) && is_set(&inner) {
        inner
    } else {
        path.to_owned()
    }
}

/// What there is at a path, itself and not what a link leads to.
fn kind_of(path: &Path) -> Result<Option<FileType>, InputError> {
    let metadata = if_there(path, fs::symlink_metadata(path))?;
    Ok(metadata.map(|metadata| metadata.file_type()))
}

fn take(
    scan: &mut Scan<'_>,
    root: &Path,
    inside: &Path,
    is_file: bool,
    task: &ProgressTask,
) -> Result<(), InputError> {
    scan.take(inside, is_file, |buffer, limit| {
        let path = root.join(inside);
        let file = File::open(&path).and_then(|file| file.take(limit + 1).read_to_end(buffer));
        task.advance(file.map_err(InputError::read(&path))? as u64);
        Ok(())
    })
}
