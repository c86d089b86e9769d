//! The graph: which steps a pipeline has, with which settings, and what each one reads.

use std::fmt;
use std::path::{Path, PathBuf};

use artifact::{Failure, Source, StageName};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::key::Key;
use crate::names::{list, unknown_variant};
use crate::{EmbeddingKind, ModelKind, ModelSettings, Pipeline};

/// The variant name of the stages that come before the variants part.
pub const REVIEWS: &str = "reviews";

/// One stage for one variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId {
    /// The stage.
    pub stage: StageName,
    /// The variant's name in the pipeline file, or [`REVIEWS`].
    pub variant: String,
}

impl StepId {
    /// A step by its stage and variant.
    pub fn new(stage: StageName, variant: &str) -> Self {
        Self {
            stage,
            variant: variant.to_owned(),
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{} {}", self.stage, self.variant))
    }
}

/// A step with all that determines its output.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which one.
    pub id: StepId,
    /// Its own settings: all the stage is given to see, and all that enters its key.
    pub settings: Value,
    /// The steps whose artifacts it reads, in a fixed order.
    pub inputs: Vec<StepId>,
    /// What it reads from outside, in a fixed order.
    pub sources: Vec<Source>,
}

impl Pipeline {
    /// Every step, each after all it reads.
    pub fn steps(&self) -> Vec<Step> {
        use StageName::{Clean, Embed, Evaluate, Ingest, Report, Tokenize, Train};
        let (ingest, clean) = (StepId::new(Ingest, REVIEWS), StepId::new(Clean, REVIEWS));
        let mut steps = vec![
            step(ingest.clone(), &self.ingest, vec![], self.ingest_sources()),
            step(clean.clone(), &self.clean, vec![ingest], vec![]),
        ];
        for (name, settings) in &self.tokenizers {
            let (id, inputs) = (StepId::new(Tokenize, name), vec![clean.clone()]);
            let source = settings.source.clone().map(Source::Path);
            steps.push(step(id, settings, inputs, source));
        }
        // Features come after all encoders: they read one of them.
        let (encoders, features): (Vec<_>, Vec<_>) = self
            .embeddings
            .iter()
            .partition(|(_, settings)| settings.encoder.is_none());
        for (name, settings) in encoders.into_iter().chain(features) {
            let mut inputs = vec![StepId::new(Tokenize, &settings.tokenizer)];
            inputs.extend(settings.encoder.iter().map(|name| StepId::new(Embed, name)));
            let id = StepId::new(Embed, name);
            steps.push(step(id, settings, inputs, settings.sources()));
        }
        for (name, settings) in self.trials.iter().chain(&self.models) {
            let mut inputs = vec![self.tokens_of(settings)];
            match (&settings.sweep, settings.kind) {
                (Some(sweep), ModelKind::BestOfSweep) => {
                    let trials = self.report.sweeps[sweep].iter();
                    inputs.extend(trials.map(|trial| StepId::new(Train, &trial.name)));
                }
                (_, ModelKind::Linear) => {}
                _ => inputs.push(StepId::new(Embed, &settings.embedding)),
            }
            let previous_rung = settings.rung.iter().flat_map(|rung| &rung.previous_rung);
            inputs.extend(previous_rung.map(|trial| StepId::new(Train, trial)));
            steps.push(step(StepId::new(Train, name), settings, inputs, vec![]));
        }
        for (name, settings) in &self.evaluations {
            let (inputs, challenge) = if let Some(ensemble) = &settings.ensemble {
                let members = ensemble.models.iter();
                let inputs = members.map(|member| StepId::new(Evaluate, member));
                // What members of an ensemble were put to is in what they said.
                (inputs.collect(), None)
            } else {
                let model = &self.models[name];
                // The reviews themselves: what was got wrong is to be read.
                let mut inputs = vec![clean.clone(), self.tokens_of(model)];
                inputs.push(StepId::new(Train, name));
                let embedding = self.embeddings.get(&model.embedding);
                if embedding.is_some_and(|it| it.kind == EmbeddingKind::Features) {
                    inputs.push(StepId::new(Embed, &model.embedding));
                }
                (inputs, settings.challenge.clone().map(Source::Path))
            };
            let id = StepId::new(Evaluate, name);
            steps.push(step(id, settings, inputs, challenge));
        }
        if !self.models.is_empty() {
            // Of a sweep that stops the worst early the last rung, which takes over from the others.
            let ids = steps.iter().map(|step| &step.id);
            let everything = ids.filter(|id| !self.is_passing(id)).cloned().collect();
            let id = StepId::new(Report, REVIEWS);
            steps.push(step(id, &self.report, everything, vec![]));
        }
        steps
    }

