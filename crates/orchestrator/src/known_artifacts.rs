//! Reads manifests, digests and sources from disk for planning. Writes nothing but the index of sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::{
    Artifact, ArtifactError, Failure, InputReference, Key, MANIFEST_NAME, Manifest, SourceIndex,
    Store, step_key,
};
use settings::{Step, StepId};

use crate::plan::{Input, LatestOutput, Output, PlannedStep, reasons_to_run};

/// The known artifacts of a pipeline. The files of each artifact are verified once.
pub(crate) struct KnownArtifacts<'a> {
    store: &'a Store,
    sources: SourceIndex,
    pub(crate) known: BTreeMap<StepId, Artifact>,
    verified: BTreeMap<PathBuf, Manifest>,
}

impl<'a> KnownArtifacts<'a> {
    /// No artifact of the store is known yet.
    pub(crate) fn new(store: &'a Store) -> Self {
        Self {
            store,
            sources: SourceIndex::load(store),
            known: BTreeMap::new(),
            verified: BTreeMap::new(),
        }
    }

    /// Plans a step from the current state of the disk. Its inputs must have been planned before.
    ///
    /// # Errors
    /// A source does not exist or cannot be read.
    pub(crate) fn plan_step(&mut self, step: &Step, forced: bool) -> Result<PlannedStep, Failure> {
        let sources = step.sources.iter().map(|it| self.sources.reference(it));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let input = |id: &StepId| (id.clone(), self.known.get(id).map(Artifact::identity));
        let inputs: Vec<Input> = step.inputs.iter().map(input).collect();
        let stage = step.id.stage;
        let reference = |(id, identity): &Input| {
            Some(InputReference {
                stage: id.stage,
                variant: id.variant.clone(),
                identity: (*identity)?,
            })
        };
        let references: Option<Vec<InputReference>> = inputs.iter().map(reference).collect();
        let key = references.map(|inputs| step_key(stage, &step.settings, &inputs, &sources));
        let output = match &key {
            Some(key) => self.output(&step.id, key),
            None => Output::Absent(self.latest(&step.id)),
        };
        match output.expected() {
            Some(artifact) => self.known.insert(step.id.clone(), artifact.clone()),
            None => self.known.remove(&step.id),
        };
        let resume_directory = key.map(|key| self.store.resume_directory(stage, &key));
        let mut planned = PlannedStep {
            id: step.id.clone(),
            settings: step.settings.clone(),
            stage_version: stage.version(),
            inputs,
            sources,
            output,
            resume_directory: resume_directory.filter(|folder| folder.is_dir()),
            lock_holder: key.and_then(|key| self.store.lock_holder(stage, &key)),
            forced,
            reasons: Vec::new(),
        };
        planned.reasons = reasons_to_run(&planned);
        Ok(planned)
    }

    /// Saves the digests of sources for the next run.
    pub(crate) fn save(&mut self) {
        self.sources.save();
    }

    fn output(&mut self, id: &StepId, key: &Key) -> Output {
        let damaged = |error, expected: Option<Artifact>| Output::Damaged {
            damage: damage(&error),
            expected: expected.map(Box::new),
        };
        let artifact = match self.store.find(id.stage, key) {
            Ok(Some(artifact)) => artifact,
            Ok(None) => return Output::Absent(self.latest(id)),
            Err(error) => return damaged(error, None),
        };
        let (folder, manifest) = (artifact.folder(), artifact.manifest());
        if self.verified.get(folder) != Some(manifest) {
            if let Err(error) = artifact.verify_changed(&mut self.sources) {
                return damaged(error, Some(artifact));
            }
            self.verified.insert(folder.to_owned(), manifest.clone());
        }
        Output::Intact(Box::new(artifact))
    }

    fn latest(&self, id: &StepId) -> LatestOutput {
        let link = self.store.variant_link(id.stage, &id.variant);
        match self.store.latest(id.stage, &id.variant) {
            Ok(Some(artifact)) => LatestOutput::Built(Box::new(artifact.manifest().clone())),
            Ok(None) if link.is_symlink() => LatestOutput::Removed,
            Ok(None) => LatestOutput::NeverBuilt,
            Err(error) => LatestOutput::Damaged(damage(&error)),
        }
    }
}

/// Which file of an artifact is damaged, and how.
fn damage(error: &ArtifactError) -> String {
    let (path, reason) = match error {
        ArtifactError::Damaged { path, reason } => (path.as_path(), reason.clone()),
        ArtifactError::Io { path, source, .. } => {
            (path.as_path(), format!("it cannot be read: {source}"))
        }
        other => (Path::new(MANIFEST_NAME), other.to_string()),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("`{name}`, {reason}")
}
