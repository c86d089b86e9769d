//! The whole file: read, overridden, merged, checked.

use artifact::Failure;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::Error;
use toml::Table;

use crate::evaluation::{EvaluationTable, ReportTable};
use crate::key::{Checked, Key};
use crate::overrides::apply_all;
use crate::range_test::RangeTestTable;
use crate::{
    CleanSettings, EmbeddingKind, EmbeddingSettings, EngineSettings, EnsembleSettings,
    EvaluationSettings, IngestSettings, ModelKind, ModelSettings, Override, ReportSettings,
    SweepSettings, TokenizerSettings, TrainingSettings, check,
};

/// A checked pipeline: every reference resolves, every value makes sense.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The file it was read from.
    pub file: PathBuf,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// What people call it.
    pub name: String,
    /// The artifacts folder.
    pub artifacts: PathBuf,
    /// How it runs on this machine; never part of what is computed.
    pub run: RunSettings,
    /// Where it runs, and what each stage may use there; never part of what is computed either.
    pub engine: EngineSettings,
    /// `[ingest]`.
    pub ingest: IngestSettings,
    /// `[clean]`.
    pub clean: CleanSettings,
    /// `[tokenizer.NAME]`, in the order of the file.
    pub tokenizers: IndexMap<String, TokenizerSettings>,
    /// `[embedding.NAME]`, in the order of the file.
    pub embeddings: IndexMap<String, EmbeddingSettings>,
    /// `[model.NAME]`, in the order of the file.
    pub models: IndexMap<String, ModelSettings>,
    /// The trials of all `[sweep.NAME]`, by their variants; of a sweep that stops the worst early every
    /// rung of every trial. Each `[range_test.NAME]` is among them.
    pub trials: IndexMap<String, ModelSettings>,
    /// `[evaluation]`, applied to each model and each `[ensemble.NAME]`.
    pub evaluations: IndexMap<String, EvaluationSettings>,
    /// `[report]`.
    pub report: ReportSettings,
}

/// `[run]`: the machine's side. Changing it rebuilds nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// Where tensors live.
    pub device: Device,
    /// Cores to use at most; 0 is all of them. Steps that run at the same time share them.
    pub threads: usize,
    /// Steps that `ressenti run` runs at the same time, at most. No result depends on it. Several small
    /// trainings use cores better than one after the other; each needs memory of its own.
    pub jobs: usize,
    /// GPUs that jobs take turns on, each step seeing one; 0 leaves every step the first.
    pub gpus: usize,
    /// Whether a GPU is to give the same bits each time, at some cost of speed; a processor always does.
    pub deterministic: bool,
    /// When training saves its state.
    pub checkpoint: CheckpointSettings,
    /// How often a stage that met a passing fault (a lost GPU, a stall) is started again.
    pub retries: u32,
    /// Seconds without progress after which a stage is stopped and started again; 0 waits for ever.
    pub stall_timeout: u64,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            threads: 0,
            jobs: 1,
            gpus: 0,
            deterministic: false,
            checkpoint: CheckpointSettings::default(),
            retries: 3,
            stall_timeout: 1800,
        }
    }
}

/// `[run.checkpoint]`: how much work a crash may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointSettings {
    /// Seconds between two checkpoints; 0 takes no heed of time.
    pub seconds: u64,
    /// Optimizer steps between two checkpoints; 0 takes no heed of steps.
    pub steps: u64,
    /// How many of the newest are kept; each has the best epoch's weights as well.
    pub keep: u32,
}

impl Default for CheckpointSettings {
    fn default() -> Self {
        Self {
            seconds: 60,
            steps: 0,
            keep: 2,
        }
    }
}

impl RunSettings {
    /// Jobs at the same time at most; more are a slip of the pen.
    pub const MOST_JOBS: usize = 64;

    /// The number of cores to use: at least one.
    pub fn cores(&self) -> usize {
        let available = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.threads == 0 {
            available
        } else {
            self.threads
        }
    }
}

/// Where tensors live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// CUDA where it works, else the processor; says which and why.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// CUDA, or an error.
    Cuda,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PipelineFile {
    pipeline: Option<PipelineTable>,
    run: RunSettings,
    engine: EngineSettings,
    ingest: IngestSettings,
    clean: CleanSettings,
    tokenizer: IndexMap<String, TokenizerSettings>,
    embedding: IndexMap<String, EmbeddingSettings>,
    training: TrainingSettings,
    model: IndexMap<String, ModelSettings>,
    sweep: IndexMap<String, SweepSettings>,
    range_test: IndexMap<String, RangeTestTable>,
    ensemble: IndexMap<String, EnsembleSettings>,
    evaluation: EvaluationTable,
    report: ReportTable,
}

/// `[pipeline]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PipelineTable {
    name: String,
    #[serde(default)]
    seed: u64,
    artifacts: Option<PathBuf>,
    folder: Option<PathBuf>,
}

