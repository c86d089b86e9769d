//! Errors of tasks, with cause, hint and exit code.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The result of a task.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a task failed.
#[derive(Debug, Default)]
pub(crate) struct Error {
    message: String,
    cause: Option<Cause>,
    hint: Option<String>,
    /// The exit code of a failed command, which has already printed its error. xtask exits with the same code.
    pub(crate) exit: Option<ExitCode>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    pub(crate) fn with_cause(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_exit(mut self, exit: Option<ExitCode>) -> Self {
        self.exit = exit;
        self
    }

    /// For `map_err`: `Failed to {action} {path}`.
    pub(crate) fn file(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let error = Self::new(format!("Failed to {action} `{}`", path.display()));
        move |source| match is_disk_full(&source) {
            true => error.with_cause(source).with_hint(DISK_FULL),
            false => error.with_cause(source),
        }
    }

    /// For `map_err`: an error while reading or unpacking an archive.
    pub(crate) fn archive(archive: &Path) -> impl FnOnce(io::Error) -> Self {
        let error = Self::new(format!("Failed to unpack `{}`", archive.display()));
        let damaged = delete_hint(archive);
        move |source| match is_disk_full(&source) {
            true => error.with_cause(source).with_hint(DISK_FULL),
            false => error.with_cause(source).with_hint(damaged),
        }
    }

    /// The archive does not contain an expected member.
    pub(crate) fn member(archive: &Path, member: &str) -> Self {
        let path = archive.display();
        Self::new(format!("`{path}` does not contain `{member}`")).with_hint(delete_hint(archive))
    }

    /// The hint, if there is one.
    #[cfg(test)]
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The error with its causes and its hint, as lines of text.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("error: {self}\n");
        let cause = self.cause.as_deref();
        let mut cause = cause.map(|cause| cause as &dyn std::error::Error);
        while let Some(error) = cause {
            text += &format!("  cause: {error}\n");
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("  hint: {hint}\n"));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The hint for a damaged archive.
pub(crate) fn delete_hint(archive: &Path) -> String {
    let archive = archive.display();
    format!("Delete `{archive}` and run `cargo xtask setup` again")
}

pub(crate) const DISK_FULL: &str = "Free some space (the cpu set-up needs 2 GB, the cuda set-up 7 GB), \
    or set RESSENTI_CACHE to a folder on a larger disk";

fn is_disk_full(error: &io::Error) -> bool {
    [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_damaged_archive_have_different_hints() {
        let hint = |kind: io::ErrorKind| {
            let error = Error::archive(Path::new("torch.whl"))(kind.into());
            error
                .hint()
                .expect("an archive error has a hint")
                .to_owned()
        };
        assert!(hint(io::ErrorKind::StorageFull).contains("RESSENTI_CACHE"));
        assert!(hint(io::ErrorKind::InvalidData).contains("Delete `torch.whl`"));
    }
}
