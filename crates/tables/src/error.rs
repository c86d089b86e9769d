//! What can keep a file from being read, in the words of whoever has to mend it.

use std::io;
use std::path::{Path, PathBuf};

use artifact::ArtifactError;

use crate::content::Content;
use crate::limit::TooLarge;

/// What went wrong with a file. [`TableError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file or folder could not be read, and why.
    #[error("Could not read `{}`", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// An archive or compressed file ends early or is damaged: the last good thing before the damage, and
    /// what the decoder says.
    #[error("`{}` is damaged or cut off after {after}", .0.display(), after = .1)]
    Damaged(PathBuf, String, #[source] io::Error),
    /// An archive has what no archive of reviews has, which the rest of the sentence says.
    #[error("`{}` cannot be read: {problem}", .0.display(), problem = .1)]
    Archive(PathBuf, String),
    /// A packed file unpacks to more than is allowed, and how large it is.
    #[error("`{}` is larger than allowed", .0.display())]
    TooLarge(PathBuf, #[source] io::Error),
    /// A packed file unpacks to more than any text does.
    #[error("`{}` unpacks to more than 1,000 times its size, which no reviews do", .0.display())]
    Bomb(PathBuf),
    /// The source is something else than its format says.
    #[error("`{}` is {found}, and {expected} was expected", path.display())]
    OtherKind {
        /// The file or folder.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What `ingest.format` or the name announces.
        expected: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// There is nothing in the file or folder; what is missing, as the rest of the sentence.
    #[error("`{}` has {what}", .0.display(), what = .1)]
    NothingThere(PathBuf, &'static str),
    /// The rest of a file stands between quotes, from the row on that begins at this line.
    #[error("`{}` has a quote that opens on line {line} and never closes", .0.display(), line = .1)]
    OpenQuote(PathBuf, u64),
    /// A setting has a value that is none of its kind; what to do about it.
    #[error("{0}")]
    Setting(String, &'static str),
    /// A file for a moment could not be written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl TableError {
    /// Something is missing, which `what` says as the rest of the sentence.
    pub fn nothing(path: &Path, what: &'static str) -> Self {
        Self::NothingThere(path.to_owned(), what)
    }

    /// The file holds something else than was `expected`.
    pub fn other_kind(path: &Path, found: Content, expected: &'static str) -> Self {
        let (found, hint) = found.name_and_hint();
        Self::OtherKind {
            path: path.to_owned(),
            found,
            expected,
            hint,
        }
    }

    /// `map_err(TableError::read(path))`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Read(path, error)
    }

    /// A decoder that meets damage says so with one of these kinds; anything else is the disk.
    pub fn damaged(path: &Path, after: impl Into<String>, source: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let path = path.to_owned();
        match TooLarge::of(&source) {
            Some(TooLarge::Ratio) => return Self::Bomb(path),
            Some(TooLarge::Setting(_)) => return Self::TooLarge(path, source),
            None => {}
        }
        match source.kind() {
            InvalidData | InvalidInput | Other | UnexpectedEof => {
                Self::Damaged(path, after.into(), source)
            }
            _ => Self::Read(path, source),
        }
    }

    /// What to do about it, with a command that exists.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read(path, error) => {
                let is_pattern = path.to_string_lossy().contains(['*', '?', '[']);
                if error.kind() != io::ErrorKind::NotFound || !is_pattern {
                    return None;
                }
                "No file has a name of this pattern: check it, and the folder it names"
            }
            Self::Damaged(..) => "Get the file once more; what was read of it is not used",
            Self::Archive(..) => "Unpack it and name the file in it with `--source PATH`",
            Self::TooLarge(..) => {
                "If it really holds that much, allow it with `--set ingest.max_unpacked_bytes=NUMBER`, or unpack it first"
            }
            Self::Bomb(..) => {
                "If it really holds that much, unpack it first and name the file with `--source PATH`"
            }
            Self::OtherKind { hint, .. } | Self::Setting(_, hint) => hint,
            Self::NothingThere(path, _) => match files_in(path) {
                Some(hint) => return Some(hint),
                None => "Check the path, or name another with `--source PATH`",
            },
            Self::OpenQuote(..) => {
                "Close the quote in the file; if the file does not quote its fields, read it with `--set ingest.quotes=false`"
            }
            Self::Artifact(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }
}

/// What to say of a folder that is no aclImdb and holds files: they are read together by a pattern.
pub fn files_in(path: &Path) -> Option<String> {
    let mut parts = ["train", "test", "aclImdb"].iter();
    let is_set = parts.any(|part| path.join(part).is_dir());
    let entries = path.read_dir().ok().filter(|_| !is_set)?.flatten();
    let files = entries.map(|entry| entry.path()).filter(|it| it.is_file());
    let ending = |path: PathBuf| Some(path.extension()?.to_str()?.to_owned());
    let mut endings: Vec<String> = files.filter_map(ending).collect();
    endings.sort_unstable();
    let count = |ending: &String| endings.iter().filter(|other| *other == ending).count();
    let ending = endings.iter().max_by_key(|ending| count(ending))?;
    let pattern = path.join(format!("*.{ending}"));
    let pattern = pattern.display();
    Some(format!(
        "Name the files in it by a pattern in quotes: '{pattern}'"
    ))
}
