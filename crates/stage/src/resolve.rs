//! The key of a step, from its settings, the content of its sources and the identities of its inputs. Stage programs
//! and the orchestrator use the same code, so they always agree.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use artifact::{
    Artifact, ArtifactError, InputReference, Key, SourceIndex, SourceReference, Store, step_key,
};
use settings::{Pipeline, Step, StepId};

/// Time between two checks for a missing input.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A step whose inputs all exist.
#[derive(Clone, Debug)]
pub struct ResolvedStep {
    /// The step.
    pub step: Step,
    /// The key of its output.
    pub key: Key,
    /// The artifacts of its inputs, in the order of [`Step::inputs`].
    pub inputs: Vec<(StepId, Artifact)>,
    /// References to these artifacts, as in the manifest.
    pub input_references: Vec<InputReference>,
    /// References to its sources, as in the manifest.
    pub source_references: Vec<SourceReference>,
}

/// Finds keys and artifacts; reads each step and source once.
pub struct Resolver<'a> {
    steps: BTreeMap<StepId, Step>,
    store: &'a Store,
    sources: SourceIndex,
    artifacts: BTreeMap<StepId, Artifact>,
}

impl<'a> Resolver<'a> {
    /// A resolver for the steps of a pipeline.
    pub fn new(pipeline: &Pipeline, store: &'a Store) -> Self {
        let steps = pipeline.steps().into_iter();
        Self {
            steps: steps.map(|step| (step.id.clone(), step)).collect(),
            store,
            sources: SourceIndex::load(store),
            artifacts: BTreeMap::new(),
        }
    }

    /// The step with its key and inputs. `Ok(Err(missing))` is the first missing input, in the order of the data flow.
    ///
    /// # Errors
    /// A source does not exist, or a manifest is damaged.
    pub fn resolve(&mut self, step: &Step) -> Result<Result<ResolvedStep, StepId>, ArtifactError> {
        let mut inputs = Vec::new();
        for id in &step.inputs {
            match self.artifact(id)? {
                Ok(artifact) => inputs.push((id.clone(), artifact)),
                Err(missing) => return Ok(Err(missing)),
            }
        }
        let reference = |(id, artifact): &(StepId, Artifact)| InputReference {
            stage: id.stage,
            variant: id.variant.clone(),
            identity: artifact.identity(),
        };
        let input_references: Vec<_> = inputs.iter().map(reference).collect();
        let sources = step.sources.iter();
        let sources = sources.map(|source| self.sources.reference(source));
        let source_references = sources.collect::<Result<Vec<_>, _>>()?;
        let stage = step.id.stage;
        Ok(Ok(ResolvedStep {
            key: step_key(stage, &step.settings, &input_references, &source_references),
            step: step.clone(),
            inputs,
            input_references,
            source_references,
        }))
    }

    /// As [`Resolver::resolve`], but waits up to `max_wait` for a missing input.
    ///
    /// # Errors
    /// See [`Resolver::resolve`].
    pub fn resolve_within(
        &mut self,
        step: &Step,
        max_wait: Duration,
    ) -> Result<Result<ResolvedStep, StepId>, ArtifactError> {
        let clock = Instant::now();
        loop {
            match self.resolve(step)? {
                Err(missing) if clock.elapsed() < max_wait => {
                    self.store.refresh_listing(missing.stage);
                    thread::sleep(POLL_INTERVAL);
                }
                resolved => return Ok(resolved),
            }
        }
    }

    /// Registers a new artifact, so that later steps use it.
    pub fn record(&mut self, id: &StepId, artifact: Artifact) {
        self.artifacts.insert(id.clone(), artifact);
    }

    /// Saves the digests of the sources for the next run.
    pub fn save(&mut self) {
        self.sources.save();
    }

    fn artifact(&mut self, id: &StepId) -> Result<Result<Artifact, StepId>, ArtifactError> {
        if let Some(artifact) = self.artifacts.get(id) {
            return Ok(Ok(artifact.clone()));
        }
        let step = self.steps.get(id).cloned();
        let step = step.expect("an input of a step is a step of the same pipeline");
        let resolved = match self.resolve(&step)? {
            Ok(resolved) => resolved,
            Err(missing) => return Ok(Err(missing)),
        };
        let found = self.store.find(id.stage, &resolved.key)?;
        if let Some(artifact) = &found {
            self.record(id, artifact.clone());
        }
        Ok(found.ok_or_else(|| id.clone()))
    }
}
