//! The whole file: read, overridden, merged, checked.

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
    SettingsError, SweepSettings, TokenizerSettings, TrainingSettings, Trial, check,
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
    pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, SettingsError> {
        let file = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            SettingsError::new(format!("Could not read the pipeline file `{file}`"))
                .with_cause(error)
                .with_hint("Name the pipeline file with `--pipeline FILE`".to_owned())
        })?;
        let parse_error = |error: toml::de::Error| {
            SettingsError::new(format!("The pipeline file `{file}` cannot be understood"))
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
) -> Result<Pipeline, SettingsError> {
    let PipelineTable {
        name,
        seed,
        artifacts,
        folder: _,
    } = named;
    let in_folder = |path: Option<PathBuf>| path.map(|path| folder.join(path));
    let mut ingest = file.ingest;
    ingest.source = ingest.source.iter().map(|path| folder.join(path)).collect();
    let mut clean = file.clean;
    clean.seed.get_or_insert(seed);
    let mut tokenizers = file.tokenizer;
    for tokenizer in tokenizers.values_mut() {
        tokenizer.source = in_folder(tokenizer.source.take());
    }
    let mut embeddings = file.embedding;
    for embedding in embeddings.values_mut() {
        embedding.source = in_folder(embedding.source.take());
    }
    fill_embeddings(&mut embeddings, seed);
    let written = table.get("model").cloned();
    let written = written.unwrap_or_else(|| Table::new().into()).try_into();
    let mut models = Models {
        written: written.expect("the tables of models were read before"),
        training: file.training,
        seed,
        trials: IndexMap::new(),
        models: IndexMap::new(),
        sweeps: IndexMap::new(),
        repeats: IndexMap::new(),
    };
    models.add_sweeps(&file.sweep)?;
    models.add_range_tests(&file.range_test)?;
    models.add_models(file.model, &file.sweep)?;
    let Models {
        trials,
        models,
        sweeps,
        repeats,
        ..
    } = models;
    check::check_ensembles(&file.ensemble, &models)?;
    let evaluation = file.evaluation;
    let evaluate = |name: &String, folds, ensemble| EvaluationSettings {
        model: name.clone(),
        bootstrap_samples: evaluation.bootstrap_samples,
        confidence: evaluation.confidence,
        batch_size: evaluation.batch_size,
        seed: evaluation.seed.unwrap_or(seed),
        challenge: in_folder(evaluation.challenge.clone()),
        folds,
        ensemble,
    };
    let of_models = models.iter().map(|(name, model)| {
        let folds = match model.kind {
            ModelKind::Linear | ModelKind::Winner => evaluation.folds,
            _ => 0,
        };
        (name.clone(), evaluate(name, folds, None))
    });
    let of_ensembles = file.ensemble.into_iter().map(|(name, ensemble)| {
        let settings = evaluate(&name, 0, Some(ensemble));
        (name, settings)
    });
    let evaluations = of_models.chain(of_ensembles).collect();
    let title = match file.report.title.is_empty() {
        true => name.clone(),
        false => file.report.title,
    };
    Ok(Pipeline {
        file: path.to_owned(),
        folder: folder.to_owned(),
        artifacts: folder.join(artifacts.unwrap_or_else(|| "artifacts".into())),
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
        report: ReportSettings {
            title,
            sweeps,
            repeats,
        },
    })
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

/// All that is trained, as it is put together from the tables of models, sweeps and range tests.
struct Models {
    /// `[model.NAME]` as written.
    written: IndexMap<String, Table>,
    /// `[training]`.
    training: TrainingSettings,
    /// The pipeline's.
    seed: u64,
    trials: IndexMap<String, ModelSettings>,
    models: IndexMap<String, ModelSettings>,
    sweeps: IndexMap<String, Vec<Trial>>,
    repeats: IndexMap<String, Vec<String>>,
}

impl Models {
    fn add_sweeps(&mut self, sweeps: &IndexMap<String, SweepSettings>) -> Checked {
        for (name, sweep) in sweeps {
            let mut found = Vec::new();
            for (trial, table) in sweep.trials(name, &self.written, self.seed)? {
                let mut settings = self.resolve(&table, &trial.name)?;
                settings.seed = settings.seed.wrapping_add(u64::from(trial.seed));
                found.push((trial, settings));
            }
            match sweep.halving {
                Some(halving) => self.trials.extend(halving.steps(name, &found)?),
                None => {
                    let found = found.iter().cloned();
                    self.trials
                        .extend(found.map(|(trial, settings)| (trial.name, settings)));
                }
            }
            let trials = found.into_iter().map(|(trial, _)| trial);
            self.sweeps.insert(name.clone(), trials.collect());
        }
        Ok(())
    }

    /// A range test is a step beside the models, and is told from them by its name.
    fn add_range_tests(&mut self, tests: &IndexMap<String, RangeTestTable>) -> Checked {
        for (name, test) in tests {
            check::check_name("range_test", name)?;
            let is_new = !self.written.contains_key(name) && !self.trials.contains_key(name);
            let key = Key::of("range_test").at(name);
            key.require(is_new, "has the name of a model or of a trial")?;
            let written = key.at("model").refer("model", &test.model, &self.written)?;
            let mut settings = self.resolve(written, name)?;
            settings.range_test = Some(test.resolve(&key, &settings)?);
            self.trials.insert(name.clone(), settings);
        }
        Ok(())
    }

    fn add_models(
        &mut self,
        tables: IndexMap<String, ModelSettings>,
        sweeps: &IndexMap<String, SweepSettings>,
    ) -> Checked {
        for (name, table) in tables {
            let (key, written) = (Key::of("model").at(&name), &self.written[&name]);
            let seeds = table.seeds;
            check::check_seeds(&key, seeds, table.kind)?;
            if table.kind == ModelKind::Winner {
                check::check_winner(&key, written, sweeps)?;
            }
            let mut settings = self.resolve(written, &name)?;
            // A winner reads what its trials read.
            let sweep = table.sweep.filter(|_| table.kind == ModelKind::Winner);
            let trials = sweep.and_then(|sweep| self.sweeps.get(&sweep));
            if let Some(trial) = trials.and_then(|trials| trials.first()) {
                let base = &self.trials[&trial.name];
                settings.embedding.clone_from(&base.embedding);
                settings.tokenizer.clone_from(&base.tokenizer);
            }
            self.models.insert(name.clone(), settings.clone());
            for number in 1..seeds {
                let again = format!("{name}-s{number}");
                let repeats = self.repeats.entry(name.clone()).or_default();
                repeats.push(again.clone());
                let seed = settings.seed.wrapping_add(u64::from(number));
                let settings = settings.clone();
                self.models
                    .insert(again, ModelSettings { seed, ..settings });
            }
        }
        Ok(())
    }

    /// The settings of a model, with those of `[training]` where it takes steps and of its own `training` laid
    /// over them.
    fn resolve(&self, written: &Table, name: &str) -> Result<ModelSettings, SettingsError> {
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
