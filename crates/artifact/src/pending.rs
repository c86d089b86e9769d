//! Writing an artifact: into a folder nobody reads, then into place by one rename.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{
    Artifact, ArtifactError, Contract, Digest, FileEntry, FileLock, FileRole, InputReference, Key,
    MANIFEST_NAME, Manifest, RunInfo, SourceReference, StageName, Store, process_name,
};

/// A file that a stage has written into its pending folder.
#[derive(Clone, Debug)]
pub struct OutputFile {
    /// Name inside the folder.
    pub name: String,
    /// Content or record.
    pub role: FileRole,
    /// Rows, for a table.
    pub rows: Option<u64>,
}

impl OutputFile {
    /// A content file.
    pub fn data(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: FileRole::Data,
            rows: None,
        }
    }

    /// A content table of this many rows.
    pub fn table(name: impl Into<String>, rows: u64) -> Self {
        Self {
            rows: Some(rows),
            ..Self::data(name)
        }
    }

    /// A record of this run: timings and the like, outside the identity.
    pub fn record(name: impl Into<String>) -> Self {
        Self {
            role: FileRole::Record,
            ..Self::data(name)
        }
    }
}

/// How the name of a folder ends that survives a kill.
pub(crate) const RESUME_EXTENSION: &str = "kept";

/// An artifact under way. It holds the step's lock; dropped before [`PendingArtifact::commit`], it
/// leaves nothing behind, and killed, it leaves a folder that the next run of the step clears away.
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
    /// Starts building a step's output.
    ///
    /// # Errors
    /// The work folder cannot be cleared or created.
    pub fn begin(
        &self,
        stage: StageName,
        key: Key,
        lock: FileLock,
    ) -> Result<PendingArtifact, ArtifactError> {
        let folder = self.work(stage, &key);
        let mut discarded = folder.with_extension("discarded");
        remove_folder(&folder)?;
        if remove_folder(&discarded).is_err() {
            // On network file systems a folder stays as long as a process has a file of it open.
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
    /// The folder to write files into.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a folder may be made for what survives a kill: the step's next run finds it as it was
    /// left. It is gone once the artifact is in place.
    pub fn resume_directory(&self) -> &Path {
        &self.resume_directory
    }

    /// Digests and syncs the files, writes the manifest, and renames the folder into place.
    ///
    /// # Errors
    /// A declared file is missing, or the disk refuses. The previous artifact stays until then.
    pub fn commit(
        self,
        settings: serde_json::Value,
        inputs: Vec<InputReference>,
        sources: Vec<SourceReference>,
        contract: Contract,
        outputs: &[OutputFile],
        run: RunInfo,
    ) -> Result<Artifact, ArtifactError> {
        let mut files = outputs
            .iter()
            .map(|output| self.seal_file(output))
            .collect::<Result<Vec<FileEntry>, ArtifactError>>()?;
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

    fn seal_file(&self, output: &OutputFile) -> Result<FileEntry, ArtifactError> {
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

    /// A folder cannot be renamed over another, so a predecessor (same key, damaged or redone by
    /// force) steps aside first. Killed between the two renames, the step merely counts as not run.
    fn move_into_place(&self) -> Result<(), ArtifactError> {
        let parent = self.destination.parent().unwrap_or(&self.destination);
        fs::create_dir_all(parent).map_err(ArtifactError::io("create", parent))?;
        if self.destination.exists() {
            fs::rename(&self.destination, &self.discarded)
                .map_err(ArtifactError::io("rename", &self.destination))?;
        }
        fs::rename(&self.folder, &self.destination)
            .map_err(ArtifactError::io("rename", &self.folder))?;
        sync(parent)?;
        // The output is in its place: a predecessor that cannot go yet, because somebody reads it, is left to the
        // next run and to `gc`.
        let _ = remove_folder(&self.discarded);
        Ok(())
    }
}

impl Drop for PendingArtifact {
    fn drop(&mut self) {
        // After a commit the folder is gone already. A failure here costs disk space until the
        // step's next run, which clears the folder again.
        let _ = remove_folder(&self.folder);
    }
}

/// Puts a file or folder on the disk, not just into the operating system's memory.
pub fn sync(path: &Path) -> Result<(), ArtifactError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(ArtifactError::io("sync", path))
}

fn remove_folder(folder: &Path) -> Result<(), ArtifactError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ArtifactError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}
