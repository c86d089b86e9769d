//! Reading an artifact: every file is verified before it is used.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::rebuild_hint;
use crate::{ArtifactError, Digest, FileEntry, MANIFEST_NAME, Manifest, Result, SourceIndex};

/// A complete artifact on disk.
#[derive(Clone, Debug)]
pub struct Artifact {
    folder: PathBuf,
    manifest: Manifest,
}

impl Artifact {
    /// Reads the manifest of a folder. Files are verified by [`Artifact::file`].
    ///
    /// # Errors
    /// The manifest is missing, damaged, or of another format.
    pub fn open(folder: &Path) -> Result<Self> {
        let manifest = Manifest::read(&folder.join(MANIFEST_NAME))?;
        let folder = folder.to_owned();
        Ok(Self { folder, manifest })
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The digest of its content, see [`Manifest::identity`].
    pub fn identity(&self) -> Digest {
        self.manifest.identity()
    }

    /// The path of a file, after its length and digest were verified.
    ///
    /// # Errors
    /// The artifact has no such file, or it is damaged.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        match self.manifest.file(name) {
            Some(entry) => self.verify_file(entry, hash_file),
            None => Err(ArtifactError::Unusable {
                message: format!("`{}` has no file `{name}`", self.folder.display()),
                hint: rebuild_hint(&self.folder.join(MANIFEST_NAME)),
            }),
        }
    }

    /// Verifies every file.
    ///
    /// # Errors
    /// Names the first damaged or missing file.
    pub fn verify(&self) -> Result<()> {
        self.verify_by(hash_file)
    }

    /// Verifies every file, and hashes only those that changed on disk since the index hashed them.
    ///
    /// # Errors
    /// Names the first damaged or missing file.
    pub fn verify_changed(&self, index: &mut SourceIndex) -> Result<()> {
        self.verify_by(|path| index.digest(path))
    }

    fn verify_by(
        &self,
        mut digest_of: impl FnMut(&Path) -> Result<Digest, ArtifactError>,
    ) -> Result<()> {
        let mut files = self.manifest.files.iter();
        files.try_for_each(|entry| self.verify_file(entry, &mut digest_of).map(drop))
    }

    fn verify_file(
        &self,
        entry: &FileEntry,
        digest_of: impl FnOnce(&Path) -> Result<Digest, ArtifactError>,
    ) -> Result<PathBuf> {
        let path = self.folder.join(&entry.name);
        let (length, expected) = match fs::metadata(&path) {
            Ok(metadata) => (metadata.len(), entry.bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ArtifactError::damaged(&path, "it is missing"));
            }
            Err(error) => return Err(ArtifactError::io("read", &path)(error)),
        };
        if length != expected {
            let reason = format!("it should have {expected} bytes and has {length}");
            return Err(ArtifactError::damaged(&path, reason));
        }
        let digest = digest_of(&path)?;
        if digest != entry.digest {
            let reason = format!("its digest should be {} and is {digest}", entry.digest);
            return Err(ArtifactError::damaged(&path, reason));
        }
        Ok(path)
    }
}

fn hash_file(path: &Path) -> Result<Digest> {
    Digest::of_file(path).map_err(ArtifactError::io("read", path))
}
