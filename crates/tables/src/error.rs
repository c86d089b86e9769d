//! What can keep an input from being read: a message, a cause and a hint.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure};

use crate::content::Content;
use crate::limit::TooLarge;

/// Why an input cannot be used. Its cause, if there is one, is its source.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct InputError {
    /// The kind of problem, for callers that give hints of their own.
    pub problem: Problem,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Kinds of problems of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A file or folder cannot be read, or a temporary file not be written.
    Disk,
    /// An archive or compressed file ends early or is damaged.
    Damaged,
    /// An archive has content that no archive of reviews has.
    Archive,
    /// A packed file unpacks to more than the settings allow.
    TooLarge,
    /// A packed file unpacks to more than any text does.
    Bomb,
    /// The source is of another kind than expected.
    OtherKind,
    /// There is nothing in the file or folder.
    Nothing,
    /// A quote never closes.
    OpenQuote,
    /// The first row cannot be read, so that the columns are unknown.
    FirstRow,
    /// A column is missing, or the columns are unknown: those that are there.
    Columns(Vec<String>),
    /// More rows than allowed cannot be used.
    Rejected,
    /// Anything else, such as a setting that makes no sense.
    Other,
}

impl InputError {
    /// A problem in one sentence, and what to do about it.
    pub fn new(problem: Problem, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            problem,
            message: message.into(),
            hint: Some(hint.into()),
            source: None,
        }
    }

    /// A problem of no special kind.
    pub fn other(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Problem::Other, message, hint)
    }

    /// Adds why it failed.
    pub fn with_cause(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = Some(cause.into());
        Self { source, ..self }
    }

    /// Something is missing, which `what` says as the rest of the sentence.
    pub fn nothing(path: &Path, what: &str) -> Self {
        let hint = files_in(path)
            .unwrap_or_else(|| "Check the path, or name another with `--source PATH`".to_owned());
        let message = format!("`{}` has {what}", path.display());
        Self::new(Problem::Nothing, message, hint)
    }

    /// The file or folder is `found`, and something else was `expected`.
    pub fn unexpected(path: &Path, found: &str, expected: &str, hint: &str) -> Self {
        let path = path.display();
        let message = format!("`{path}` is {found}, and {expected} was expected");
        Self::new(Problem::OtherKind, message, hint)
    }

    /// The file holds something else than was `expected`.
    pub fn other_kind(path: &Path, found: Content, expected: &str) -> Self {
        let (found, hint) = found.name_and_hint();
        Self::unexpected(path, found, expected, hint)
    }

    /// `map_err(InputError::read(path))`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let message = format!("Failed to read `{}`", path.display());
        let is_pattern = path.to_string_lossy().contains(['*', '?', '[']);
        move |error| {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            let hint = "No file has a name of this pattern: check it, and the folder it names";
            Self {
                problem: Problem::Disk,
                message,
                hint: (is_pattern && is_missing).then(|| hint.to_owned()),
                source: Some(error.into()),
            }
        }
    }

    /// A decoder that meets damage says so with one of these kinds; anything else is the disk. `after` is the
    /// last good thing before the damage.
    pub fn damaged(path: &Path, after: impl AsRef<str>, source: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let (name, after) = (path.display(), after.as_ref());
        match (TooLarge::of(&source), source.kind()) {
            (Some(TooLarge::Ratio), _) => Self::new(
                Problem::Bomb,
                format!("`{name}` unpacks to more than 1,000 times its size, which no reviews do"),
                "If it really holds that much, unpack it first and name the file with `--source PATH`",
            ),
            (Some(TooLarge::Setting(_)), _) => Self::new(
                Problem::TooLarge,
                format!("`{name}` is larger than allowed"),
                "If it really holds that much, allow it with `--set ingest.max_unpacked_bytes=NUMBER`, or unpack it first",
            )
            .with_cause(source),
            (None, InvalidData | InvalidInput | Other | UnexpectedEof) => Self::new(
                Problem::Damaged,
                format!("`{name}` is damaged or cut off after {after}"),
                "Get the file once more; what was read of it is not used",
            )
            .with_cause(source),
            (None, _) => Self::read(path)(source),
        }
    }

    /// What to do about it, with a command that exists.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<ArtifactError> for InputError {
    fn from(error: ArtifactError) -> Self {
        Self {
            problem: Problem::Disk,
            message: error.to_string(),
            hint: error.hint(),
            source: Some(error.into()),
        }
    }
}

impl From<InputError> for Failure {
    fn from(mut error: InputError) -> Self {
        let hint = error.hint.take();
        Self::from_error(error).with_hint(hint)
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
