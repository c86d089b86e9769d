//! Reads the unpacked aclImdb folder.

use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use stage::ProgressTask;
use tables::{InputError, Result};

use super::Importer;
use super::member::PARTS;
use crate::download::if_exists;

/// Reads the folder, or the folder `aclImdb` in it.
pub(super) fn read(importer: &mut Importer<'_>, task: &ProgressTask) -> Result<()> {
    let root = find_root(importer.path);
    for (_, split, class) in PARTS {
        let inside = Path::new(split).join(class);
        let folder = root.join(&inside);
        if file_type(&folder)?.is_some_and(|kind| kind.is_dir()) {
            let failed = || InputError::io(&folder);
            for entry in fs::read_dir(&folder).map_err(failed())? {
                let entry = entry.map_err(failed())?;
                let is_file = entry.file_type().map_err(failed())?.is_file();
                let review = inside.join(entry.file_name());
                add(importer, &root, &review, is_file, task)?;
            }
        }
        let films = Path::new(split).join(format!("urls_{class}.txt"));
        if file_type(&root.join(&films))?.is_some_and(|kind| kind.is_file()) {
            add(importer, &root, &films, true, task)?;
        }
    }
    Ok(())
}

/// Accepts the folder of the data set as well as its parent folder.
fn find_root(path: &Path) -> PathBuf {
    let inner = path.join("aclImdb");
    let is_set = |folder: &Path| folder.join("train").is_dir() || folder.join("test").is_dir();
    match !is_set(path) && is_set(&inner) {
        true => inner,
        false => path.to_owned(),
    }
}

/// The type of the file at a path, without following links.
fn file_type(path: &Path) -> Result<Option<FileType>> {
    let metadata = if_exists(path, fs::symlink_metadata(path))?;
    Ok(metadata.map(|metadata| metadata.file_type()))
}

fn add(
    importer: &mut Importer<'_>,
    root: &Path,
    inside: &Path,
    is_file: bool,
    task: &ProgressTask,
) -> Result<()> {
    importer.add_member(inside, is_file, |buffer, limit| {
        let path = root.join(inside);
        let file = File::open(&path).and_then(|file| file.take(limit + 1).read_to_end(buffer));
        task.advance(file.map_err(InputError::io(&path))? as u64);
        Ok(())
    })
}
