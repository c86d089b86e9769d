//! Looking at the disk before deciding: manifests, digests, sources. Nothing is written but the
//! index of sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::{
    Artifact, ArtifactError, Digest, InputReference, Key, MANIFEST_NAME, Manifest, SourceIndex,
    Store, key_of,
};
use settings::{Step, StepId};

use crate::plan::{Facts, Latest, Output};

/// What is known about a pipeline's artifacts. Each is proved once, however often it is looked at.
pub struct KnownArtifacts<'a> {
    store: &'a Store,
    sources: SourceIndex,
    known: BTreeMap<StepId, Artifact>,
    proved: BTreeMap<PathBuf, Manifest>,
}

impl<'a> KnownArtifacts<'a> {
    /// Begins to look at a store.
    pub fn new(store: &'a Store) -> Self {
        Self {
            store,
            sources: SourceIndex::load(store),
            known: BTreeMap::new(),
            proved: BTreeMap::new(),
        }
    }

    /// Gathers the facts about a step, as they are at this moment. What it reads must have been
    /// looked at before.
    ///
    /// # Errors
    /// A source is not there or cannot be read.
    pub fn look(&mut self, step: &Step, asked: bool) -> Result<Facts, ArtifactError> {
        let sources = step
            .sources
            .iter()
            .map(|source| self.sources.reference(source))
            .collect::<Result<Vec<_>, _>>()?;
        let identity = |id: &StepId| self.known.get(id).map(Artifact::identity);
        let inputs: Vec<(StepId, Option<Digest>)> = step
            .inputs
            .iter()
            .map(|id| (id.clone(), identity(id)))
            .collect();
        let key = references(&inputs)
            .map(|inputs| key_of(step.id.stage, &step.settings, &inputs, &sources));
        let output = match &key {
            Some(key) => self.output(&step.id, key),
            None => Output::Unknown,
        };
        let kept = key.map(|key| self.store.kept(step.id.stage, &key));
        let builder = key.and_then(|key| self.store.builder(step.id.stage, &key));
        match output.expected() {
            Some(artifact) => self.known.insert(step.id.clone(), artifact.clone()),
            None => self.known.remove(&step.id),
        };
        Ok(Facts {
            id: step.id.clone(),
            settings: step.settings.clone(),
            stage_version: step.id.stage.version(),
            inputs,
            sources,
            output,
            latest: self.latest(&step.id),
            kept: kept.filter(|folder| folder.is_dir()),
            builder,
            asked,
        })
    }

    /// What a step's output is, or will be once rebuilt, as far as that can be known beforehand.
    pub fn known(&self, id: &StepId) -> Option<&Artifact> {
        self.known.get(id)
    }

    /// Keeps what was learned about sources for the next run.
    pub fn save(&self) {
        self.sources.save();
    }

    fn output(&mut self, id: &StepId, key: &Key) -> Output {
        match self.store.find(id.stage, key) {
            Ok(None) => Output::Absent,
            Ok(Some(artifact)) => self.prove(artifact),
            Err(error) => {
                let (file, reason) = damage(&error);
                Output::Damaged {
                    file,
                    reason,
                    expected: None,
                }
            }
        }
    }

    fn prove(&mut self, artifact: Artifact) -> Output {
        if self.proved.get(artifact.folder()) == Some(artifact.manifest()) {
            return Output::Whole(Box::new(artifact));
        }
        match artifact.verify() {
            Ok(()) => {
                self.proved
                    .insert(artifact.folder().to_owned(), artifact.manifest().clone());
                Output::Whole(Box::new(artifact))
            }
            Err(error) => {
                let (file, reason) = damage(&error);
                Output::Damaged {
                    file,
                    reason,
                    expected: Some(Box::new(artifact)),
                }
            }
        }
    }

    fn latest(&self, id: &StepId) -> Latest {
        match self.store.latest(id.stage, &id.variant) {
            Ok(Some(artifact)) => Latest::Made(Box::new(artifact.manifest().clone())),
            Ok(None) if self.store.named(id.stage, &id.variant).is_symlink() => Latest::Gone,
            Ok(None) => Latest::Nothing,
            Err(error) => {
                let (file, reason) = damage(&error);
                Latest::Damaged { file, reason }
            }
        }
    }
}

/// Inputs as a key names them, `None` where one is not known.
fn references(inputs: &[(StepId, Option<Digest>)]) -> Option<Vec<InputReference>> {
    let reference = |(id, identity): &(StepId, Option<Digest>)| {
        let variant = id.variant.clone();
        identity.map(|identity| InputReference {
            stage: id.stage,
            variant,
            identity,
        })
    };
    inputs.iter().map(reference).collect()
}

/// Which file of an artifact is damaged, and how.
fn damage(error: &ArtifactError) -> (String, String) {
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    match error {
        ArtifactError::Damaged { path, reason } => (name(path), reason.clone()),
        ArtifactError::Io { path, source, .. } => {
            (name(path), format!("it cannot be read: {source}"))
        }
        other => (MANIFEST_NAME.to_owned(), other.to_string()),
    }
}
