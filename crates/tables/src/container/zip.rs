//! The one file of reviews in a zip, and what is never taken out of one.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::{bounded, spool};
use crate::content::Content;
use crate::error::{InputError, Problem};
use crate::limit::Limit;

/// What every file of Microsoft Office has in it.
const OFFICE: &str = "[Content_Types].xml";

/// The one file in a zip, unpacked into a file without a name: a zip is read from its end, and what
/// follows reads from the start.
pub(super) fn unpack(path: &Path, scratch: &Path, limit: Limit) -> Result<File, InputError> {
    let file = File::open(path).map_err(InputError::read(path))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable(path))?;
    if archive.index_for_name(OFFICE).is_some() {
        let found = Content::document("a document of Excel or Word");
        return Err(InputError::other_kind(path, found, "a table of reviews"));
    }
    let index = only_file(path, &mut archive)?;
    let member = archive.by_index(index).map_err(unreadable(path))?;
    spool(path, bounded(member, limit), scratch)
}

/// The position of the only file.
fn only_file(path: &Path, archive: &mut ZipArchive<BufReader<File>>) -> Result<usize, InputError> {
    let mut found: Option<(usize, String)> = None;
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(unreadable(path))?;
        let name = member.name().to_owned();
        // What a Mac adds beside every file.
        if member.is_dir() || name.starts_with("__MACOSX/") {
            continue;
        }
        if let Some(problem) = problem(&member) {
            return Err(refused(path, format!("its member `{name}` {problem}")));
        }
        if let Some((_, other)) = &found {
            let problem = format!("it has several files, among them `{other}` and `{name}`");
            return Err(refused(path, problem));
        }
        found = Some((index, name));
    }
    found
        .map(|(index, _)| index)
        .ok_or_else(|| refused(path, "there is no file in it".to_owned()))
}

/// What speaks against a member, as the rest of a sentence.
fn problem<R: io::Read>(member: &ZipFile<'_, R>) -> Option<&'static str> {
    if member.enclosed_name().is_none() {
        return Some("leads out of it, which no archive of reviews does");
    }
    if member.is_symlink() {
        return Some("is a link, which is never followed");
    }
    member.encrypted().then_some("is encrypted")
}

fn refused(path: &Path, problem: String) -> InputError {
    InputError::new(
        Problem::Archive,
        format!("`{}` cannot be read: {problem}", path.display()),
        "Unpack it and name the file in it with `--source PATH`",
    )
}

/// `map_err(unreadable(path))`.
fn unreadable(path: &Path) -> impl FnOnce(ZipError) -> InputError {
    move |error| {
        let error = match error {
            ZipError::UnsupportedArchive(what) => {
                let problem = format!("it is packed in a way that is not read: {what}");
                return refused(path, problem);
            }
            ZipError::Io(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        };
        InputError::damaged(path, "the start", error)
    }
}
