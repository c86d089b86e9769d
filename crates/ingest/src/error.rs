//! What can keep reviews from being read, in the words of whoever has to mend it.

use std::io;
use std::path::{Path, PathBuf};

use artifact::{ArtifactError, Sentiment};
use artifact::{Failure, format};
use settings::nearest;

use crate::limit::TooLarge;
use crate::row::NOT_UTF_8;

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
    /// A further file has other columns than the first.
    #[error("`{}` has other columns than the first file", path.display())]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// The columns of the first.
        expected: Vec<String>,
        /// Its columns.
        found: Vec<String>,
    },
    /// Only files of rows can be looked at.
    #[error("`{}` is a folder or an archive, and only files of rows can be inspected", path.display())]
    NotRows {
        /// What was named.
        path: PathBuf,
    },
    /// Only files of rows can be predicted.
    #[error("`{}` is a folder or an archive, and a file of rows was expected", path.display())]
    NoTable {
        /// What was named.
        path: PathBuf,
    },
    /// Settings that contradict the source or each other.
    #[error("`{setting}` {problem}")]
    Setting {
        /// The dotted key.
        setting: &'static str,
        /// What is wrong, as the rest of the sentence.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// The rest of a file stands between quotes.
    #[error("`{}` has a quote that opens on line {line} and never closes", path.display())]
    OpenQuote {
        /// The file.
        path: PathBuf,
        /// Where the row begins that has it, from 1.
        line: u64,
    },
    /// More members than any archive of reviews has.
    #[error("`{}` has more than {} reviews, the most that are read from an archive", path.display(), format::count(*limit))]
    TooManyMembers {
        /// The archive or folder.
        path: PathBuf,
        /// The limit.
        limit: u64,
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
    /// A later row contradicts the scale that the first rows told.
    #[error(
        "`{}` has the rating {rating} on line {line}, and its first rows told a scale from {low} to {high}: every label may be wrong",
        path.display()
    )]
    OffScale {
        /// The file.
        path: PathBuf,
        /// Where the row begins, from 1.
        line: u64,
        /// Its rating.
        rating: f32,
        /// The lowest rating of the scale.
        low: f64,
        /// The highest.
        high: f64,
    },
    /// Every labelled review has the same label.
    #[error("All {} labelled reviews are {class}: a classifier cannot be trained on one class", format::count(*rows))]
    OneClass {
        /// Labelled reviews.
        rows: u64,
        /// Their class.
        class: Sentiment,
    },
    /// Nothing was accepted.
    #[error("No review of `{}` was accepted; {} were set aside", path.display(), format::plural(*set_aside, "row", "rows"))]
    NothingAccepted {
        /// The source.
        path: PathBuf,
        /// Rows that a setting set aside.
        set_aside: u64,
    },
    /// The source could not be fetched.
    #[error("Could not download `{url}`: {problem}")]
    Download {
        /// Its address.
        url: String,
        /// What happened.
        problem: String,
        /// Why, where a library says so.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What was fetched is not what was pinned.
    #[error("The content of `{url}` has the SHA-256 `{found}`, and `{expected}` was expected")]
    OtherContent {
        /// Its address.
        url: String,
        /// The pinned digest.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// There is no folder to download to.
    #[error("There is no cache folder to download to")]
    NoCache,
    /// The output could not be written.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl IngestError {
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
            Self::NotRows { path } | Self::NoTable { path } | Self::NothingThere { path, .. }
                if files_in(path).is_some() => files_in(path),
            Self::NotRows { .. } => Some(
                "The aclImdb set needs no look: run it with `ressenti run --pipeline pipelines/imdb.toml --source PATH`"
                    .to_owned(),
            ),
            Self::NoTable { .. } => Some(
                "Name a CSV, JSON or Parquet file with `--input FILE`, plain or packed with gzip, zstd or zip".to_owned(),
            ),
            Self::OtherColumns { expected, found, .. } => Some(format!(
                "Read files of one shape together: the first has {}, this one has {}",
                list_columns(expected),
                list_columns(found)
            )),
            Self::Setting { hint, .. } => Some((*hint).to_owned()),
            Self::OpenQuote { .. } => Some(
                "Close the quote in the file; if the file does not quote its fields, read it with `--set ingest.quotes=false`".to_owned(),
            ),
            Self::TooManyRejected { reasons, .. } => Some(hint_for_rejected(reasons)),
            Self::OffScale { .. } => Some(
                "Say which rating is neither good nor bad with `--set ingest.rating.centre=NUMBER`, or with `centre` in \
                 `[ingest.rating]` of the pipeline file".to_owned(),
            ),
            Self::OneClass { .. } => Some("Check `[ingest.labels]` or `[ingest.rating]`, or take a source with both classes".to_owned()),
            Self::NothingAccepted { .. } => Some("Check `[ingest.rating]`: its dead zone sets rows aside".to_owned()),
            Self::Download { url, .. } => Some(format!("Run the same command again to go on where it stopped, or download `{url}` by hand and pass `--source PATH`")),
            Self::OtherContent { url, .. } => Some(format!("Check `ingest.download.sha256`, or download `{url}` by hand and pass `--source PATH`")),
            Self::NoCache => Some("Set `HOME` or `RESSENTI_CACHE`, or download the file by hand and pass `--source PATH`".to_owned()),
            Self::NothingThere { .. } | Self::TooManyMembers { .. } => Some("Check the path, or name another with `--source PATH`".to_owned()),
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
fn files_in(path: &Path) -> Option<String> {
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

fn list_columns(known: &[String]) -> String {
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
