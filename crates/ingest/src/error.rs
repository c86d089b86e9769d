//! What can keep reviews from being read, in the words of whoever has to mend it.

use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Failure, format};
use settings::nearest;

use crate::limit::TooLarge;
use crate::row::NOT_UTF_8;
use crate::sniff::Content;

/// What went wrong. [`IngestError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The pipeline file names no source, and the command line neither.
    #[error("There is no source of reviews: `ingest.source` is not set")]
    NoSource,
    /// The source could not be read.
    #[error("Could not read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An archive or compressed file ends early or is damaged.
    #[error("`{}` is damaged or cut off after {after}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The last good thing before the damage.
        after: String,
        /// What the decoder says.
        source: io::Error,
    },
    /// An archive has what no archive of reviews has.
    #[error("`{}` cannot be read: {problem}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A packed file unpacks to more than is allowed.
    #[error("`{}` is larger than allowed", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large.
        source: io::Error,
    },
    /// A packed file unpacks to more than any text does.
    #[error("`{}` unpacks to more than 1,000 times its size, which no reviews do", path.display())]
    Bomb {
        /// The file.
        path: PathBuf,
    },
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
        hint: String,
    },
    /// There is nothing in the source.
    #[error("`{}` has {what}", path.display())]
    NothingThere {
        /// The file or folder.
        path: PathBuf,
        /// What is missing, as the rest of the sentence.
        what: &'static str,
    },
    /// A setting names a column that is not there.
    #[error("`{setting}` names the column `{name}`, which `{}` does not have", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The dotted key.
        setting: String,
        /// The name or position given.
        name: String,
        /// The columns that are there.
        known: Vec<String>,
    },
    /// There is nothing to tell the columns by.
    #[error("The first row of `{}` cannot be read: {problem}", path.display())]
    FirstRow {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No column is mapped and the header is none we know.
    #[error("The columns of `{}` are none that ingest knows by itself", path.display())]
    UnknownColumns {
        /// The file.
        path: PathBuf,
        /// The columns that are there.
        known: Vec<String>,
    },
    /// The rest of a file stands between quotes.
    #[error("`{}` has a quote that opens on line {line} and never closes", path.display())]
    OpenQuote {
        /// The file.
        path: PathBuf,
        /// Where the row begins that has it, from 1.
        line: u64,
    },
    /// More rows than `max_reject_rate` could not be used.
    #[error(
        "{} of {} rows were rejected, more than `ingest.max_reject_rate` = {limit} allows; the commonest reasons: {}",
        format::count(*rejected), format::count(*rows), list_reasons(reasons)
    )]
    TooManyRejected {
        /// Rows rejected.
        rejected: u64,
        /// Rows read.
        rows: u64,
        /// The highest share allowed.
        limit: f64,
        /// The commonest reasons with an example and their counts.
        reasons: Vec<(String, u64)>,
    },
    /// What is found, and said, in one place.
    #[error("{message}")]
    Other {
        /// In one sentence.
        message: String,
        /// What to do.
        hint: String,
        /// Why, where a library says so.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The output could not be written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl IngestError {
    /// What went wrong in a sentence, and what to do.
    pub(crate) fn other(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Other {
            message: message.into(),
            hint: hint.into(),
            source: None,
        }
    }

    /// Something is missing, which `what` says as the rest of the sentence.
    pub(crate) fn nothing(path: &Path, what: &'static str) -> Self {
        let path = path.to_owned();
        Self::NothingThere { path, what }
    }

    /// The file holds something else than was `expected`.
    pub(crate) fn other_kind(path: &Path, found: Content, expected: &'static str) -> Self {
        Self::OtherKind {
            path: path.to_owned(),
            found: found.name(),
            expected,
            hint: found.hint(),
        }
    }

    /// `map_err(IngestError::read(path))`.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    /// A decoder that meets damage says so with one of these kinds; anything else is the disk.
    pub(crate) fn damaged(path: &Path, after: impl Into<String>, source: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let path = path.to_owned();
        match TooLarge::of(&source) {
            Some(TooLarge::Ratio) => return Self::Bomb { path },
            Some(TooLarge::Setting(_)) => return Self::TooLarge { path, source },
            None => {}
        }
        match source.kind() {
            InvalidData | InvalidInput | Other | UnexpectedEof => Self::Damaged {
                path,
                after: after.into(),
                source,
            },
            _ => Self::Read { path, source },
        }
    }

    /// What to do about it, with a command that exists.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSource => Some("Name the reviews with `--source PATH`: a CSV or TSV file, or the aclImdb archive or folder".to_owned()),
            Self::Damaged { .. } => Some("Get the file once more; what was read of it is not used".to_owned()),
            Self::OtherKind { hint, .. } => Some(hint.clone()),
            Self::Archive { .. } => Some("Unpack it and name the file in it with `--source PATH`".to_owned()),
            Self::TooLarge { .. } => Some(
                "If it really holds that much, allow it with `--set ingest.max_unpacked_bytes=NUMBER`, or unpack it first"
                    .to_owned(),
            ),
            Self::Bomb { .. } => Some(
                "If it really holds that much, unpack it first and name the file with `--source PATH`".to_owned(),
            ),
            Self::FirstRow { .. } => Some(
                "Check the file; longer texts are allowed with `--set ingest.max_text_bytes=NUMBER`, and quotes are taken \
                 for text with `--set ingest.quotes=false`".to_owned(),
            ),
            Self::NoColumn { name, known, .. } => Some(hint_for_column(name, known)),
            Self::UnknownColumns { known, .. } => Some(hint_for_header(known)),
            Self::Other { hint, .. } => Some(hint.clone()),
            Self::NothingThere { path, .. } => Some(files_in(path).unwrap_or_else(|| {
                "Check the path, or name another with `--source PATH`".to_owned()
            })),
            Self::OpenQuote { .. } => Some(
                "Close the quote in the file; if the file does not quote its fields, read it with `--set ingest.quotes=false`".to_owned(),
            ),
            Self::TooManyRejected { reasons, .. } => Some(hint_for_rejected(reasons)),
            Self::Artifact(error) => error.hint(),
            Self::Read { path, source } if source.kind() == io::ErrorKind::NotFound => hint_for_pattern(path),
            Self::Read { .. } => None,
        }
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}

