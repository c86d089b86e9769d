//! What nothing names any more: outputs of settings long given up, and what killed runs left.
//!
//! An output is named by a variant's name, or by being an input, directly or through others, of one
//! that is. All else can be made again from the pipeline file, so deleting it costs time at most.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::pending::KEPT;
use crate::{Artifact, ArtifactError, Digest, FileLock, StageName, Store, process_name};

/// A folder that nothing names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// Where it is.
    pub folder: PathBuf,
    /// What it is.
    pub kind: UnnamedKind,
    /// Size of its files.
    pub bytes: u64,
}

/// What an unnamed folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnnamedKind {
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
    pub fn unnamed(&self) -> Result<Vec<Unnamed>, ArtifactError> {
        let outputs = self.outputs()?;
        let named = self.named_outputs(&outputs)?;
        let mut found = Vec::new();
        for (folder, artifact) in &outputs {
            if named.contains(folder) {
                continue;
            }
            let kind = match artifact {
                Some(artifact) => UnnamedKind::Output {
                    stage: artifact.manifest().stage,
                    finished: artifact.manifest().run.started
                        + artifact.manifest().run.seconds as u64,
                    summary: artifact.manifest().run.summary.clone(),
                },
                None => UnnamedKind::Damaged,
            };
            found.push(Unnamed {
                bytes: size(folder)?,
                folder: folder.clone(),
                kind,
            });
        }
        for folder in folders(&self.root().join("work"))? {
            if self.lock_of(&folder)?.is_some() {
                let kept = folder
                    .extension()
                    .is_some_and(|extension| extension == KEPT);
                found.push(Unnamed {
                    bytes: size(&folder)?,
                    folder,
                    kind: if kept {
                        UnnamedKind::Resumable
                    } else {
                        UnnamedKind::Unfinished
                    },
                });
            }
        }
        Ok(found)
    }

    /// Deletes an unnamed folder. `false` if a process has taken it up since it was found.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn delete(&self, unnamed: &Unnamed) -> Result<bool, ArtifactError> {
        let Some(_lock) = self.lock_of(&unnamed.folder)? else {
            return Ok(false);
        };
        let outputs = self.outputs()?;
        if self.named_outputs(&outputs)?.contains(&unnamed.folder) {
            return Ok(false);
        }
        // Out of the store at one stroke, so that nobody ever meets half of it.
        let name = unnamed
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let work = self.root().join("work");
        fs::create_dir_all(&work).map_err(ArtifactError::io("create", &work))?;
        let doomed = work.join(format!("{name}.{}.deleted", process_name()));
        fs::rename(&unnamed.folder, &doomed)
            .map_err(ArtifactError::io("rename", &unnamed.folder))?;
        fs::remove_dir_all(&doomed).map_err(ArtifactError::io("remove", &doomed))?;
        Ok(true)
    }

    /// Every folder of the store, with what it holds if that can be read.
    fn outputs(&self) -> Result<Vec<(PathBuf, Option<Artifact>)>, ArtifactError> {
        let mut outputs = Vec::new();
        for stage in StageName::ALL {
            for folder in folders(&self.root().join("store").join(stage.as_str()))? {
                let artifact = Artifact::open(&folder).ok();
                outputs.push((folder, artifact));
            }
        }
        Ok(outputs)
    }

    fn named_outputs(
        &self,
        outputs: &[(PathBuf, Option<Artifact>)],
    ) -> Result<HashSet<PathBuf>, ArtifactError> {
        let mut by_identity: HashMap<Digest, Vec<&PathBuf>> = HashMap::new();
        for (folder, artifact) in outputs {
            if let Some(artifact) = artifact {
                by_identity
                    .entry(artifact.identity())
                    .or_default()
                    .push(folder);
            }
        }
        let artifacts: HashMap<&PathBuf, &Artifact> = outputs
            .iter()
            .filter_map(|(folder, artifact)| Some((folder, artifact.as_ref()?)))
            .collect();
        let mut pending: Vec<PathBuf> = Vec::new();
        for stage in StageName::ALL {
            for name in entries(&self.root().join(stage.as_str()))? {
                if let Some(target) = fs::read_link(&name)
                    .ok()
                    .and_then(|target| Some(target.file_name()?.to_owned()))
                {
                    pending.push(self.root().join("store").join(stage.as_str()).join(target));
                }
            }
        }
        let mut named = HashSet::new();
        while let Some(folder) = pending.pop() {
            if let Some(artifact) = artifacts.get(&folder) {
                let inputs = artifact.manifest().inputs.iter();
                let of_input = inputs
                    .filter_map(|input| by_identity.get(&input.identity))
                    .flatten();
                pending.extend(
                    of_input
                        .filter(|input| !named.contains(**input))
                        .map(|input| (*input).clone()),
                );
            }
            named.insert(folder);
        }
        Ok(named)
    }

    /// The lock of the step that a folder of the store or of the work belongs to; `None` if a living
    /// process has it.
    fn lock_of(&self, folder: &Path) -> Result<Option<FileLock>, ArtifactError> {
        let work = self.root().join("work");
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let step = if folder.starts_with(&work) {
            name.split('.').next().unwrap_or_default().to_owned()
        } else {
            let stage = folder
                .parent()
                .and_then(Path::file_name)
                .unwrap_or_default();
            format!("{}-{name}", stage.to_string_lossy())
        };
        FileLock::try_acquire(&work.join(step).with_extension("lock"))
    }
}

/// What is in a folder, sorted; nothing if it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ArtifactError> {
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ArtifactError::io("read", folder)(error)),
    };
    let mut found = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(ArtifactError::io("read", folder))?;
    found.sort_unstable();
    Ok(found)
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
        bytes += if metadata.is_dir() {
            size(&path)?
        } else {
            metadata.len()
        };
    }
    Ok(bytes)
}
