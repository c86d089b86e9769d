//! Errors of reading an input: message, cause and hint.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure};

use crate::content::Content;
use crate::limit::TooLarge;

/// The result of reading a source of reviews.
pub type Result<T, E = InputError> = std::result::Result<T, E>;

/// Why an input cannot be used. The cause, if there is one, is the error's source.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct InputError {
    /// The kind of problem, for callers with their own hints.
    pub problem: Problem,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Kinds of problems with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A file or folder cannot be read, or a temporary file cannot be written.
    Io,
    /// An archive or compressed file ends early or is damaged.
    Damaged,
    /// An archive has a member that cannot or must not be read.
    Archive,
    /// A compressed file unpacks to more than the settings allow.
    TooLarge,
    /// A compressed file unpacks to more than any real text.
    CompressionBomb,
    /// The source has another format than expected.
    WrongFormat,
    /// The file or folder has no rows.
    Empty,
    /// A quote is never closed.
    OpenQuote,
    /// The first row cannot be parsed, so that the columns are unknown.
    FirstRow,
    /// A column is missing, or no column is recognised. Contains the names of the existing columns.
    Columns(Vec<String>),
    /// More rows than allowed were rejected.
    Rejected,
    /// Any other problem, such as an invalid setting.
    Other,
}

impl InputError {
    /// Creates an error from a message and a hint.
    pub fn new(problem: Problem, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            problem,
            message: message.into(),
            hint: Some(hint.into()),
            source: None,
        }
    }

    /// Creates an error of no special kind.
    pub fn other(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Problem::Other, message, hint)
    }

    /// Adds the cause.
    pub fn with_cause(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = Some(cause.into());
        Self { source, ..self }
    }

    /// The source has no rows. `what` completes the sentence "`FILE` has ...".
    pub fn empty(path: &Path, what: &str) -> Self {
        let hint = pattern_hint(path)
            .unwrap_or_else(|| "Check that the path names the right file or folder".to_owned());
        let message = format!("`{}` has {what}", path.display());
        Self::new(Problem::Empty, message, hint)
    }

    /// The file or folder is `found`, but `expected` was needed.
    pub fn unexpected(path: &Path, found: &str, expected: &str, hint: &str) -> Self {
        let path = path.display();
        let message = format!("`{path}` is {found}, but {expected} was expected");
        Self::new(Problem::WrongFormat, message, hint)
    }

    /// The content of the file is not what was `expected`.
    pub fn wrong_format(path: &Path, found: Content, expected: &str) -> Self {
        let (found, hint) = found.name_and_hint();
        Self::unexpected(path, found, expected, hint)
    }

    /// Converts an error of the operating system: `map_err(InputError::io(path))`.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let message = format!("Failed to read `{}`", path.display());
        let is_pattern = path.to_string_lossy().contains(['*', '?', '[']);
        move |error| {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            let hint = "No file matches this pattern: check the pattern and its folder";
            Self {
                problem: Problem::Io,
                message,
                hint: (is_pattern && is_missing).then(|| hint.to_owned()),
                source: Some(error.into()),
            }
        }
    }

    /// Converts an error of a decoder. Damage has one of these error kinds; all other kinds come from the
    /// operating system. `location` completes the sentence "`FILE` is damaged or cut off ...".
    pub fn damaged(path: &Path, location: impl AsRef<str>, source: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let (name, location) = (path.display(), location.as_ref());
        match (TooLarge::find(&source), source.kind()) {
            (Some(TooLarge::Ratio), _) => Self::new(
                Problem::CompressionBomb,
                format!("`{name}` unpacks to more than 1,000 times its size, which is not plausible for reviews"),
                "If the file is what you expect, unpack it first and use the unpacked file",
            ),
            (Some(TooLarge::Setting(_)), _) => Self::new(
                Problem::TooLarge,
                format!("`{name}` is too large"),
                "If this size is expected, raise the limit with `--set ingest.max_decompressed_bytes=NUMBER`, or unpack the file first",
            )
            .with_cause(source),
            (None, InvalidData | InvalidInput | Other | UnexpectedEof) => Self::new(
                Problem::Damaged,
                format!("`{name}` is damaged or cut off {location}"),
                "Download or copy the file again; none of its rows were used",
            )
            .with_cause(source),
            (None, _) => Self::io(path)(source),
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<ArtifactError> for InputError {
    fn from(error: ArtifactError) -> Self {
        Self {
            problem: Problem::Io,
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

/// Returns a hint for a folder that is not aclImdb and contains files: name them by a pattern.
pub fn pattern_hint(path: &Path) -> Option<String> {
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
        "Name the files in it with a pattern in quotes: '{pattern}'"
    ))
}
