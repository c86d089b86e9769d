//! From a step to its key: the step's settings, the content of its sources, and what its inputs
//! hold at present. Stage binaries and the orchestrator use the same code, so they agree.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use artifact::{
    Artifact, ArtifactError, InputReference, Key, SourceIndex, SourceReference, Store, step_key,
};
use settings::{Pipeline, Step, StepId};

/// How often an input that is not there is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A step whose inputs all exist.
#[derive(Clone, Debug)]
pub struct ResolvedStep {
    /// The step.
    pub step: Step,
    /// Names its output.
    pub key: Key,
    /// Its inputs' artifacts, in the order of [`Step::inputs`].
    pub inputs: Vec<(StepId, Artifact)>,
    /// The same by reference, as the manifest records them.
    pub input_references: Vec<InputReference>,
    /// Its sources, as the manifest records them.
    pub source_references: Vec<SourceReference>,
}

/// Finds keys and artifacts, looking at each step and source once.
pub struct Resolver<'a> {
    steps: BTreeMap<StepId, Step>,
    store: &'a Store,
    sources: SourceIndex,
    found: BTreeMap<StepId, Artifact>,
}

impl<'a> Resolver<'a> {
    /// A resolver for the steps of a pipeline.
    pub fn new(pipeline: &Pipeline, store: &'a Store) -> Self {
        let steps = pipeline.steps().into_iter();
        Self {
            steps: steps.map(|step| (step.id.clone(), step)).collect(),
            store,
            sources: SourceIndex::load(store),
            found: BTreeMap::new(),
        }
    }

    /// The step with its key and inputs. `Ok(Err(missing))` names the first input, in the order of
    /// the data, that is not built.
    ///
    /// # Errors
    /// A source is not there, or a manifest on the way is damaged.
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
        let source_references = sources
            .map(|source| self.sources.reference(source))
            .collect::<Result<Vec<_>, _>>()?;
        let stage = step.id.stage;
        Ok(Ok(ResolvedStep {
            key: step_key(stage, &step.settings, &input_references, &source_references),
            step: step.clone(),
            inputs,
            input_references,
            source_references,
        }))
    }

    /// The same, looking again for so long where an input is not there.
    ///
    /// # Errors
    /// See [`Resolver::resolve`].
    pub fn resolve_within(
        &mut self,
        step: &Step,
        patience: Duration,
    ) -> Result<Result<ResolvedStep, StepId>, ArtifactError> {
        let clock = Instant::now();
        loop {
            match self.resolve(step)? {
                Err(missing) if clock.elapsed() < patience => {
                    self.store.refresh_listing(missing.stage);
                    thread::sleep(LOOK_EVERY);
                }
                resolved => return Ok(resolved),
            }
        }
    }

    /// Takes note of an artifact just made, so that what follows is resolved with it.
    pub fn record(&mut self, id: &StepId, artifact: Artifact) {
        self.found.insert(id.clone(), artifact);
    }

    /// Keeps what was learned about sources for the next run.
    pub fn save(&self) {
        self.sources.save();
    }

    fn artifact(&mut self, id: &StepId) -> Result<Result<Artifact, StepId>, ArtifactError> {
        if let Some(artifact) = self.found.get(id) {
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
