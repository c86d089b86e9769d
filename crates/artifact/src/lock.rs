//! One process at a time: for a step, a file's prediction, a shard. The lock is the operating system's
//! (`flock`), so it ends with the process and never goes stale. On a shared file system it holds between
//! machines if the file system supports that, see docs/cluster.md.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::ArtifactError;
use crate::host::this_process;

/// An exclusive lock on a file, released when dropped. The file names the holder.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock, waiting for another process that holds it. `on_wait` is told the holder, once.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub fn acquire(path: &Path, on_wait: impl FnOnce(&str)) -> Result<Self, ArtifactError> {
        if let Some(lock) = Self::try_acquire(path)? {
            return Ok(lock);
        }
        if let Some(holder) = Self::holder(path) {
            on_wait(&holder);
        }
        let file = open(path)?;
        file.lock().map_err(ArtifactError::io("lock", path))?;
        Self::hold(file, path)
    }

    /// Takes the lock; `None` if another process holds it.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, ArtifactError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Self::hold(file, path).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(ArtifactError::io("lock", path)(error)),
        }
    }

    /// The process that holds the lock now; `None` if there is none. Does not create the lock file.
    pub fn holder(path: &Path) -> Option<String> {
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Whose name cannot be read has it all the same.
                let _ = file.read_to_string(&mut holder);
                Some(holder.trim().to_owned())
            }
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }

    /// Says who has it.
    fn hold(mut file: File, path: &Path) -> Result<Self, ArtifactError> {
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", this_process()))
            .map_err(ArtifactError::io("write", path))?;
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> Result<File, ArtifactError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(ArtifactError::io("create", parent))?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(ArtifactError::io("open", path))
}
