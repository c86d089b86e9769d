//! The layout of the artifacts folder.
//!
//! ```text
//! artifacts/store/<stage>/<key>/      what was built, named by what produced it
//! artifacts/<stage>/<variant>         a link to it: what people look at
//! artifacts/work/                     what is under way, and the locks
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::pending::RESUME_EXTENSION;
use crate::{
    Artifact, ArtifactError, Digest, FileLock, Key, MANIFEST_NAME, StageName, process_name,
};

/// An artifacts folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at this folder, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The artifacts folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the output of a key is or will be.
    pub fn folder(&self, stage: StageName, key: &Key) -> PathBuf {
        self.outputs_of(stage).join(&key.to_hex()[..16])
    }

    /// The folder of all outputs of a stage.
    pub(crate) fn outputs_of(&self, stage: StageName) -> PathBuf {
        self.root.join("store").join(stage.as_str())
    }

    /// The name under which people find a variant's latest output.
    pub fn variant_link(&self, stage: StageName, variant: &str) -> PathBuf {
        self.root.join(stage.as_str()).join(variant)
    }

    /// The output of a key, `None` where it was never built.
    ///
    /// # Errors
    /// It is there and its manifest is damaged.
    pub fn find(&self, stage: StageName, key: &Key) -> Result<Option<Artifact>, ArtifactError> {
        let artifact = open_if_there(&self.folder(stage, key))?;
        Ok(artifact.filter(|artifact| artifact.manifest().key == *key))
    }

    /// Has a network file system ask its server anew what outputs of a stage there are: opening a folder is what
    /// makes it, where it remembers that a name in it is not there.
    pub fn refresh_listing(&self, stage: StageName) {
        // A folder that is not there yet is as good as an empty one.
        let _ = fs::read_dir(self.outputs_of(stage)).map(Iterator::count);
    }

    /// The store that holds this folder of an artifact, whatever it was called by; `None` where it lies outside
    /// of one, as a copy does.
    pub fn containing(artifact: &Path) -> Option<Self> {
        let folder = artifact.canonicalize().ok()?;
        // `root/store/stage/key`.
        let stage = folder.parent()?;
        let store = stage.parent()?;
        stage.file_name()?.to_str()?.parse::<StageName>().ok()?;
        let is_store = store.file_name().is_some_and(|name| name == "store");
        is_store.then(|| store.parent().map(Self::new)).flatten()
    }

    /// The output of a stage that has this identity, whether a name still stands for it or not; `None` where
    /// there is none any more. What is damaged is passed over.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn find_by_identity(
        &self,
        stage: StageName,
        identity: Digest,
    ) -> Result<Option<Artifact>, ArtifactError> {
        let mut artifacts = entries(&self.outputs_of(stage))?
            .into_iter()
            .filter_map(|folder| open_if_there(&folder).ok().flatten());
        Ok(artifacts.find(|artifact| artifact.identity() == identity))
    }

    /// What a variant's name stands for at present, `None` where it stands for nothing.
    ///
    /// # Errors
    /// It is there and its manifest is damaged.
    pub fn latest(
        &self,
        stage: StageName,
        variant: &str,
    ) -> Result<Option<Artifact>, ArtifactError> {
        open_if_there(&self.variant_link(stage, variant))
    }

    /// Takes the right to build a step, waiting for whoever builds it already; `on_wait` is told
    /// who. After a wait the output may be there: look again before building.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub fn lock(
        &self,
        stage: StageName,
        key: &Key,
        on_wait: impl FnOnce(&str),
    ) -> Result<FileLock, ArtifactError> {
        FileLock::acquire(&self.lock_file(stage, key), on_wait)
    }

    /// The process that builds a step at this moment, in words; `None` if none does.
    pub fn lock_holder(&self, stage: StageName, key: &Key) -> Option<String> {
        FileLock::holder(&self.lock_file(stage, key))
    }

    fn lock_file(&self, stage: StageName, key: &Key) -> PathBuf {
        self.work(stage, key).with_extension("lock")
    }

    /// Where a step that was interrupted has left what it goes on from.
    pub fn resume_directory(&self, stage: StageName, key: &Key) -> PathBuf {
        self.work(stage, key).with_extension(RESUME_EXTENSION)
    }

    /// The folder of locks and of what is under way.
    pub fn work_folder(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Points a variant's name at an artifact, in one step: a reader sees the old or the new.
    ///
    /// # Errors
    /// The link cannot be written.
    pub fn link(&self, variant: &str, artifact: &Artifact) -> Result<(), ArtifactError> {
        let manifest = artifact.manifest();
        let name = self.variant_link(manifest.stage, variant);
        let key = &manifest.key.to_hex()[..16];
        let target = PathBuf::from(format!("../store/{}/{key}", manifest.stage));
        if fs::read_link(&name).is_ok_and(|present| present == target) {
            return Ok(());
        }
        let parent = name.parent().expect("a named artifact has a parent");
        fs::create_dir_all(parent).map_err(ArtifactError::io("create", parent))?;
        let temporary = parent.join(format!(".{variant}.{}", process_name()));
        let _ = fs::remove_file(&temporary);
        symlink(&target, &temporary).map_err(ArtifactError::io("link", &temporary))?;
        fs::rename(&temporary, &name).map_err(ArtifactError::io("rename", &temporary))
    }

    pub(crate) fn work(&self, stage: StageName, key: &Key) -> PathBuf {
        let step = format!("{stage}-{}", &key.to_hex()[..16]);
        self.work_folder().join(step)
    }
}

fn open_if_there(folder: &Path) -> Result<Option<Artifact>, ArtifactError> {
    let manifest = folder.join(MANIFEST_NAME);
    match fs::metadata(&manifest) {
        Ok(_) => Artifact::open(folder).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ArtifactError::io("read", &manifest)(error)),
    }
}

/// What is in a folder, sorted; nothing if it is not there.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, ArtifactError> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(ArtifactError::io("read", folder))?,
    };
    let found: io::Result<Vec<PathBuf>> = read.map(|entry| Ok(entry?.path())).collect();
    let mut found = found.map_err(ArtifactError::io("read", folder))?;
    found.sort_unstable();
    Ok(found)
}
