//! Everything that can be wrong with an artifact, in the words of whoever has to mend it.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with an artifact. [`ArtifactError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file or folder of the store could not be read or written.
    #[error("Could not {action} `{}`", path.display())]
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
    /// A file is whole and cannot be used: another format, or a table with other columns.
    #[error("`{}` {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Expected and found, as the rest of a sentence.
        problem: String,
    },
    /// The artifact has no file of this name.
    #[error("`{}` has no file `{name}`", folder.display())]
    NoSuchFile {
        /// The artifact's folder.
        folder: PathBuf,
        /// The name asked for.
        name: String,
    },
    /// Arrow or Parquet could not read or write a file.
    #[error("Could not {action} the table `{}`", path.display())]
    Table {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file given by the user is not there.
    #[error("There is no file or folder `{}`", path.display())]
    NoSource {
        /// The path as given.
        path: PathBuf,
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
            Self::Damaged { path, .. } | Self::Unusable { path, .. } => Some(rebuild_hint(path)),
            Self::NoSuchFile { folder, .. } => Some(rebuild_hint(&folder.join("manifest.json"))),
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
            Self::NoSource { .. } => Some("Check the path; reviews are named with `--source PATH`, other files with their setting".to_owned()),
        }
    }
}

/// The store's layout tells the stage of any file in it: `store/<stage>/<key>/<file>`.
fn rebuild_hint(file: &Path) -> String {
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
