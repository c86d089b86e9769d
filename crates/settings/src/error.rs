//! What can be wrong with a pipeline file.

use std::error::Error;
use std::fmt::Display;
use std::io;

use artifact::{Failure, StageName};

/// Why something failed.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// A mistake in `pipeline.toml` or in an override of it, or a file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    message: String,
    source: Option<Cause>,
    hint: Option<String>,
}

impl SettingsError {
    /// An error without a cause and a hint.
    pub(crate) fn new(message: String) -> Self {
        Self {
            message,
            source: None,
            hint: None,
        }
    }

    /// Something was asked of a variant that is not there.
    pub fn unknown_variant(stage: StageName, name: &str, known: &[String]) -> Self {
        Self::new(format!("The stage `{stage}` has no variant `{name}`"))
            .with_hint(suggest(name, known))
    }

    /// Adds why it failed.
    pub(crate) fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Adds what to do about it.
    pub(crate) fn with_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        self.hint.clone()
    }

    /// Whether the file itself could not be read.
    pub fn is_unreadable(&self) -> bool {
        let cause = self.source.as_ref();
        cause.is_some_and(|cause| cause.is::<io::Error>())
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
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate.as_str()))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|one, two| one.0.total_cmp(&two.0))
        .map(|(_, candidate)| candidate)
}