impl Pipeline {
    /// Reads a pipeline file and applies overrides to it. Paths in either are relative to the
    /// file's folder, so that a command means the same from every folder; a copy of a file that lies
    /// elsewhere says with `pipeline.folder` where the original is.
    ///
    /// # Errors
    /// The file cannot be read, has an unknown table, key or value, or a reference to nothing.
    pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, Failure> {
        let file = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(format!("Failed to read the pipeline file `{file}`"))
                .with_cause(error)
                .with_hint("Name the pipeline file with `--pipeline FILE`".to_owned())
        })?;
        let parse_error = |error: toml::de::Error| {
            Failure::new(format!("The pipeline file `{file}` cannot be understood"))
                .with_cause(error)
        };
        // Parsed from text first, because only then does an error know its line and column.
        let mut file: PipelineFile = toml::from_str(&text).map_err(parse_error)?;
        let mut table: Table = text.parse().map_err(parse_error)?;
        let read = |table: &Table| PipelineFile::deserialize(table.clone());
        if let Some(changed) = apply_all(overrides.iter(), &mut table, read)? {
            file = changed;
        }
        let named = file.pipeline.take();
        let named = named.ok_or_else(|| parse_error(Error::missing_field("pipeline")))?;
        let own_folder = path.parent().unwrap_or(Path::new(""));
        let folder = match &named.folder {
            Some(folder) => own_folder.join(folder),
            None => own_folder.to_owned(),
        };
        let pipeline = resolve(named, file, &table, path, &folder)?;
        check::check(&pipeline)?;
        Ok(pipeline)
    }
}

fn resolve(
    named: PipelineTable,
    file: PipelineFile,
    table: &Table,
    path: &Path,
    folder: &Path,
) -> Result<Pipeline, Failure> {
    let PipelineTable { name, seed, .. } = named;
    let in_folder = |path: Option<PathBuf>| path.map(|path| folder.join(path));
    let artifacts = named.artifacts.unwrap_or_else(|| "artifacts".into());
    let title = match file.report.title.is_empty() {
        true => name.clone(),
        false => file.report.title,
    };
    let mut pipeline = Pipeline {
        file: path.to_owned(),
        folder: folder.to_owned(),
        artifacts: folder.join(artifacts),
        name,
        run: file.run,
        engine: file.engine,
        ingest: file.ingest,
        clean: file.clean,
        tokenizers: file.tokenizer,
        embeddings: file.embedding,
        models: IndexMap::new(),
        trials: IndexMap::new(),
        evaluations: IndexMap::new(),
        report: ReportSettings {
            title,
            ..ReportSettings::default()
        },
    };
    for source in &mut pipeline.ingest.source {
        *source = folder.join(&source);
    }
    pipeline.clean.seed.get_or_insert(seed);
    for tokenizer in pipeline.tokenizers.values_mut() {
        tokenizer.source = in_folder(tokenizer.source.take());
    }
    for embedding in pipeline.embeddings.values_mut() {
        embedding.source = in_folder(embedding.source.take());
    }
    fill_embeddings(&mut pipeline.embeddings, seed);
    let written = table.get("model").cloned();
    let written = written.unwrap_or_else(|| Table::new().into()).try_into();
    let tables = ModelTables {
        written: written.expect("the tables of models were read before"),
        training: file.training,
        seed,
    };
    tables.add_sweeps(&mut pipeline, &file.sweep)?;
    tables.add_range_tests(&mut pipeline, &file.range_test)?;
    tables.add_models(&mut pipeline, file.model, &file.sweep)?;
    check::check_ensembles(&file.ensemble, &pipeline.models)?;
    let evaluation = file.evaluation;
    let mut evaluate = |name: &String, folds, ensemble| {
        let settings = EvaluationSettings {
            model: name.clone(),
            bootstrap_samples: evaluation.bootstrap_samples,
            confidence: evaluation.confidence,
            batch_size: evaluation.batch_size,
            seed: evaluation.seed.unwrap_or(seed),
            challenge: in_folder(evaluation.challenge.clone()),
            folds,
            ensemble,
        };
        pipeline.evaluations.insert(name.clone(), settings);
    };
    for (name, model) in &pipeline.models {
        let is_linear = matches!(model.kind, ModelKind::Linear | ModelKind::Winner);
        let folds = if is_linear { evaluation.folds } else { 0 };
        evaluate(name, folds, None);
    }
    for (name, ensemble) in file.ensemble {
        evaluate(&name, 0, Some(ensemble));
    }
    Ok(pipeline)
}

