//! The whole file: read, overridden, merged, checked.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Deserialize;
use toml::Table;

use crate::evaluation::{EvaluationTable, ReportTable};
use crate::model::ModelTable;
use crate::range_test::{RangeTestTable, check_name_of};
use crate::{
    CleanSettings, EmbeddingKind, EmbeddingSettings, EngineSettings, EnsembleSettings,
    EvaluationSettings, IngestSettings, ModelKind, ModelSettings, Override, ReportSettings,
    SettingsError, SweepSettings, TokenizerSettings, TrainingSettings, check,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PipelineFile {
    pipeline: PipelineTable,
    #[serde(default)]
    run: RunSettings,
    #[serde(default)]
    engine: EngineSettings,
    #[serde(default)]
    ingest: IngestSettings,
    #[serde(default)]
    clean: CleanSettings,
    #[serde(default)]
    tokenizer: IndexMap<String, TokenizerSettings>,
    #[serde(default)]
    embedding: IndexMap<String, EmbeddingSettings>,
    #[serde(default)]
    training: TrainingSettings,
    #[serde(default)]
    model: IndexMap<String, ModelTable>,
    #[serde(default)]
    sweep: IndexMap<String, SweepSettings>,
    #[serde(default)]
    range_test: IndexMap<String, RangeTestTable>,
    #[serde(default)]
    ensemble: IndexMap<String, EnsembleSettings>,
    #[serde(default)]
    evaluation: EvaluationTable,
    #[serde(default)]
    report: ReportTable,
}

/// `[pipeline]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PipelineTable {
    name: String,
    #[serde(default)]
    seed: u64,
    #[serde(default = "default_artifacts")]
    artifacts: PathBuf,
    folder: Option<PathBuf>,
}

fn default_artifacts() -> PathBuf {
    PathBuf::from("artifacts")
}

impl Pipeline {
    /// Reads a pipeline file and applies overrides to it. Paths in either are relative to the
    /// file's folder, so that a command means the same from every folder; a copy of a file that lies
    /// elsewhere says with `pipeline.folder` where the original is.
    ///
    /// # Errors
    /// The file cannot be read, has an unknown table, key or value, or a reference to nothing.
    pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, SettingsError> {
        let text = fs::read_to_string(path).map_err(|source| SettingsError::Read {
            path: path.to_owned(),
            source,
        })?;
        let parse_error = |source: toml::de::Error| SettingsError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        };
        // Parsed from text first, because only then does an error know its line and column.
        let mut file: PipelineFile = toml::from_str(&text).map_err(parse_error)?;
        let mut table: Table = text.parse().map_err(parse_error)?;
        if !overrides.is_empty() {
            file = with_overrides(&mut table, overrides)?;
        }
        let own_folder = path.parent().unwrap_or(Path::new(""));
        let folder = match &file.pipeline.folder {
            Some(folder) => own_folder.join(folder),
            None => own_folder.to_owned(),
        };
        let pipeline = resolve(file, &table, path, &folder)?;
        check::check(&pipeline)?;
        Ok(pipeline)
    }
}

/// Applies the overrides one by one, so that the one that does not fit can be named.
fn with_overrides(
    table: &mut Table,
    overrides: &[Override],
) -> Result<PipelineFile, SettingsError> {
    let mut file = None;
    for setting in overrides {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| SettingsError::Override {
            setting: setting.as_str().to_owned(),
            source,
        };
        setting
            .apply(table)
            .map_err(|problem| failed(problem.into()))?;
        file = Some(
            PipelineFile::deserialize(table.clone()).map_err(|error| failed(Box::new(error)))?,
        );
    }
    Ok(file.expect("there is at least one override"))
}

/// Features read what their encoder reads, where nothing else is said.
fn inherit_tokenizers(embeddings: &mut IndexMap<String, EmbeddingSettings>) {
    let tokenizers: HashMap<String, String> = embeddings
        .iter()
        .map(|(name, embedding)| (name.clone(), embedding.tokenizer.clone()))
        .collect();
    for embedding in embeddings.values_mut() {
        let Some(encoder) = &embedding.encoder else {
            continue;
        };
        if embedding.tokenizer.is_empty() {
            embedding.tokenizer = tokenizers.get(encoder).cloned().unwrap_or_default();
        }
        embedding.features.get_or_insert_default();
    }
}