/// Text that is no UTF-8 in many rows is in another encoding, which the start of the file did not
/// tell.
fn hint_for_rejected(reasons: &[(String, u64)]) -> String {
    if reasons.iter().any(|(reason, _)| reason.contains(NOT_UTF_8)) {
        return "If the file is in another encoding, name it, for example with `--set ingest.encoding=windows-1252`; \
                to leave such rows out, raise `--set ingest.max_reject_rate=SHARE`"
            .to_owned();
    }
    if reasons
        .iter()
        .all(|(reason, _)| reason.contains("`ingest.labels`"))
    {
        return "Mend the rows, or say what the values mean with `--set 'ingest.labels.positive=[\"VALUE\"]'`, and so for \
                `negative` and `none`; to leave such rows out, raise `--set ingest.max_reject_rate=SHARE`"
            .to_owned();
    }
    "Mend the rows or the `[ingest]` settings; to leave such rows out, raise `--set ingest.max_reject_rate=SHARE`"
        .to_owned()
}

/// What to say of a folder that is no aclImdb and holds files: they are read together by a pattern.
pub(crate) fn files_in(path: &Path) -> Option<String> {
    let is_set = ["train", "test", "aclImdb"]
        .iter()
        .any(|part| path.join(part).is_dir());
    let entries = path.read_dir().ok().filter(|_| !is_set)?;
    let mut endings: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| Some(entry.path().extension()?.to_str()?.to_owned()))
        .collect();
    endings.sort_unstable();
    let count = |ending: &String| endings.iter().filter(|other| *other == ending).count();
    let ending = endings.iter().max_by_key(|ending| count(ending))?;
    let pattern = path.join(format!("*.{ending}"));
    Some(format!(
        "Name the files in it by a pattern in quotes: '{}'",
        pattern.display()
    ))
}

fn hint_for_pattern(path: &Path) -> Option<String> {
    let is_pattern = path.to_string_lossy().contains(['*', '?', '[']);
    is_pattern
        .then(|| "No file has a name of this pattern: check it, and the folder it names".to_owned())
}

fn list_reasons(reasons: &[(String, u64)]) -> String {
    let list: Vec<_> = reasons
        .iter()
        .map(|(reason, rows)| format!("{reason} ({})", format::count(*rows)))
        .collect();
    list.join("; ")
}

pub(crate) fn list_columns(known: &[String]) -> String {
    let list: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    list.join(", ")
}

fn hint_for_column(name: &str, known: &[String]) -> String {
    let there = list_columns(known);
    match nearest(name, known) {
        Some(close) => format!("Did you mean `{close}`? The columns are {there}"),
        None => format!("The columns are {there}"),
    }
}

/// A single column that holds a usual separator was most likely split at the wrong one.
fn hint_for_header(known: &[String]) -> String {
    let separators = [(";", "\";\""), ("\t", "\"\\t\""), ("|", "\"|\"")];
    let only = if let [only] = known { Some(only) } else { None };
    let unsplit = only.and_then(|name| {
        separators
            .iter()
            .find(|(separator, _)| name.contains(separator))
    });
    match unsplit {
        Some((_, shown)) => format!("Name the separator with `--set 'ingest.delimiter={shown}'`"),
        None => format!(
            "Say which is which with `--set ingest.columns.text=NAME --set ingest.columns.label=NAME`; the columns are {}",
            list_columns(known)
        ),
    }
}