/// What an embedding has where nothing is said: the pipeline's seed where it draws numbers, and for features the
/// tokenizer of their encoder.
fn fill_embeddings(embeddings: &mut IndexMap<String, EmbeddingSettings>, seed: u64) {
    let tokenizers: HashMap<String, String> = embeddings
        .iter()
        .map(|(name, embedding)| (name.clone(), embedding.tokenizer.clone()))
        .collect();
    for embedding in embeddings.values_mut() {
        let is_learned = embedding.kind == EmbeddingKind::Learned;
        let is_random = embedding.kind == EmbeddingKind::Random;
        if is_random || is_learned || embedding.adaptation.is_some() {
            embedding.seed.get_or_insert(seed);
        }
        if is_learned {
            embedding.learning.get_or_insert_default();
        }
        if let Some(encoder) = &embedding.encoder {
            if embedding.tokenizer.is_empty() {
                embedding.tokenizer = tokenizers.get(encoder).cloned().unwrap_or_default();
            }
            embedding.features.get_or_insert_default();
        }
    }
}

/// What models are made from: their tables, and what holds for all of them.
struct ModelTables {
    /// `[model.NAME]` as written.
    written: IndexMap<String, Table>,
    /// `[training]`.
    training: TrainingSettings,
    /// The pipeline's.
    seed: u64,
}

impl ModelTables {
    fn add_sweeps(
        &self,
        pipeline: &mut Pipeline,
        sweeps: &IndexMap<String, SweepSettings>,
    ) -> Checked {
        for (name, sweep) in sweeps {
            let mut found = Vec::new();
            for (trial, table) in sweep.trials(name, &self.written, self.seed)? {
                let mut settings = self.resolve(&table, &trial.name)?;
                settings.seed = settings.seed.wrapping_add(u64::from(trial.seed));
                found.push((trial, settings));
            }
            if let Some(halving) = sweep.halving {
                pipeline.trials.extend(halving.steps(name, &found)?);
            } else {
                let trials = found.iter().cloned();
                let trials = trials.map(|(trial, settings)| (trial.name, settings));
                pipeline.trials.extend(trials);
            }
            let trials = found.into_iter().map(|(trial, _)| trial).collect();
            pipeline.report.sweeps.insert(name.clone(), trials);
        }
        Ok(())
    }

    /// A range test is a step beside the models, and is told from them by its name.
    fn add_range_tests(
        &self,
        pipeline: &mut Pipeline,
        tests: &IndexMap<String, RangeTestTable>,
    ) -> Checked {
        for (name, test) in tests {
            check::check_name("range_test", name)?;
            let is_new = !self.written.contains_key(name) && !pipeline.trials.contains_key(name);
            let key = Key::of("range_test").at(name);
            key.require(is_new, "has the name of a model or of a trial")?;
            let written = key.at("model").refer("model", &test.model, &self.written)?;
            let mut settings = self.resolve(written, name)?;
            settings.range_test = Some(test.resolve(&key, &settings)?);
            pipeline.trials.insert(name.clone(), settings);
        }
        Ok(())
    }

    fn add_models(
        &self,
        pipeline: &mut Pipeline,
        models: IndexMap<String, ModelSettings>,
        sweeps: &IndexMap<String, SweepSettings>,
    ) -> Checked {
        for (name, model) in models {
            let (key, written) = (Key::of("model").at(&name), &self.written[&name]);
            check::check_seeds(&key, model.seeds, model.kind)?;
            let is_winner = model.kind == ModelKind::Winner;
            if is_winner {
                check::check_winner(&key, written, sweeps)?;
            }
            let mut settings = self.resolve(written, &name)?;
            let trials = model.sweep.filter(|_| is_winner);
            let trials = trials.and_then(|sweep| pipeline.report.sweeps.get(&sweep));
            if let Some(trial) = trials.and_then(|trials| trials.first()) {
                // It reads what its trials read.
                let base = &pipeline.trials[&trial.name];
                settings.embedding.clone_from(&base.embedding);
                settings.tokenizer.clone_from(&base.tokenizer);
            }
            pipeline.models.insert(name.clone(), settings.clone());
            for number in 1..model.seeds {
                let again = format!("{name}-s{number}");
                let repeats = pipeline.report.repeats.entry(name.clone()).or_default();
                repeats.push(again.clone());
                let mut settings = settings.clone();
                settings.seed = settings.seed.wrapping_add(u64::from(number));
                pipeline.models.insert(again, settings);
            }
        }
        Ok(())
    }

    /// The settings of a model, with those of `[training]` where it takes steps and of its own `training` laid
    /// over them.
    fn resolve(&self, written: &Table, name: &str) -> Result<ModelSettings, Failure> {
        let key = Key::of("model").at(name);
        let settings = ModelSettings::of_table(written, &self.training, self.seed)
            .map_err(|error| key.misfit(&error))?;
        let made = ["rung", "range_test"].map(|setting| (setting, written.contains_key(setting)));
        key.require_absent(&made, "cannot be set: sweeps and range tests set it")?;
        let key = key.at("training");
        let own = written.get("training").and_then(toml::Value::as_table);
        if own.is_some_and(|own| !own.is_empty()) && !settings.kind.takes_steps() {
            return Err(key
                .error("says how to take steps, and this kind of model is fitted to its minimum")
                .with_hint(format!("Remove `[{key}]`")));
        }
        Ok(settings)
    }
}
