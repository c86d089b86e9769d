//! Locks for work that only one process may do at a time: a step, the prediction of a file, a shard. They are locks of
//! the operating system (`flock`), so they end with the process and never become stale. On a shared file system they
//! also work between machines if the file system supports it, see docs/cluster.md.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::host::describe_process;
use crate::{ArtifactError, Result};

/// An exclusive lock on a file, released when dropped. The file contains the name of the holder.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Acquires the lock. If another process holds it, calls `on_wait` once with the name of the holder, and waits.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub fn acquire(path: &Path, on_wait: impl FnOnce(&str)) -> Result<Self> {
        if let Some(lock) = Self::try_acquire(path)? {
            return Ok(lock);
        }
        if let Some(holder) = Self::holder(path) {
            on_wait(&holder);
        }
        let file = open(path)?;
        file.lock().map_err(ArtifactError::io("lock", path))?;
        Self::write_holder(file, path)
    }

    /// Acquires the lock; `None` if another process holds it.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Self::write_holder(file, path).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(ArtifactError::io("lock", path)(error)),
        }
    }

    /// The process that holds the lock; `None` if no process does. Does not create the lock file.
    pub fn holder(path: &Path) -> Option<String> {
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Without a readable name the holder is an empty text.
                let _ = file.read_to_string(&mut holder);
                Some(holder.trim().to_owned())
            }
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }

    /// Writes the name of this process into the locked file.
    fn write_holder(mut file: File, path: &Path) -> Result<Self> {
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", describe_process()))
            .map_err(ArtifactError::io("write", path))?;
        Ok(Self { _file: file })
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(ArtifactError::io("create", parent))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(ArtifactError::io("open", path))
}
