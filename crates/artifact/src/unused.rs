//! Folders of the store that are not used any more: outputs of earlier settings, and remains of killed runs.
//!
//! An output is in use if the name of a variant links to it, or if it is a direct or indirect input of an output in
//! use. Everything else can be built again from the pipeline file, so deleting it only costs time.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::pending::RESUME_EXTENSION;
use crate::store::entries;
use crate::{
    Artifact, ArtifactError, Digest, FileLock, Manifest, Result, StageName, Store, process_name,
};

/// A folder that is not in use.
#[derive(Clone, Debug, PartialEq)]
pub struct UnusedFolder {
    /// Its path.
    pub folder: PathBuf,
    /// Its kind.
    pub kind: UnusedKind,
    /// Total size of its files in bytes.
    pub bytes: u64,
}

/// Kinds of unused folders.
#[derive(Clone, Debug, PartialEq)]
pub enum UnusedKind {
    /// An output.
    Output(Box<Manifest>),
    /// An output whose manifest cannot be read.
    Damaged,
    /// Incomplete output of a killed run.
    Unfinished,
    /// The resume directory of an interrupted run: the next run of the step resumes from it.
    Resumable,
}

impl Store {
    /// All unused folders, sorted by path. Folders that a running process works on are not included.
    ///
    /// # Errors
    /// A folder of the store cannot be read.
    pub fn unused_folders(&self) -> Result<Vec<UnusedFolder>> {
        let outputs = self.outputs()?;
        let in_use = self.outputs_in_use(&outputs)?;
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
            if in_use.contains(&folder) {
                continue;
            }
            let output = |it: Artifact| UnusedKind::Output(Box::new(it.manifest().clone()));
            add(folder, artifact.map_or(UnusedKind::Damaged, output))?;
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

    /// Deletes an unused folder. `false` if it is in use again.
    ///
    /// # Errors
    /// The folder cannot be moved or deleted.
    pub fn delete(&self, unused: &UnusedFolder) -> Result<bool> {
        let Some(_lock) = self.lock_of(&unused.folder)? else {
            return Ok(false);
        };
        let outputs = self.outputs()?;
        if self.outputs_in_use(&outputs)?.contains(&unused.folder) {
            return Ok(false);
        }
        // Moved out of the store by one rename, so no process ever reads a partly deleted folder.
        let work = self.work_folder();
        fs::create_dir_all(&work).map_err(ArtifactError::io("create", &work))?;
        let name = folder_name(&unused.folder);
        let deleted = work.join(format!("{name}.{}.deleted", process_name()));
        fs::rename(&unused.folder, &deleted)
            .map_err(ArtifactError::io("rename", &unused.folder))?;
        fs::remove_dir_all(&deleted).map_err(ArtifactError::io("remove", &deleted))?;
        Ok(true)
    }

    /// Every output folder of the store, with its artifact if the manifest can be read.
    fn outputs(&self) -> Result<Vec<(PathBuf, Option<Artifact>)>> {
        let mut outputs = Vec::new();
        for stage in StageName::ALL {
            let folders = folders(&self.stage_folder(stage))?.into_iter();
            outputs.extend(folders.map(|folder| {
                let artifact = Artifact::open(&folder).ok();
                (folder, artifact)
            }));
        }
        Ok(outputs)
    }

    /// Folders that variants link to, and all their inputs.
    fn outputs_in_use(&self, outputs: &[(PathBuf, Option<Artifact>)]) -> Result<HashSet<PathBuf>> {
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
            pending
                .extend(targets.map(|target| self.stage_folder(stage).join(folder_name(&target))));
        }
        let mut in_use = HashSet::new();
        while let Some(folder) = pending.pop() {
            if !in_use.insert(folder.clone()) {
                continue;
            }
            let manifest = artifacts.get(&folder).map(|artifact| artifact.manifest());
            let inputs = manifest.into_iter().flat_map(|manifest| &manifest.inputs);
            let folders = inputs.filter_map(|input| by_identity.get(&input.identity));
            pending.extend(folders.flatten().copied().cloned());
        }
        Ok(in_use)
    }

    /// The lock of the step of a folder; `None` if a running process holds it.
    fn lock_of(&self, folder: &Path) -> Result<Option<FileLock>> {
        let work = self.work_folder();
        let name = folder_name(folder);
        let step = if folder.starts_with(&work) {
            name.split('.').next().unwrap_or_default().to_owned()
        } else {
            let stage = folder.parent().map(folder_name).unwrap_or_default();
            format!("{stage}-{name}")
        };
        FileLock::try_acquire(&work.join(step).with_extension("lock"))
    }
}

fn folder_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = entries(folder)?;
    found.retain(|path| path.symlink_metadata().is_ok_and(|it| it.is_dir()));
    Ok(found)
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for path in entries(folder)? {
        let metadata = fs::symlink_metadata(&path).map_err(ArtifactError::io("read", &path))?;
        bytes += match metadata.is_dir() {
            true => size(&path)?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}
