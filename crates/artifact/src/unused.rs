//! What nothing names any more: outputs of settings long given up, and what killed runs left.
//!
//! An output is named by a variant's name, or by being an input, directly or through others, of one
//! that is. All else can be made again from the pipeline file, so deleting it costs time at most.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::pending::RESUME_EXTENSION;
use crate::store::entries;
use crate::{Artifact, ArtifactError, Digest, FileLock, StageName, Store, process_name};

/// A folder that nothing names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedFolder {
    /// Where it is.
    pub folder: PathBuf,
    /// What it is.
    pub kind: UnusedKind,
    /// Size of its files.
    pub bytes: u64,
}

/// What an unused folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnusedKind {
    /// An output.
    Output {
        /// The stage that made it.
        stage: StageName,
        /// When, in seconds since 1970-01-01 UTC.
        finished: u64,
        /// The line it ended with.
        summary: String,
    },
    /// An output whose manifest cannot be read.
    Damaged,
    /// What a run left that was killed.
    Unfinished,
    /// What an interrupted run keeps: the step goes on from there when it is run again.
    Resumable,
}

impl Store {
    /// All folders that nothing names, in the order of their paths. What a living process is at
    /// work on is not among them.
    ///
    /// # Errors
    /// A folder of the store cannot be read.
    pub fn unused_folders(&self) -> Result<Vec<UnusedFolder>, ArtifactError> {
        let outputs = self.outputs()?;
        let named = self.named_outputs(&outputs)?;
        let mut found = Vec::new();
        let mut add = |folder: PathBuf, kind: UnusedKind| {
            let bytes = size(&folder)?;
            found.push(UnusedFolder {
                folder,
                kind,
                bytes,
            });
            Ok::<_, ArtifactError>(())
        };
        for (folder, artifact) in outputs {
            if named.contains(&folder) {
                continue;
            }
            let manifest = artifact.as_ref().map(Artifact::manifest);
            let kind = manifest.map_or(UnusedKind::Damaged, |manifest| UnusedKind::Output {
                stage: manifest.stage,
                finished: manifest.run.started + manifest.run.seconds as u64,
                summary: manifest.run.summary.clone(),
            });
            add(folder, kind)?;
        }
        for folder in folders(&self.work_folder())? {
            if self.lock_of(&folder)?.is_some() {
                let kind = match folder.extension() {
                    Some(extension) if extension == RESUME_EXTENSION => UnusedKind::Resumable,
                    _ => UnusedKind::Unfinished,
                };
                add(folder, kind)?;
            }
        }
        Ok(found)
    }

    /// Deletes an unused folder. `false` if a process has taken it up since it was found.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn delete(&self, unused: &UnusedFolder) -> Result<bool, ArtifactError> {
        let Some(_lock) = self.lock_of(&unused.folder)? else {
            return Ok(false);
        };
        let outputs = self.outputs()?;
        if self.named_outputs(&outputs)?.contains(&unused.folder) {
            return Ok(false);
        }
        // Out of the store at one stroke, so that nobody ever meets half of it.
        let work = self.work_folder();
        fs::create_dir_all(&work).map_err(ArtifactError::io("create", &work))?;
        let name = name_of(&unused.folder);
        let doomed = work.join(format!("{name}.{}.deleted", process_name()));
        fs::rename(&unused.folder, &doomed).map_err(ArtifactError::io("rename", &unused.folder))?;
        fs::remove_dir_all(&doomed).map_err(ArtifactError::io("remove", &doomed))?;
        Ok(true)
    }

    /// Every folder of the store, with what it holds if that can be read.
    fn outputs(&self) -> Result<Vec<(PathBuf, Option<Artifact>)>, ArtifactError> {
        let mut outputs = Vec::new();
        for stage in StageName::ALL {
            let folders = folders(&self.outputs_of(stage))?.into_iter();
            outputs.extend(folders.map(|folder| {
                let artifact = Artifact::open(&folder).ok();
                (folder, artifact)
            }));
        }
        Ok(outputs)
    }

    fn named_outputs(
        &self,
        outputs: &[(PathBuf, Option<Artifact>)],
    ) -> Result<HashSet<PathBuf>, ArtifactError> {
        let mut by_identity: HashMap<Digest, Vec<&PathBuf>> = HashMap::new();
        let mut artifacts: HashMap<&PathBuf, &Artifact> = HashMap::new();
        for (folder, artifact) in outputs {
            if let Some(artifact) = artifact {
                let identity = artifact.identity();
                by_identity.entry(identity).or_default().push(folder);
                artifacts.insert(folder, artifact);
            }
        }
        let mut pending: Vec<PathBuf> = Vec::new();
        for stage in StageName::ALL {
            let names = entries(&self.root().join(stage.as_str()))?.into_iter();
            let targets = names.filter_map(|name| fs::read_link(name).ok());
            pending.extend(targets.map(|target| self.outputs_of(stage).join(name_of(&target))));
        }
        let mut named = HashSet::new();
        while let Some(folder) = pending.pop() {
            if !named.insert(folder.clone()) {
                continue;
            }
            let manifest = artifacts.get(&folder).map(|artifact| artifact.manifest());
            let inputs = manifest.into_iter().flat_map(|manifest| &manifest.inputs);
            let read = inputs.filter_map(|input| by_identity.get(&input.identity));
            pending.extend(read.flatten().copied().cloned());
        }
        Ok(named)
    }

    /// The lock of the step that a folder of the store or of the work belongs to; `None` if a living
    /// process has it.
    fn lock_of(&self, folder: &Path) -> Result<Option<FileLock>, ArtifactError> {
        let work = self.work_folder();
        let name = name_of(folder);
        let step = if folder.starts_with(&work) {
            name.split('.').next().unwrap_or_default().to_owned()
        } else {
            let stage = folder.parent().map(name_of).unwrap_or_default();
            format!("{stage}-{name}")
        };
        FileLock::try_acquire(&work.join(step).with_extension("lock"))
    }
}

fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, ArtifactError> {
    let mut found = entries(folder)?;
    found.retain(|path| {
        path.symlink_metadata()
            .is_ok_and(|metadata| metadata.is_dir())
    });
    Ok(found)
}

fn size(folder: &Path) -> Result<u64, ArtifactError> {
    let mut bytes = 0;
    for path in entries(folder)? {
        let metadata = path
            .symlink_metadata()
            .map_err(ArtifactError::io("read", &path))?;
        bytes += match metadata.is_dir() {
            true => size(&path)?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}
