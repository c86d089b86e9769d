//! The unpacked set.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use settings::IngestSettings;
use stage::Progress;
use tables::TableError;

use super::member::{Member, Part, ReviewName, member};
use super::{Found, MAX_FILM_BYTES, MISNAMED, SPECIAL};
use crate::error::IngestError;
use crate::row::{LeftOut, check_text, excerpt};
use crate::sink::Sink;

/// Reads the folder, or the `aclImdb` in it, into the sink.
pub(crate) fn read(
    path: &Path,
    settings: &IngestSettings,
    progress: &Progress,
    sink: &mut Sink,
) -> Result<(), IngestError> {
    let root = root_of(path);
    let mut found = Found::new(path, settings);
    let mut names = Vec::new();
    for part in Part::ALL {
        list(&root, part, &mut names, &mut found)?;
        found.check_count(names.len())?;
        read_films(&root, part, &mut found)?;
    }
    names.sort();
    found.reviews = names.len() as u64;
    let task = progress.task("reading reviews", Some(found.reviews), "reviews");
    let mut buffer = Vec::new();
    for name in &names {
        let limit = settings.max_text_bytes;
        read_bounded(&root.join(name.source()), limit as u64, &mut buffer)?;
        match check_text(&buffer, limit) {
            Ok(text) => found.accept(name, text, sink)?,
            Err(reason) => found
                .left_out
                .push(LeftOut::file(name.source(), reason, &buffer)),
        }
        task.advance(1);
    }
    found.finish(sink, progress)
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

/// The files of one part.
fn list(
    root: &Path,
    part: Part,
    names: &mut Vec<ReviewName>,
    found: &mut Found<'_>,
) -> Result<(), IngestError> {
    let (split, class) = part.folders();
    let folder = root.join(split).join(class);
    if !is_plain(&folder, fs::FileType::is_dir)? {
        return Ok(());
    }
    for entry in fs::read_dir(&folder).map_err(TableError::read(&folder))? {
        let entry = entry.map_err(TableError::read(&folder))?;
        let name = entry.file_name();
        let inside = Path::new(split).join(class).join(&name);
        let reason = match member(&inside) {
            Ok(Member::Other) => continue,
            _ if !entry
                .file_type()
                .map_err(TableError::read(&folder))?
                .is_file() =>
            {
                SPECIAL
            }
            Ok(Member::Review(name)) => {
                names.push(name);
                continue;
            }
            _ => MISNAMED,
        };
        found.leave_out(excerpt(inside.to_string_lossy().as_bytes()), reason);
    }
    Ok(())
}

/// Whether there is something of this type, itself and not a link to it.
fn is_plain(path: &Path, is_type: impl Fn(&fs::FileType) -> bool) -> Result<bool, IngestError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(is_type(&metadata.file_type())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(TableError::read(path)(error).into()),
    }
}

fn read_films(root: &Path, part: Part, found: &mut Found<'_>) -> Result<(), IngestError> {
    let (split, class) = part.folders();
    let path = root.join(split).join(format!("urls_{class}.txt"));
    if is_plain(&path, fs::FileType::is_file)? {
        let mut bytes = Vec::new();
        read_bounded(&path, MAX_FILM_BYTES, &mut bytes)?;
        found.films.insert(part, &String::from_utf8_lossy(&bytes));
    }
    Ok(())
}

/// Reads a file, up to one byte more than allowed.
fn read_bounded(path: &Path, limit: u64, buffer: &mut Vec<u8>) -> Result<(), IngestError> {
    buffer.clear();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(buffer));
    Ok(read.map(drop).map_err(TableError::read(path))?)
}
