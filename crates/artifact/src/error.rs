//! Errors of artifacts, for people.

use std::io;
use std::path::{Path, PathBuf};

/// The result of an operation on artifacts.
pub type Result<T, E = ArtifactError> = std::result::Result<T, E>;

/// An error of an artifact. [`ArtifactError::hint`] tells how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file or folder cannot be read or written.
    #[error("Failed to {action} `{}`", path.display())]
    Io {
        /// The action: "read", "write", "rename" ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file does not match its manifest, or cannot be parsed.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Arrow or Parquet cannot read or write a file.
    #[error("Failed to {action} the table `{}`", path.display())]
    Table {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the library.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file is missing, or is complete but cannot be used.
    #[error("{message}")]
    Unusable {
        /// What is wrong.
        message: String,
        /// How to fix it.
        hint: String,
    },
}

impl ArtifactError {
    /// An I/O error of a path: `map_err(ArtifactError::io("read", path))`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// A damaged file.
    pub fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// A complete file that cannot be used, for example because of its format or columns. `problem` continues a
    /// sentence that begins with the name of the file.
    pub(crate) fn unusable(path: &Path, problem: &str) -> Self {
        Self::Unusable {
            message: format!("`{}` {problem}", path.display()),
            hint: rebuild_hint(path),
        }
    }

    /// An error of Arrow or Parquet for a path.
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

    /// How to fix it, with an existing command.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { path, .. } => Some(rebuild_hint(path)),
            Self::Unusable { hint, .. } => Some(hint.clone()),
            Self::Io { action, source, .. } if *action != "read" => match source.kind() {
                io::ErrorKind::StorageFull => {
                    Some("Free some disk space and run the same command again; finished work is saved".to_owned())
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(
                    "Choose another folder with `--set pipeline.artifacts=FOLDER`, or make this folder writable".to_owned(),
                ),
                _ => None,
            },
            Self::Io { .. } | Self::Table { .. } => None,
        }
    }
}

/// Hint for a damaged file; the path `store/<stage>/<key>/<file>` contains the stage.
pub(crate) fn rebuild_hint(file: &Path) -> String {
    let stage = file.ancestors().nth(2).and_then(Path::file_name);
    match stage.and_then(|name| name.to_str()?.parse::<crate::StageName>().ok()) {
        Some(stage) => format!("Rebuild the damaged output with `ressenti run --only {stage}`"),
        None => "Rebuild the damaged output with `ressenti run`".to_owned(),
    }
}
