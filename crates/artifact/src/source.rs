//! Files from outside the store, named by their content like everything else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ArtifactError, Digest, DigestBuilder, SourceReference, Store, process_name};

/// Something from outside that a step reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file or folder of the user's.
    Path(PathBuf),
    /// A file on the internet whose content is known beforehand.
    Pinned {
        /// Where it is.
        url: String,
        /// SHA-256 of its content, 64 hex digits.
        sha256: String,
    },
}

/// Remembers digests of large files by path, size, time and inode, as git does, so that planning
/// does not read five gigabytes to learn that nothing changed.
pub struct SourceIndex {
    path: PathBuf,
    entries: BTreeMap<PathBuf, Remembered>,
    changed: bool,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified: i64,
    modified_nanoseconds: i64,
    changed: i64,
    changed_nanoseconds: i64,
    inode: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Remembered {
    stamp: Stamp,
    digest: Digest,
}

impl SourceIndex {
    /// The index kept beside a store. One that is missing or unreadable is an empty one: it only
    /// saves time.
    pub fn load(store: &Store) -> Self {
        let path = store.root().join("work").join("sources.json");
        let entries = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            path,
            entries,
            changed: false,
        }
    }

    /// The reference of a source: its name and the digest of its content.
    ///
    /// # Errors
    /// The file or folder is not there or cannot be read.
    pub fn reference(&mut self, source: &Source) -> Result<SourceReference, ArtifactError> {
        match source {
            Source::Pinned { url, sha256 } => Ok(SourceReference {
                name: url.rsplit('/').next().unwrap_or(url).to_owned(),
                digest: DigestBuilder::new()
                    .field("sha256", sha256.as_bytes())
                    .finish(),
            }),
            Source::Path(path) => Ok(SourceReference {
                name: path
                    .file_name()
                    .unwrap_or(path.as_os_str())
                    .to_string_lossy()
                    .into_owned(),
                digest: self.digest(path)?,
            }),
        }
    }

    /// Writes what was learned, if anything was.
    pub fn save(&self) {
        if !self.changed {
            return;
        }
        let temporary = self.path.with_extension(format!("json.{}", process_name()));
        let text = serde_json::to_vec(&self.entries).unwrap_or_default();
        let write = || -> io::Result<()> {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
            fs::write(&temporary, &text)?;
            fs::rename(&temporary, &self.path)
        };
        // The index only saves time, so a folder that refuses it is not worth an error here; the
        // stage's own output will meet the same refusal and report it.
        let _ = write();
    }

    fn digest(&mut self, path: &Path) -> Result<Digest, ArtifactError> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ArtifactError::NoSource {
                path: path.to_owned(),
            },
            _ => ArtifactError::io("read", path)(error),
        })?;
        if metadata.is_dir() {
            return digest_folder(path);
        }
        let path = fs::canonicalize(path).map_err(ArtifactError::io("read", path))?;
        let stamp = stamp(&metadata);
        if let Some(remembered) = self.entries.get(&path).filter(|entry| entry.stamp == stamp) {
            return Ok(remembered.digest);
        }
        let digest = Digest::of_file(&path).map_err(ArtifactError::io("read", &path))?;
        if is_settled(stamp) {
            self.entries.insert(path, Remembered { stamp, digest });
            self.changed = true;
        }
        Ok(digest)
    }
}

/// A folder is named by the names, lengths and times of the files in it: an unpacked aclImdb has
/// 100,000 of them, and reading each to learn that nothing changed would take a minute. Asking for
/// their lengths and times on all cores takes a tenth of a second.
fn digest_folder(folder: &Path) -> Result<Digest, ArtifactError> {
    let mut builder = DigestBuilder::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(current) = pending.pop() {
        let prefix = current.strip_prefix(folder).unwrap_or(&current);
        builder = builder.field("folder", prefix.as_os_str().as_encoded_bytes());
        for (name, metadata) in list(&current).map_err(ArtifactError::io("read", &current))? {
            if metadata.is_dir() {
                pending.push(current.join(name));
                continue;
            }
            let numbers = [
                metadata.len().cast_signed(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            ];
            builder = builder.field("name", name.as_encoded_bytes());
            builder = builder.field("stamp", numbers.map(i64::to_le_bytes).as_flattened());
        }
    }
    Ok(builder.finish())
}

/// What is in a folder, sorted by name.
fn list(folder: &Path) -> io::Result<Vec<(OsString, Metadata)>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut found = entries
        .into_par_iter()
        .with_min_len(256)
        .map(|entry| Ok((entry.file_name(), entry.metadata()?)))
        .collect::<io::Result<Vec<_>>>()?;
    found.sort_unstable_by(|one, two| one.0.cmp(&two.0));
    Ok(found)
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        bytes: metadata.len(),
        modified: metadata.mtime(),
        modified_nanoseconds: metadata.mtime_nsec(),
        changed: metadata.ctime(),
        changed_nanoseconds: metadata.ctime_nsec(),
        inode: metadata.ino(),
    }
}

/// Whether a file changed from now on would get another stamp. A clock of files may stand still for
/// some milliseconds, so that a file written just now could be written again and keep its times.
fn is_settled(stamp: Stamp) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    stamp
        .changed
        .checked_add(1)
        .is_some_and(|settled| settled < now.cast_signed())
}
