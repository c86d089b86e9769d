//! Writing an artifact: into a pending folder, which is then renamed into the store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{
    Artifact, ArtifactError, Contract, Digest, FileEntry, FileLock, FileRole, InputReference, Key,
    MANIFEST_NAME, Manifest, Result, RunInfo, SourceReference, StageName, Store, process_name,
};

/// A file that a stage wrote into its pending folder.
#[derive(Clone, Debug)]
pub struct OutputFile {
    /// Name in the folder.
    pub name: String,
    /// Data or record.
    pub role: FileRole,
    /// Number of rows of a table.
    pub rows: Option<u64>,
}

impl OutputFile {
    /// A data file.
    pub fn data(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: FileRole::Data,
            rows: None,
        }
    }

    /// A data table with this number of rows.
    pub fn table(name: impl Into<String>, rows: u64) -> Self {
        Self {
            rows: Some(rows),
            ..Self::data(name)
        }
    }

    /// A record of this run, for example timings; not part of the identity.
    pub fn record(name: impl Into<String>) -> Self {
        Self {
            role: FileRole::Record,
            ..Self::data(name)
        }
    }
}

/// File extension of resume directories.
pub(crate) const RESUME_EXTENSION: &str = "kept";

/// An unfinished artifact, which holds the lock of its step. If it is dropped before [`PendingArtifact::commit`], its
/// folder is deleted; after a kill, the next run of the step deletes the folder.
pub struct PendingArtifact {
    stage: StageName,
    key: Key,
    folder: PathBuf,
    destination: PathBuf,
    discarded: PathBuf,
    resume_directory: PathBuf,
    _lock: FileLock,
}

impl Store {
    /// Creates the pending folder of a step.
    ///
    /// # Errors
    /// The folder cannot be deleted or created.
    pub fn begin(&self, stage: StageName, key: Key, lock: FileLock) -> Result<PendingArtifact> {
        let folder = self.work_path(stage, &key);
        let mut discarded = folder.with_extension("discarded");
        remove_folder(&folder)?;
        if remove_folder(&discarded).is_err() {
            // On a network file system a folder cannot be deleted while a process has one of its files open.
            discarded = folder.with_extension(format!("discarded-{}", process_name()));
        }
        fs::create_dir_all(&folder).map_err(ArtifactError::io("create", &folder))?;
        Ok(PendingArtifact {
            stage,
            key,
            resume_directory: self.resume_directory(stage, &key),
            destination: self.folder(stage, &key),
            folder,
            discarded,
            _lock: lock,
        })
    }
}

impl PendingArtifact {
    /// The pending folder, for the files of the output.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of the resume directory, which survives a kill and is deleted on commit. It may not exist.
    pub fn resume_directory(&self) -> &Path {
        &self.resume_directory
    }

    /// Flushes and hashes the files, writes the manifest, and renames the folder into the store.
    ///
    /// # Errors
    /// A declared file is missing, or a file cannot be written; then the previous artifact stays.
    pub fn commit(
        self,
        settings: serde_json::Value,
        inputs: Vec<InputReference>,
        sources: Vec<SourceReference>,
        contract: Contract,
        outputs: &[OutputFile],
        run: RunInfo,
    ) -> Result<Artifact> {
        let files = outputs.iter().map(|output| self.sync_and_hash(output));
        let mut files = files.collect::<Result<Vec<FileEntry>>>()?;
        files.sort_by(|one, two| one.name.cmp(&two.name));
        let manifest = Manifest {
            format: Manifest::FORMAT,
            stage: self.stage,
            stage_version: self.stage.version(),
            key: self.key,
            settings,
            inputs,
            sources,
            contract,
            files,
            run,
        };
        let path = self.folder.join(MANIFEST_NAME);
        fs::write(&path, manifest.to_sealed_text()).map_err(ArtifactError::io("write", &path))?;
        sync(&path)?;
        sync(&self.folder)?;
        self.move_into_place()?;
        remove_folder(&self.resume_directory)?;
        Artifact::open(&self.destination)
    }

    fn sync_and_hash(&self, output: &OutputFile) -> Result<FileEntry> {
        let path = self.folder.join(&output.name);
        sync(&path)?;
        let metadata = fs::metadata(&path).map_err(ArtifactError::io("read", &path))?;
        Ok(FileEntry {
            name: output.name.clone(),
            role: output.role,
            bytes: metadata.len(),
            rows: output.rows,
            digest: Digest::of_file(&path).map_err(ArtifactError::io("read", &path))?,
        })
    }

    /// Renames the folder into the store. A folder cannot be renamed over another, so an existing artifact with the
    /// same key (damaged, or built again by force) is renamed first. After a kill between both renames the step is
    /// stale.
    fn move_into_place(&self) -> Result<()> {
        let (from, to) = (&self.folder, &self.destination);
        let parent = to.parent().unwrap_or(to);
        fs::create_dir_all(parent).map_err(ArtifactError::io("create", parent))?;
        if to.exists() {
            fs::rename(to, &self.discarded).map_err(ArtifactError::io("rename", to))?;
        }
        fs::rename(from, to).map_err(ArtifactError::io("rename", from))?;
        sync(parent)?;
        // The old artifact cannot be deleted while a process reads it; then the next run or `gc` deletes it.
        let _ = remove_folder(&self.discarded);
        Ok(())
    }
}

impl Drop for PendingArtifact {
    fn drop(&mut self) {
        // After a commit there is no such folder. If the deletion fails, the next run of the step tries again.
        let _ = remove_folder(&self.folder);
    }
}

/// Flushes a file or folder to the disk, not only to the cache of the operating system.
pub fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(ArtifactError::io("sync", path))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ArtifactError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}
