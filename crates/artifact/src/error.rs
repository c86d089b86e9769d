//! Everything that can be wrong with an artifact, in the words of whoever has to mend it.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with an artifact. [`ArtifactError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file or folder of the store could not be read or written.
    #[error("Failed to {action} `{}`", path.display())]
    Io {
        /// What was attempted: "read", "write", "rename" ...
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file is not what its manifest says.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Expected and found.
        reason: String,
    },
    /// Arrow or Parquet could not read or write a file.
    #[error("Failed to {action} the table `{}`", path.display())]
    Table {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was asked for is not there, or is whole and cannot be used.
    #[error("{message}")]
    Unusable {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

impl ArtifactError {
    /// An I/O error with its path: `map_err(ArtifactError::io("read", path))`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// A damaged file, and what was found in it.
    pub fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// A file that is whole and cannot be used: another format, or a table with other columns. `problem` is the rest
    /// of a sentence that begins with its name.
    pub(crate) fn unusable(path: &Path, problem: &str) -> Self {
        Self::Unusable {
            message: format!("`{}` {problem}", path.display()),
            hint: rebuild_hint(path),
        }
    }

    /// A table error with its path.
    pub fn table<E>(action: &'static str, path: &Path) -> impl Fn(E) -> Self + use<E>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let path = path.to_owned();
        move |source| Self::Table {
            action,
            path: path.clone(),
            source: Box::new(source),
        }
    }

    /// What to do about it, with a command that exists.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { path, .. } => Some(rebuild_hint(path)),
            Self::Unusable { hint, .. } => Some(hint.clone()),
            Self::Io { action, source, .. } if *action != "read" => match source.kind() {
                io::ErrorKind::StorageFull => {
                    Some("Free some disk space and run the same command again: what was finished is kept".to_owned())
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(
                    "Choose another folder with `--set pipeline.artifacts=FOLDER`, or make this one writable".to_owned(),
                ),
                _ => None,
            },
            Self::Io { .. } | Self::Table { .. } => None,
        }
    }
}

/// The store's layout tells the stage of any file in it: `store/<stage>/<key>/<file>`.
pub(crate) fn rebuild_hint(file: &Path) -> String {
    let stage = file
        .ancestors()
        .nth(2)
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    match stage.and_then(|name| name.parse::<crate::StageName>().ok()) {
        Some(stage) => format!("Rebuild what is damaged with `ressenti run --only {stage}`"),
        None => "Rebuild what is damaged with `ressenti run`".to_owned(),
    }
}
