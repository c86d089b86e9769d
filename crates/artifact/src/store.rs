//! The layout of the artifacts folder.
//!
//! ```text
//! artifacts/store/<stage>/<key>/      outputs, named by key
//! artifacts/<stage>/<variant>         links to the latest outputs, for people
//! artifacts/work/                     unfinished outputs, resume directories and locks
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::pending::RESUME_EXTENSION;
use crate::{
    Artifact, ArtifactError, Digest, FileLock, Key, MANIFEST_NAME, Manifest, Result, StageName,
    process_name,
};

/// An artifacts folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in a folder, which may not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The artifacts folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the output with this key, existing or not.
    pub fn folder(&self, stage: StageName, key: &Key) -> PathBuf {
        self.stage_folder(stage).join(&key.to_hex()[..16])
    }

    /// The folder of all outputs of a stage.
    pub(crate) fn stage_folder(&self, stage: StageName) -> PathBuf {
        self.root.join("store").join(stage.as_str())
    }

    /// The link to the latest output of a variant.
    pub fn variant_link(&self, stage: StageName, variant: &str) -> PathBuf {
        self.root.join(stage.as_str()).join(variant)
    }

    /// The output with this key; `None` if it does not exist.
    ///
    /// # Errors
    /// Its manifest is damaged.
    pub fn find(&self, stage: StageName, key: &Key) -> Result<Option<Artifact>> {
        let artifact = open_if_exists(&self.folder(stage, key))?;
        Ok(artifact.filter(|artifact| artifact.manifest().key == *key))
    }

    /// Makes a network file system read the list of outputs of a stage from the server again. Listing the folder does
    /// this even if the client has cached that an output does not exist.
    pub fn refresh_listing(&self, stage: StageName) {
        // A missing folder counts as an empty one.
        let _ = fs::read_dir(self.stage_folder(stage)).map(Iterator::count);
    }

    /// The store that contains the folder of an artifact, also given by a link; `None` for a folder outside a store,
    /// for example a copy.
    pub fn containing(artifact: &Path) -> Option<Self> {
        let folder = artifact.canonicalize().ok()?;
        // `root/store/stage/key`.
        let stage = folder.parent()?;
        let store = stage.parent()?;
        stage.file_name()?.to_str()?.parse::<StageName>().ok()?;
        let is_store = store.file_name().is_some_and(|name| name == "store");
        is_store.then(|| store.parent().map(Self::new)).flatten()
    }

    /// The output of a stage with this identity, linked by a variant or not; `None` if there is none. Damaged outputs
    /// are skipped.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn find_by_identity(&self, stage: StageName, identity: Digest) -> Result<Option<Artifact>> {
        let folders = entries(&self.stage_folder(stage))?.into_iter();
        let mut artifacts = folders.filter_map(|it| open_if_exists(&it).ok().flatten());
        Ok(artifacts.find(|artifact| artifact.identity() == identity))
    }

    /// The manifests of all outputs of a stage, linked by a variant or not. Damaged ones and, if the store cannot be
    /// read, all are skipped.
    pub fn manifests(&self, stage: StageName) -> Vec<Manifest> {
        let folders = entries(&self.stage_folder(stage)).unwrap_or_default();
        let read = |folder: PathBuf| Manifest::read(&folder.join(MANIFEST_NAME)).ok();
        folders.into_iter().filter_map(read).collect()
    }

    /// The latest output of a variant; `None` if there is none.
    ///
    /// # Errors
    /// Its manifest is damaged.
    pub fn latest(&self, stage: StageName, variant: &str) -> Result<Option<Artifact>> {
        open_if_exists(&self.variant_link(stage, variant))
    }

    /// Locks a step. If another process runs it, calls `on_wait` with the name of that process and waits. After a wait,
    /// check again whether the output exists.
    ///
    /// # Errors
    /// The lock file cannot be created or locked.
    pub fn lock(
        &self,
        stage: StageName,
        key: &Key,
        on_wait: impl FnOnce(&str),
    ) -> Result<FileLock> {
        FileLock::acquire(&self.lock_file(stage, key), on_wait)
    }

    /// The name of the process that runs a step; `None` if no process does.
    pub fn lock_holder(&self, stage: StageName, key: &Key) -> Option<String> {
        FileLock::holder(&self.lock_file(stage, key))
    }

    fn lock_file(&self, stage: StageName, key: &Key) -> PathBuf {
        self.work_path(stage, key).with_extension("lock")
    }

    /// The resume directory of a step.
    pub fn resume_directory(&self, stage: StageName, key: &Key) -> PathBuf {
        self.work_path(stage, key).with_extension(RESUME_EXTENSION)
    }

    /// The folder of unfinished outputs, resume directories and locks.
    pub fn work_folder(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Links the name of a variant to an artifact by one rename: a reader sees the old or the new link.
    ///
    /// # Errors
    /// The link cannot be written.
    pub fn link(&self, variant: &str, artifact: &Artifact) -> Result<()> {
        let manifest = artifact.manifest();
        let link = self.variant_link(manifest.stage, variant);
        let key = &manifest.key.to_hex()[..16];
        let target = PathBuf::from(format!("../store/{}/{key}", manifest.stage));
        if fs::read_link(&link).is_ok_and(|current| current == target) {
            return Ok(());
        }
        let parent = link.parent().expect("a link has a parent folder");
        fs::create_dir_all(parent).map_err(ArtifactError::io("create", parent))?;
        let temporary = parent.join(format!(".{variant}.{}", process_name()));
        let _ = fs::remove_file(&temporary);
        symlink(&target, &temporary).map_err(ArtifactError::io("link", &temporary))?;
        fs::rename(&temporary, &link).map_err(ArtifactError::io("rename", &temporary))
    }

    /// Common prefix of the paths of the work files of a step.
    pub(crate) fn work_path(&self, stage: StageName, key: &Key) -> PathBuf {
        let step = format!("{stage}-{}", &key.to_hex()[..16]);
        self.work_folder().join(step)
    }
}

fn open_if_exists(folder: &Path) -> Result<Option<Artifact>> {
    let manifest = folder.join(MANIFEST_NAME);
    match fs::metadata(&manifest) {
        Ok(_) => Artifact::open(folder).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ArtifactError::io("read", &manifest)(error)),
    }
}

/// The sorted paths in a folder; none if it does not exist.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(ArtifactError::io("read", folder))?,
    };
    let found: io::Result<Vec<PathBuf>> = read.map(|entry| Ok(entry?.path())).collect();
    let mut found = found.map_err(ArtifactError::io("read", folder))?;
    found.sort_unstable();
    Ok(found)
}
