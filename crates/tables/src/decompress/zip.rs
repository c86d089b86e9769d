//! Extracts the only file of a zip, and refuses unsafe members.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::{spool, with_limit};
use crate::content::Content;
use crate::error::{InputError, Problem, Result};
use crate::limit::Limit;

/// A member that every Microsoft Office file has.
const OFFICE: &str = "[Content_Types].xml";

/// Extracts the only file of a zip into an unnamed file. A zip is read from its end, but the next reader
/// starts at the beginning of the content.
pub(super) fn decompress(path: &Path, scratch: &Path, limit: Limit) -> Result<File> {
    let file = File::open(path).map_err(InputError::io(path))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable(path))?;
    if archive.index_for_name(OFFICE).is_some() {
        let found = Content::document("an Excel or Word document");
        return Err(InputError::wrong_format(path, found, "a table of reviews"));
    }
    let index = only_file(path, &mut archive)?;
    let member = archive.by_index(index).map_err(unreadable(path))?;
    spool(path, with_limit(member, limit), scratch)
}

/// Index of the only file.
fn only_file(path: &Path, archive: &mut ZipArchive<BufReader<File>>) -> Result<usize> {
    let mut found: Option<(usize, String)> = None;
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(unreadable(path))?;
        let name = member.name().to_owned();
        if member.is_dir() || is_system_file(&name) {
            continue;
        }
        if let Some(problem) = problem(&member) {
            return Err(refused(path, format!("its file `{name}` {problem}")));
        }
        if let Some((_, other)) = &found {
            let problem = format!("it contains several files, for example `{other}` and `{name}`");
            return Err(refused(path, problem));
        }
        found = Some((index, name));
    }
    let index = found.map(|(index, _)| index);
    index.ok_or_else(|| refused(path, "it contains no file".to_owned()))
}

/// Whether a member was added by a file manager of macOS or Windows: `.DS_Store`, `._reviews.csv`, `Thumbs.db`.
fn is_system_file(name: &str) -> bool {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_hidden = file.starts_with('.') || matches!(file, "Thumbs.db" | "desktop.ini");
    is_hidden || name.starts_with("__MACOSX/")
}

/// Why a member is refused, as the rest of a sentence.
fn problem<R: io::Read>(member: &ZipFile<'_, R>) -> Option<&'static str> {
    if member.enclosed_name().is_none() {
        return Some("has a path that leads out of the archive");
    }
    if member.is_symlink() {
        return Some("is a link, and links are not followed");
    }
    member.encrypted().then_some("is encrypted")
}

fn refused(path: &Path, problem: String) -> InputError {
    let message = format!("Failed to read `{}`: {problem}", path.display());
    let hint = "Unpack it and use the file with the reviews instead";
    InputError::new(Problem::Archive, message, hint)
}

/// Converts an error of the zip library: `map_err(unreadable(path))`.
fn unreadable(path: &Path) -> impl FnOnce(ZipError) -> InputError {
    move |error| {
        let error = match error {
            ZipError::UnsupportedArchive(what) => {
                let problem = format!("its compression is not supported: {what}");
                return refused(path, problem);
            }
            ZipError::Io(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        };
        InputError::damaged(path, "near its start", error)
    }
}