fn resolve(
    file: PipelineFile,
    table: &Table,
    path: &Path,
    folder: &Path,
) -> Result<Pipeline, SettingsError> {
    let PipelineTable {
        name,
        seed,
        artifacts,
        folder: _,
    } = file.pipeline;
    let in_folder = |path: &mut Option<PathBuf>| *path = path.take().map(|path| folder.join(path));

    let mut ingest = file.ingest;
    ingest.source = ingest.source.iter().map(|path| folder.join(path)).collect();
    let mut clean = file.clean;
    clean.seed.get_or_insert(seed);
    let mut tokenizers = file.tokenizer;
    for tokenizer in tokenizers.values_mut() {
        in_folder(&mut tokenizer.source);
    }
    let mut embeddings = file.embedding;
    for embedding in embeddings.values_mut() {
        in_folder(&mut embedding.source);
        if matches!(
            embedding.kind,
            EmbeddingKind::Random | EmbeddingKind::Learned
        ) {
            embedding.seed.get_or_insert(seed);
        }
        if embedding.adaptation.is_some() {
            embedding.seed.get_or_insert(seed);
        }
        if embedding.kind == EmbeddingKind::Learned {
            embedding.learning.get_or_insert_default();
        }
    }
    inherit_tokenizers(&mut embeddings);
    let written = table.get("model").and_then(toml::Value::as_table);
    let written = written.cloned().unwrap_or_default();
    let mut trials = IndexMap::new();
    let mut sweeps = IndexMap::new();
    for (name, sweep) in &file.sweep {
        let mut of_sweep = Vec::new();
        for (trial, table) in sweep.trials(name, &written, seed)? {
            let settings = resolve_model(table, &file.training, &trial.name, seed)?;
            of_sweep.push((trial, settings));
        }
        match sweep.halving {
            Some(halving) => trials.extend(halving.steps(name, &of_sweep)?),
            None => trials.extend(
                of_sweep
                    .iter()
                    .map(|(trial, settings)| (trial.name.clone(), settings.clone())),
            ),
        }
        let of_sweep: Vec<_> = of_sweep.into_iter().map(|(trial, _)| trial).collect();
        sweeps.insert(name.clone(), of_sweep);
    }
    for (name, test) in &file.range_test {
        check::check_name("range_test", name)?;
        check_name_of(name, &written, &trials)?;
        let (table, test) = test.resolve(name, &written)?;
        let settings = ModelSettings {
            range_test: Some(test),
            ..resolve_model(table, &file.training, name, seed)?
        };
        trials.insert(name.clone(), settings);
    }
    let mut models = IndexMap::new();
    let mut asserted = Vec::new();
    let mut repeats = IndexMap::new();
    for (name, mut table) in file.model {
        check::check_seeds(&name, table.seeds, table.kind)?;
        let seeds = table.seeds;
        if table.kind == ModelKind::Winner {
            check::check_winner(&name, &written, &file.sweep)?;
            let first = sweeps
                .get(table.sweep.as_deref().unwrap_or_default())
                .and_then(|trials| trials.first());
            if let Some(base) = first.map(|trial| &trials[&trial.name]) {
                table.embedding.clone_from(&base.embedding);
                table.tokenizer = Some(base.tokenizer.clone());
            }
        } else if table.kind != ModelKind::Linear {
            asserted.push((name.clone(), table.tokenizer.take()));
        }
        let settings = resolve_model(table, &file.training, &name, seed)?;
        models.insert(name.clone(), settings.clone());
        let again = (1..seeds).map(|number| {
            let seed = settings.seed.wrapping_add(u64::from(number));
            let settings = settings.clone();
            (
                format!("{name}-s{number}"),
                ModelSettings { seed, ..settings },
            )
        });
        let again: Vec<(String, ModelSettings)> = again.collect();
        if !again.is_empty() {
            let names = again.iter().map(|(name, _)| name.clone()).collect();
            repeats.insert(name, names);
        }
        models.extend(again);
    }
    let mut evaluation = file.evaluation;
    in_folder(&mut evaluation.challenge);
    check::check_ensembles(&file.ensemble, &models)?;
    let judged = models.keys().map(|model| (model.clone(), None));
    let united = file.ensemble.into_iter();
    let evaluations = judged
        .chain(united.map(|(name, settings)| (name, Some(settings))))
        .map(|(name, ensemble)| {
            let kind = models.get(&name).map(|model| model.kind);
            let settings = evaluation.resolve(&name, kind, seed, ensemble);
            (name, settings)
        })
        .collect();
    let report = file.report.resolve(&name, sweeps, repeats);
    let pipeline = Pipeline {
        file: path.to_owned(),
        folder: folder.to_owned(),
        artifacts: folder.join(artifacts),
        name,
        run: file.run,
        engine: file.engine,
        ingest,
        clean,
        tokenizers,
        embeddings,
        models,
        trials,
        evaluations,
        report,
    };
    check::check_asserted_tokenizers(&pipeline, &asserted)?;
    Ok(pipeline)
}

/// The settings of a model, with those of `[training]` where it takes steps.
fn resolve_model(
    mut table: ModelTable,
    shared: &TrainingSettings,
    name: &str,
    seed: u64,
) -> Result<ModelSettings, SettingsError> {
    let own = std::mem::take(&mut table.training);
    if !own.is_empty() && !table.kind.takes_steps() {
        return Err(SettingsError::Value {
            key: format!("model.{name}.training"),
            problem: "says how to take steps, and this kind of model is fitted to its minimum"
                .to_owned(),
            hint: Some(format!("Remove `[model.{name}.training]`")),
        });
    }
    let training = merge_training(shared, own, name)?;
    Ok(table.resolve(training, seed))
}

/// The settings of `[training]` with those of `[model.NAME.training]` laid over them.
fn merge_training(
    shared: &TrainingSettings,
    own: Table,
    model: &str,
) -> Result<TrainingSettings, SettingsError> {
    let mut merged = Table::try_from(shared).expect("training settings are plain data");
    merged.extend(own);
    TrainingSettings::deserialize(merged).map_err(|error| {
        SettingsError::value(
            format!("model.{model}.training"),
            format!("does not fit: {}", error.message()),
        )
    })
}
