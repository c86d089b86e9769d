//! Files and folders outside the store, identified by their content.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ArtifactError, Digest, DigestBuilder, Result, SourceReference, Store, process_name};

/// A file or folder outside the store that a step reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A local file or folder.
    Path(PathBuf),
    /// A file on the internet with a known digest.
    Pinned {
        /// Its address.
        url: String,
        /// SHA-256 of its content, 64 hex digits.
        sha256: String,
    },
}

/// A cache of digests of files and folders by path, size, times and inode, as in git: planning does not read unchanged
/// files again.
pub struct SourceIndex {
    path: PathBuf,
    entries: BTreeMap<PathBuf, CacheEntry>,
    changed: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct CacheEntry {
    /// Digest of the sizes, times and inodes of the file, or of all files of the folder.
    stamp: Digest,
    digest: Digest,
}

impl SourceIndex {
    /// Reads the index of a store. A missing or damaged index counts as empty, because it only saves time.
    pub fn load(store: &Store) -> Self {
        let path = store.root().join("work").join("sources.json");
        let read = || serde_json::from_slice(&fs::read(&path).ok()?).ok();
        let entries = read().unwrap_or_default();
        Self {
            path,
            entries,
            changed: false,
        }
    }

    /// The name of a source and the digest of its content.
    ///
    /// # Errors
    /// The file or folder does not exist or cannot be read.
    pub fn reference(&mut self, source: &Source) -> Result<SourceReference> {
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
        // The index only saves time, so a failure is ignored here; the stage reports it when it writes its output.
        let _ = write();
    }

    /// The digest of the content of a file or folder.
    pub(crate) fn digest(&mut self, path: &Path) -> Result<Digest> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ArtifactError::Unusable {
                message: format!("There is no file or folder `{}`", path.display()),
                hint: "Check the path; set the reviews with `--source PATH`, other files with their setting".to_owned(),
            },
            _ => ArtifactError::io("read", path)(error),
        })?;
        let path = fs::canonicalize(path).map_err(ArtifactError::io("read", path))?;
        let files = match metadata.is_dir() {
            true => files_below(&path)?,
            false => vec![(PathBuf::new(), metadata.clone())],
        };
        let stamp = stamp(&files);
        if let Some(cached) = self.entries.get(&path).filter(|entry| entry.stamp == stamp) {
            return Ok(cached.digest);
        }
        let digest = match metadata.is_dir() {
            true => digest_folder(&path, &files)?,
            false => Digest::of_file(&path).map_err(ArtifactError::io("read", &path))?,
        };
        if files.iter().all(|(_, metadata)| is_settled(metadata)) {
            self.entries.insert(path, CacheEntry { stamp, digest });
            self.changed = true;
        }
        Ok(digest)
    }
}

/// All files and folders below a folder, with relative paths, in a fixed order.
fn files_below(folder: &Path) -> Result<Vec<(PathBuf, Metadata)>> {
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

/// The digest of the names and contents of all files in a folder. Of links and special files only the names count,
/// because readers of folders do not open them.
fn digest_folder(folder: &Path, files: &[(PathBuf, Metadata)]) -> Result<Digest> {
    let digest = |(path, metadata): &(PathBuf, Metadata)| {
        let file = folder.join(path);
        let digest = metadata.is_file().then(|| Digest::of_file(&file));
        digest.transpose().map_err(ArtifactError::io("read", &file))
    };
    let contents: Result<Vec<Option<Digest>>> = files.par_iter().map(digest).collect();
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

/// The entries of a folder, sorted by name.
fn list(folder: &Path) -> io::Result<Vec<(OsString, Metadata)>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let entries = entries.into_par_iter().with_min_len(256);
    let found = entries.map(|entry| Ok((entry.file_name(), entry.metadata()?)));
    let mut found = found.collect::<io::Result<Vec<_>>>()?;
    found.sort_unstable_by(|one, two| one.0.cmp(&two.0));
    Ok(found)
}

/// Digest of the sizes, times and inodes of files; takes 0.1 s for 100,000 files.
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

/// Whether any later change of the file will change its stamp. File times have a resolution of some milliseconds, so a
/// file that was just written could be written again with the same times.
fn is_settled(metadata: &Metadata) -> bool {
    let now = UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    metadata.ctime().saturating_add(1) < now.cast_signed()
}
