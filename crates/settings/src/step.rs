//! The graph of a pipeline: its steps, their settings and their inputs.

use std::fmt;
use std::path::{Path, PathBuf};

use artifact::{Failure, Source, StageName};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::names::{list_known, unknown_variant};
use crate::setting_path::SettingPath;
use crate::{EmbeddingKind, ModelKind, ModelSettings, Pipeline};

/// Variant name of the stages that have only one variant: ingest, clean and report.
pub const REVIEWS: &str = "reviews";

/// A stage and a variant, which together name a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId {
    /// The stage.
    pub stage: StageName,
    /// The variant's name in the pipeline file, or [`REVIEWS`].
    pub variant: String,
}

impl StepId {
    /// The step of a stage and a variant.
    pub fn new(stage: StageName, variant: &str) -> Self {
        let variant = variant.to_owned();
        Self { stage, variant }
    }

    /// Whether its stage has only one step, whose variant is [`REVIEWS`].
    pub fn has_single_variant(&self) -> bool {
        use StageName::{Clean, Ingest, Report};
        matches!(self.stage, Ingest | Clean | Report)
    }

    /// The argument ` --model NAME` that selects it among the steps of its stage; empty if there is only one.
    pub fn model_argument(&self) -> String {
        match self.has_single_variant() {
            true => String::new(),
            false => format!(" --model {}", self.variant),
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{} {}", self.stage, self.variant))
    }
}

/// A step with everything that determines its output.
#[derive(Clone, Debug)]
pub struct Step {
    /// Stage and variant.
    pub id: StepId,
    /// The settings that the stage receives. They are part of its key.
    pub settings: Value,
    /// Steps whose artifacts it reads, in a fixed order.
    pub inputs: Vec<StepId>,
    /// Files and downloads that it reads from outside the store, in a fixed order.
    pub sources: Vec<Source>,
}

impl Pipeline {
    /// All steps. Each step comes after its inputs.
    pub fn steps(&self) -> Vec<Step> {
        use StageName::{Clean, Embed, Evaluate, Ingest, Report, Tokenize, Train};
        let (ingest, clean) = (StepId::new(Ingest, REVIEWS), StepId::new(Clean, REVIEWS));
        let mut steps = vec![
            step(ingest.clone(), &self.ingest, vec![], self.ingest_sources()),
            step(clean.clone(), &self.clean, vec![ingest], vec![]),
        ];
        for (name, settings) in &self.tokenizers {
            let (id, inputs) = (StepId::new(Tokenize, name), vec![clean.clone()]);
            let sources = settings.source.iter().cloned().map(Source::Path);
            steps.push(step(id, settings, inputs, sources.collect()));
        }
        // Features read an encoder, so they come after all encoders.
        let embeddings = self.embeddings.iter();
        let (encoders, features): (Vec<_>, Vec<_>) =
            embeddings.partition(|(_, settings)| settings.encoder.is_none());
        for (name, settings) in encoders.into_iter().chain(features) {
            let mut inputs = vec![StepId::new(Tokenize, &settings.tokenizer)];
            inputs.extend(settings.encoder.iter().map(|name| StepId::new(Embed, name)));
            let id = StepId::new(Embed, name);
            steps.push(step(id, settings, inputs, settings.sources()));
        }
        for (name, settings) in self.trials.iter().chain(&self.models) {
            let mut inputs = vec![self.tokenize_step(settings)];
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
            let challenge = settings.challenge.iter().cloned().map(Source::Path);
            let (inputs, sources) = if let Some(ensemble) = &settings.ensemble {
                let inputs = ensemble.models.iter().map(|it| StepId::new(Evaluate, it));
                // The answers of the members already contain the challenge set.
                (inputs.collect(), vec![])
            } else {
                let model = &self.models[name];
                // The errors are shown with the texts of the reviews, so the reviews are an input.
                let mut inputs = vec![clean.clone(), self.tokenize_step(model)];
                inputs.push(StepId::new(Train, name));
                let embedding = self.embeddings.get(&model.embedding);
                if embedding.is_some_and(|it| it.kind == EmbeddingKind::Features) {
                    inputs.push(StepId::new(Embed, &model.embedding));
                }
                (inputs, challenge.collect())
            };
            let id = StepId::new(Evaluate, name);
            steps.push(step(id, settings, inputs, sources));
        }
        if !self.models.is_empty() {
            // The last rung of a trial contains the results of its earlier rungs.
            let ids = steps.iter().map(|step| &step.id);
            let inputs = ids.filter(|id| !self.is_earlier_rung(id)).cloned();
            let inputs = inputs.collect();
            let id = StepId::new(Report, REVIEWS);
            steps.push(step(id, &self.report, inputs, vec![]));
        }
        steps
    }

    /// The step of a stage and a variant. Without a variant, the only step of the stage.
    ///
    /// # Errors
    /// There is no such variant, or the stage has several variants and none is named.
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
        let count = known.len();
        let problem = format!("has {count} variants in the pipeline file, and none was named");
        let hint = known.first().map(|first| {
            let known = list_known(&known);
            format!("Name one with `--model`, for example `--model {first}`. {known}")
        });
        let key = SettingPath::new(stage.as_str());
        Err(key.error(problem).with_hint(hint))
    }

    /// Whether a step is a rung that is not the last one of its trial.
    fn is_earlier_rung(&self, id: &StepId) -> bool {
        let trial = self.trials.get(&id.variant);
        let epochs = trial.and_then(|it| Some((it.rung.as_ref()?.epochs, it.training.epochs)));
        id.stage == StageName::Train && epochs.is_some_and(|(rung, all)| rung < all)
    }

    /// For the variant of every training step of a sweep, the name of the sweep.
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

    /// The tokenize step whose tokens a model reads.
    fn tokenize_step(&self, model: &ModelSettings) -> StepId {
        let embedding = self.embeddings.get(&model.embedding);
        let tokenizer = embedding.map_or(&model.tokenizer, |embedding| &embedding.tokenizer);
        StepId::new(StageName::Tokenize, tokenizer)
    }

    /// The sources of ingest: its paths, with patterns expanded, or without paths its download.
    fn ingest_sources(&self) -> Vec<Source> {
        let paths = self.ingest.source.iter().flat_map(|it| expand_pattern(it));
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

/// The files that match a pattern, sorted by name. A path that is no pattern, or that no file matches, is
/// returned unchanged, so that it is reported as missing.
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

fn step(id: StepId, settings: &impl Serialize, inputs: Vec<StepId>, sources: Vec<Source>) -> Step {
    Step {
        id,
        settings: serde_json::to_value(settings).expect("settings are plain data"),
        inputs,
        sources,
    }
}
