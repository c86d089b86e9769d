//! What can be wrong with a pipeline file.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use artifact::{Failure, StageName};

/// A mistake in `pipeline.toml` or in an override of it.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("Could not read the pipeline file `{}`", path.display())]
    Read {
        /// The file as given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML, or has a table, key or value that does not exist.
    #[error("The pipeline file `{}` cannot be understood", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value given with `--set` does not fit.
    #[error("The setting `{setting}` given with `--set` does not fit")]
    Override {
        /// As given.
        setting: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value is understood and makes no sense.
    #[error("`{key}` {problem}")]
    Value {
        /// The dotted key.
        key: String,
        /// What is wrong with it, as the rest of the sentence.
        problem: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Something was asked of a variant that is not there.
    #[error("The stage `{stage}` has no variant `{name}`")]
    UnknownVariant {
        /// The stage.
        stage: StageName,
        /// The name given.
        name: String,
        /// The names that are there.
        known: Vec<String>,
    },
}

impl SettingsError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("Name the pipeline file with `--pipeline FILE`".to_owned()),
            Self::Parse { .. } => None,
            Self::Override { .. } => Some(
                "An override is `--set table.key=value`, with the names of the pipeline file"
                    .to_owned(),
            ),
            Self::Value { hint, .. } => hint.clone(),
            Self::UnknownVariant { name, known, .. } => Some(suggest(name, known)),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}

/// A sentence that names the known name nearest to a misspelled one, and all that are known.
pub fn suggest(name: &str, known: &[String]) -> String {
    let list = list(known);
    match nearest(name, known) {
        Some(close) => format!("Did you mean `{close}`? There are {list}"),
        None if known.is_empty() => "There are none".to_owned(),
        None => format!("There are {list}"),
    }
}

/// Names as they stand in a sentence.
pub(crate) fn list<T: Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The known name that a misspelled one was probably meant to be.
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|one, two| one.0.total_cmp(&two.0))
        .map(|(_, candidate)| candidate.as_str())
}