    /// One step by stage and variant. Without a variant there must be just one.
    ///
    /// # Errors
    /// There is no such variant, or there are several and none was named.
    pub fn step(&self, stage: StageName, variant: Option<&str>) -> Result<Step, Failure> {
        let mut steps = self.steps();
        steps.retain(|step| step.id.stage == stage);
        let known: Vec<String> = steps.iter().map(|step| step.id.variant.clone()).collect();
        if let Some(name) = variant {
            let step = steps.into_iter().find(|step| step.id.variant == name);
            return step.ok_or_else(|| unknown_variant(stage, name, &known));
        }
        if steps.len() == 1 {
            return Ok(steps.remove(0));
        }
        let problem = format!(
            "has {} variants in the pipeline file, and none was named",
            known.len()
        );
        let hint = known.first().map(|first| {
            let list = list(&known);
            format!("Name one with `--variant`, for example `--variant {first}`; there are {list}")
        });
        Err(Key::of(stage.as_str()).error(problem).with_hint(hint))
    }

    /// Whether a step is a rung of a trial that another rung follows.
    fn is_passing(&self, id: &StepId) -> bool {
        let trial = self.trials.get(&id.variant);
        id.stage == StageName::Train
            && trial.is_some_and(|trial| {
                let rung = trial.rung.as_ref();
                rung.is_some_and(|rung| rung.epochs < trial.training.epochs)
            })
    }

    /// The sweep that each of its steps belongs to, by the steps' variants.
    pub fn sweep_by_step(&self) -> IndexMap<&str, &str> {
        let mut sweeps = IndexMap::new();
        for (sweep, trials) in &self.report.sweeps {
            for trial in trials {
                let mut name = Some(&trial.name);
                while let Some((step, settings)) = name.and_then(|it| self.trials.get_key_value(it))
                {
                    sweeps.insert(step.as_str(), sweep.as_str());
                    name = settings.rung.as_ref().and_then(|rung| rung.from.as_ref());
                }
            }
        }
        sweeps
    }

    fn tokens_of(&self, model: &ModelSettings) -> StepId {
        let embedding = self.embeddings.get(&model.embedding);
        let tokenizer = embedding.map_or(&model.tokenizer, |embedding| &embedding.tokenizer);
        StepId::new(StageName::Tokenize, tokenizer)
    }

    /// Paths win over a download. A pattern stands for the files that match it, in the order of
    /// their names; one that nothing matches stands for itself, and is reported as missing.
    fn ingest_sources(&self) -> Vec<Source> {
        let paths = self
            .ingest
            .source
            .iter()
            .flat_map(|path| expand_pattern(path));
        let mut sources: Vec<Source> = paths.map(Source::Path).collect();
        if let (true, Some(pinned)) = (sources.is_empty(), &self.ingest.download) {
            sources.push(Source::Pinned {
                url: pinned.url.clone(),
                sha256: pinned.sha256.clone(),
            });
        }
        sources
    }
}

/// The files that a path stands for: those that match it if it is a pattern, in the order of their
/// names, and else itself.
pub fn expand_pattern(path: &Path) -> Vec<PathBuf> {
    let text = path.to_string_lossy();
    let is_pattern = text.contains(['*', '?', '[']) && !path.exists();
    let mut found = Vec::new();
    if is_pattern {
        let paths = glob::glob(&text).into_iter().flatten().flatten();
        found.extend(paths.filter(|path| path.is_file()));
    }
    if found.is_empty() {
        found.push(path.to_owned());
    }
    found
}

fn step(
    id: StepId,
    settings: &impl Serialize,
    inputs: Vec<StepId>,
    sources: impl IntoIterator<Item = Source>,
) -> Step {
    Step {
        id,
        settings: serde_json::to_value(settings).expect("settings are plain data"),
        inputs,
        sources: sources.into_iter().collect(),
    }
}
