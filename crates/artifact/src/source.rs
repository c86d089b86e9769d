//! Files from outside the store, named by their content like everything else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

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

/// Remembers digests of files and folders by path, size, times and inode, as git does, so that planning
/// does not read five gigabytes, or 100,000 files, to learn that nothing changed.
pub struct SourceIndex {
    path: PathBuf,
    entries: BTreeMap<PathBuf, Remembered>,
    changed: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Remembered {
    /// What the system says of the file, or of all files in the folder.
    stamp: Digest,
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
        let (name, digest) = match source {
            Source::Pinned { url, sha256 } => {
                let digest = DigestBuilder::new().field("sha256", sha256.as_bytes());
                let name = url.rsplit('/').next().unwrap_or(url);
                (name.into(), digest.finish())
            }
            Source::Path(path) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                (name.to_string_lossy(), self.digest(path)?)
            }
        };
        let name = name.into_owned();
        Ok(SourceReference { name, digest })
    }

    /// Writes the index if it changed, without files that no longer exist.
    pub fn save(&mut self) {
        if !self.changed {
            return;
        }
        self.entries.retain(|path, _| path.exists());
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

    /// The digest of the content of a file or folder.
    pub(crate) fn digest(&mut self, path: &Path) -> Result<Digest, ArtifactError> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ArtifactError::Unusable {
                message: format!("There is no file or folder `{}`", path.display()),
                hint: "Check the path; reviews are named with `--source PATH`, other files with their setting".to_owned(),
            },
            _ => ArtifactError::io("read", path)(error),
        })?;
        let path = fs::canonicalize(path).map_err(ArtifactError::io("read", path))?;
        let files = match metadata.is_dir() {
            true => files_below(&path)?,
            false => vec![(PathBuf::new(), metadata.clone())],
        };
        let stamp = stamp(&files);
        if let Some(remembered) = self.entries.get(&path).filter(|entry| entry.stamp == stamp) {
            return Ok(remembered.digest);
        }
        let digest = match metadata.is_dir() {
            true => digest_folder(&path, &files)?,
            false => Digest::of_file(&path).map_err(ArtifactError::io("read", &path))?,
        };
        if files.iter().all(|(_, metadata)| is_settled(metadata)) {
            self.entries.insert(path, Remembered { stamp, digest });
            self.changed = true;
        }
        Ok(digest)
    }
}

/// The files and folders below a folder, by their paths in it, in an order that is always the same.
fn files_below(folder: &Path) -> Result<Vec<(PathBuf, Metadata)>, ArtifactError> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(current) = pending.pop() {
        let whole = folder.join(&current);
        for (name, metadata) in list(&whole).map_err(ArtifactError::io("read", &whole))? {
            let path = current.join(name);
            if metadata.is_dir() {
                pending.push(path.clone());
            }
            found.push((path, metadata));
        }
    }
    Ok(found)
}

/// The digest of the names and contents of all files in a folder. Links and special files count with their names
/// only, because no reader of a folder follows or opens them.
fn digest_folder(folder: &Path, files: &[(PathBuf, Metadata)]) -> Result<Digest, ArtifactError> {
    let contents: Result<Vec<Option<Digest>>, ArtifactError> = files
        .par_iter()
        .map(|(path, metadata)| {
            let whole = folder.join(path);
            let digest = metadata.is_file().then(|| Digest::of_file(&whole));
            digest
                .transpose()
                .map_err(ArtifactError::io("read", &whole))
        })
        .collect();
    let mut builder = DigestBuilder::new();
    for ((path, metadata), content) in files.iter().zip(contents?) {
        let path = path.as_os_str().as_encoded_bytes();
        builder = match content {
            Some(content) => builder
                .field("name", path)
                .field("content", content.to_hex().as_bytes()),
            None if metadata.is_dir() => builder.field("folder", path),
            None => builder.field("special", path),
        };
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

/// What changes as soon as one of the files does. Asking 100,000 files takes a tenth of a second.
fn stamp(files: &[(PathBuf, Metadata)]) -> Digest {
    let mut builder = DigestBuilder::new();
    for (path, metadata) in files {
        let numbers = [
            metadata.len().cast_signed(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
            metadata.ino().cast_signed(),
        ];
        builder = builder
            .field("name", path.as_os_str().as_encoded_bytes())
            .field("stamp", numbers.map(i64::to_le_bytes).as_flattened());
    }
    builder.finish()
}

/// Whether a file changed from now on would get another stamp. A clock of files may stand still for
/// some milliseconds, so that a file written just now could be written again and keep its times.
fn is_settled(metadata: &Metadata) -> bool {
    let now = UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    metadata.ctime().saturating_add(1) < now.cast_signed()
}
