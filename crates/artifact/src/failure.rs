//! A failure for people: message, causes, hint and exit code.

use std::error::Error;
use std::fmt;

use crate::ArtifactError;

/// Kind of a failure, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The user can fix it: wrong data or settings, a missing artifact. Exit code 1.
    Fixable,
    /// The arguments of the command are wrong. Exit code 2.
    Usage,
    /// A transient error that a new process may not meet, such as a lost GPU. Exit code 75.
    Transient,
    /// The user stopped the process, and its state is saved. Exit code 130.
    Interrupted,
}

/// A failure with its causes and a hint.
#[derive(Debug)]
pub struct Failure {
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
    kind: FailureKind,
}

impl Failure {
    /// A failure that the user can fix. The message is one sentence without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            error: message.into().into(),
            hint: None,
            kind: FailureKind::Fixable,
        }
    }

    /// A failure from an error; its sources become the causes.
    pub fn from_error(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            error: Box::new(error),
            hint: None,
            kind: FailureKind::Fixable,
        }
    }

    /// Adds a cause.
    pub fn with_cause(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (message, source) = (self.error.to_string(), cause.into());
        let error = Box::new(ErrorWithCause { message, source });
        Self { error, ..self }
    }

    /// Adds a message, of which this failure is the cause. The hint and the kind stay the same.
    pub fn context(self, message: impl Into<String>) -> Self {
        let (hint, kind) = (self.hint, self.kind);
        let failure = Self::new(message).with_cause(self.error);
        failure.with_hint(hint).with_kind(kind)
    }

    /// Sets the hint. Commands in it must exist.
    pub fn with_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Sets the kind.
    pub fn with_kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }

    /// The message and its causes, without repetition.
    pub fn chain(&self) -> Vec<String> {
        let mut lines = vec![self.error.to_string()];
        let mut cause = self.error.source();
        while let Some(error) = cause {
            lines.push(error.to_string());
            cause = error.source();
        }
        lines.dedup();
        lines
    }

    /// How to fix it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The kind of the failure.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The exit code of the process.
    pub fn code(&self) -> u8 {
        match self.kind {
            FailureKind::Fixable => 1,
            FailureKind::Usage => 2,
            FailureKind::Transient => 75,
            FailureKind::Interrupted => 130,
        }
    }
}

/// A message with its cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct ErrorWithCause {
    message: String,
    source: Box<dyn Error + Send + Sync>,
}

/// Only the message; see [`Failure::chain`] for the causes.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        let hint = error.hint();
        Self::from_error(error).with_hint(hint)
    }
}
