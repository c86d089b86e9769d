//! The graph: which steps a pipeline has, with which settings, and what each one reads.

use std::fmt;
use std::path::{Path, PathBuf};

use artifact::{Source, StageName};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::{EmbeddingKind, ModelKind, Pipeline, SettingsError};

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
        let ingest = StepId::new(Ingest, REVIEWS);
        let clean = StepId::new(Clean, REVIEWS);
        let mut steps = vec![
            Step {
                sources: self.ingest_sources(),
                ..step(ingest.clone(), &self.ingest, vec![], None)
            },
            step(clean.clone(), &self.clean, vec![ingest.clone()], None),
        ];
        for (name, settings) in &self.tokenizers {
            let source = settings.source.clone().map(Source::Path);
            steps.push(step(
                StepId::new(Tokenize, name),
                settings,
                vec![clean.clone()],
                source,
            ));
        }
        // Features come after all encoders: they read one of them.
        let (encoders, features): (Vec<_>, Vec<_>) = self
            .embeddings
            .iter()
            .partition(|(_, settings)| settings.encoder.is_none());
        for (name, settings) in encoders.into_iter().chain(features) {
            let mut inputs = vec![StepId::new(Tokenize, &settings.tokenizer)];
            inputs.extend(settings.encoder.iter().map(|name| StepId::new(Embed, name)));
            steps.push(Step {
                sources: settings.sources(),
                ..step(StepId::new(Embed, name), settings, inputs, None)
            });
        }
        for (name, settings) in self.trials.iter().chain(&self.models) {
            let mut inputs = vec![self.tokens_of(settings)];
            match (&settings.sweep, settings.kind) {
                (Some(sweep), ModelKind::Winner) => {
                    let trials = self.report.sweeps[sweep].iter();
                    inputs.extend(trials.map(|trial| StepId::new(Train, &trial.name)));
                }
                (_, ModelKind::Linear) => {}
                _ => inputs.push(StepId::new(Embed, &settings.embedding)),
            }
            let rivals = settings.rung.iter().flat_map(|rung| &rung.rivals);
            inputs.extend(rivals.map(|rival| StepId::new(Train, rival)));
            steps.push(step(StepId::new(Train, name), settings, inputs, None));
        }
        for (name, settings) in &self.evaluations {
            let inputs = match &settings.ensemble {
                Some(ensemble) => {
                    let members = ensemble.models.iter();
                    members
                        .map(|member| StepId::new(Evaluate, member))
                        .collect()
                }
                None => {
                    let model = &self.models[name];
                    // The reviews themselves: what was got wrong is to be read.
                    let mut inputs = vec![clean.clone(), self.tokens_of(model)];
                    inputs.push(StepId::new(Train, name));
                    let embedding = self.embeddings.get(&model.embedding);
                    if embedding.is_some_and(|it| it.kind == EmbeddingKind::Features) {
                        inputs.push(StepId::new(Embed, &model.embedding));
                    }
                    inputs
                }
            };
            // What members of an ensemble were put to is in what they said.
            let challenge = settings.challenge.clone().map(Source::Path);
            let challenge = challenge.filter(|_| settings.ensemble.is_none());
            let id = StepId::new(Evaluate, name);
            steps.push(step(id, settings, inputs, challenge));
        }
        if !self.models.is_empty() {
            // Of a sweep that stops the worst early the last rung, which takes over from the others.
            let everything = steps
                .iter()
                .map(|step| &step.id)
                .filter(|id| !self.is_passing(id))
                .cloned()
                .collect();
            steps.push(step(
                StepId::new(Report, REVIEWS),
                &self.report,
                everything,
                None,
            ));
        }
        steps
    }

    /// One step by stage and variant. Without a variant there must be just one.
    ///
    /// # Errors
    /// There is no such variant, or there are several and none was named.
    pub fn step(&self, stage: StageName, variant: Option<&str>) -> Result<Step, SettingsError> {
        let mut steps = self.steps();
        steps.retain(|step| step.id.stage == stage);
        let known: Vec<String> = steps.iter().map(|step| step.id.variant.clone()).collect();
        match variant {
            Some(name) => steps
                .into_iter()
                .find(|step| step.id.variant == name)
                .ok_or_else(|| SettingsError::UnknownVariant { stage, name: name.to_owned(), known }),
            None if steps.len() == 1 => Ok(steps.remove(0)),
            None => Err(SettingsError::Value {
                key: stage.to_string(),
                problem: format!("has {} variants in the pipeline file, and none was named", known.len()),
                hint: known.first().map(|first| {
                    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                    format!("Name one with `--variant`, for example `--variant {first}`; there are {list}")
                }),
            }),
        }
    }

    /// Whether a step is a rung of a trial that another rung follows.
    fn is_passing(&self, id: &StepId) -> bool {
        let trial = self.trials.get(&id.variant);
        let trial = trial.filter(|_| id.stage == StageName::Train);
        trial.is_some_and(|trial| {
            let rung = trial.rung.as_ref();
            rung.is_some_and(|rung| rung.epochs < trial.training.epochs)
        })
    }

    /// The sweep that each of its steps belongs to, by the steps' variants.
    pub fn sweeps_of_trials(&self) -> IndexMap<&str, &str> {
        let mut sweeps = IndexMap::new();
        for (sweep, trials) in &self.report.sweeps {
            for trial in trials {
                let mut name = Some(trial.name.as_str());
                while let Some((name_now, settings)) =
                    name.and_then(|name| self.trials.get_key_value(name))
                {
                    sweeps.insert(name_now.as_str(), sweep.as_str());
                    name = settings.rung.as_ref().and_then(|rung| rung.from.as_deref());
                }
            }
        }
        sweeps
    }

    fn tokens_of(&self, model: &crate::ModelSettings) -> StepId {
        let embedding = self.embeddings.get(&model.embedding);
        let tokenizer = embedding.map_or(&model.tokenizer, |embedding| &embedding.tokenizer);
        StepId::new(StageName::Tokenize, tokenizer)
    }

    /// Paths win over a download. A pattern stands for the files that match it, in the order of
    /// their names; one that nothing matches stands for itself, and is reported as missing.
    fn ingest_sources(&self) -> Vec<Source> {
        let paths = self.ingest.source.iter().flat_map(|path| matching(path));
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
pub fn matching(path: &Path) -> Vec<PathBuf> {
    let text = path.to_string_lossy();
    let is_pattern = text.contains(['*', '?', '[']) && !path.exists();
    let found: Vec<PathBuf> = if is_pattern {
        glob::glob(&text)
            .map(|paths| {
                paths
                    .filter_map(Result::ok)
                    .filter(|path| path.is_file())
                    .collect()
            })
            .unwrap_or_default()
    } else {
        Vec::new()
    };
    if found.is_empty() {
        vec![path.to_owned()]
    } else {
        found
    }
}

fn step<S: Serialize>(
    id: StepId,
    settings: &S,
    inputs: Vec<StepId>,
    source: Option<Source>,
) -> Step {
    let settings = serde_json::to_value(settings).expect("settings are plain data");
    Step {
        id,
        settings,
        inputs,
        sources: source.into_iter().collect(),
    }
}
