//! The pipeline file: reads it, applies overrides, fills in defaults and checks the result.

use artifact::Failure;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::evaluation::{EvaluationTable, ReportTable};
use crate::mismatch::read;
use crate::overrides::apply_all;
use crate::questions::{check_answered, take_questions};
use crate::range_test::RangeTestTable;
use crate::setting_path::{CheckResult, SettingPath};
use crate::{
    CleanSettings, EmbeddingKind, EmbeddingSettings, EngineSettings, EnsembleSettings,
    EvaluationSettings, IngestSettings, ModelKind, ModelSettings, Override, ReportSettings,
    SweepSettings, TokenizerSettings, TrainingSettings, check,
};

/// A checked pipeline: every reference leads to a table, every value is in its allowed range.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Path of the pipeline file.
    pub file: PathBuf,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// Name for people, printed and shown in the report.
    pub name: String,
    /// Path of the artifacts folder.
    pub artifacts: PathBuf,
    /// `[run]`. Not part of any key.
    pub run: RunSettings,
    /// `[engine]`. Not part of any key.
    pub engine: EngineSettings,
    /// `[ingest]`.
    pub ingest: IngestSettings,
    /// `[clean]`.
    pub clean: CleanSettings,
    /// `[tokenizer.NAME]`, in the order of the file.
    pub tokenizers: IndexMap<String, TokenizerSettings>,
    /// `[embedding.NAME]`, in the order of the file.
    pub embeddings: IndexMap<String, EmbeddingSettings>,
    /// `[model.NAME]`, in the order of the file, each followed by its repetitions with other seeds, `NAME-s1` and so on.
    pub models: IndexMap<String, ModelSettings>,
    /// Models that are trained but not evaluated, by variant: the trials of every `[sweep.NAME]` (with
    /// successive halving: every rung of every trial) and every `[range_test.NAME]`.
    pub trials: IndexMap<String, ModelSettings>,
    /// `[evaluation]` for each model and each `[ensemble.NAME]`.
    pub evaluations: IndexMap<String, EvaluationSettings>,
    /// `[report]`.
    pub report: ReportSettings,
}

/// How the pipeline runs on this machine. Changing these settings rebuilds nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// Device for training and prediction.
    pub device: Device,
    /// Maximum number of CPU cores; 0 uses all. Steps that run at the same time share them.
    pub threads: usize,
    /// Maximum number of steps that `ressenti run` runs at the same time, 1 to 64. Results do not depend on
    /// it. Several small trainings use the cores better in parallel, but each needs its own memory.
    pub jobs: usize,
    /// Number of GPUs to distribute the steps over; each step uses one. With 0, every step uses the first GPU.
    pub gpus: usize,
    /// Makes results on a GPU reproducible bit by bit, which is slower. Results on a CPU always are.
    pub deterministic: bool,
    /// When training saves its state.
    pub checkpoint: CheckpointSettings,
    /// Maximum number of restarts of a stage after a transient error (a lost GPU, a stall).
    pub retries: u32,
    /// Seconds without progress after which a stage is stopped and restarted; 0 disables this.
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

/// How often training saves its state, and so how much work a crash can lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointSettings {
    /// Seconds between two checkpoints; 0 disables checkpoints by time.
    pub seconds: u64,
    /// Optimizer steps between two checkpoints; 0 disables checkpoints by steps.
    pub steps: u64,
    /// Number of newest checkpoints to keep. Each also contains the weights of the best epoch.
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
    /// Largest allowed value of `jobs`.
    pub const MAX_JOBS: usize = 64;

    /// Number of CPU cores to use, at least one.
    pub fn cores(&self) -> usize {
        let threads = NonZero::new(self.threads).or_else(|| available_parallelism().ok());
        threads.map_or(1, NonZero::get)
    }
}

/// Device for training and prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The GPU (CUDA) if it works, otherwise the CPU; the choice and its reason are printed.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU (CUDA); an error if there is none.
    Cuda,
}

/// Settings of a Ressenti pipeline.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "pipeline.toml")]
pub(crate) struct PipelineFile {
    /// Name, seed and folders of the pipeline.
    #[schemars(required)]
    pipeline: Option<PipelineTable>,
    /// How the pipeline runs on this machine.
    run: RunSettings,
    /// Where steps run: on this machine or on a Slurm cluster.
    engine: EngineSettings,
    /// Where the reviews are and what their columns mean.
    ingest: IngestSettings,
    /// How texts are normalised and reviews are split.
    clean: CleanSettings,
    /// How text becomes token ids.
    tokenizer: IndexMap<String, TokenizerSettings>,
    /// Vectors for the entries of a vocabulary, or an encoder and its features.
    embedding: IndexMap<String, EmbeddingSettings>,
    /// How all models are trained; `[model.NAME.training]` overrides single settings.
    training: TrainingSettings,
    /// The models.
    model: IndexMap<String, ModelSettings>,
    /// Hyperparameter sweeps.
    sweep: IndexMap<String, SweepSettings>,
    /// Learning-rate range tests.
    range_test: IndexMap<String, RangeTestTable>,
    /// Ensembles of models.
    ensemble: IndexMap<String, EnsembleSettings>,
    /// How models are evaluated.
    evaluation: EvaluationTable,
    /// The report.
    report: ReportTable,
}

/// Name, seed and folders of the pipeline.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PipelineTable {
    /// Name for people.
    name: String,
    /// Seed of all random numbers. Tables with their own `seed` override it.
    #[serde(default)]
    seed: u64,
    /// Folder for everything generated, relative to the pipeline file.
    #[schemars(extend("default" = "artifacts"))]
    artifacts: Option<PathBuf>,
    /// Folder that all paths of the file are relative to. Default: the folder of the pipeline file. Set it in a
    /// copy of a pipeline file that is in another folder than the original.
    folder: Option<PathBuf>,
}

impl Pipeline {
    /// Reads a pipeline file and applies overrides to it. Paths in both are relative to the file's folder, or
    /// to `pipeline.folder` if that is set.
    ///
    /// # Errors
    /// The file cannot be read or is not TOML; a table, setting, value or override is not valid; or a setting names
    /// a table that does not exist; or a question is open.
    pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, Failure> {
        let name = path.display();
        let failure = || Failure::new(format!("Failed to read the pipeline file `{name}`"));
        let text = fs::read_to_string(path).map_err(|error| {
            let hint = "Name the pipeline file with `--pipeline FILE`".to_owned();
            failure().with_cause(error).with_hint(hint)
        })?;
        let parsed = text.parse::<Table>();
        let mut table = parsed.map_err(|error| failure().with_cause(error))?;
        let questions = take_questions(&mut table);
        let read_file = |table: &Table| read::<PipelineFile>(table.clone().into(), &[]);
        let file = read_file(&table).map_err(|it| it.explain(failure(), Some(&text)))?;
        let changed = apply_all(overrides.iter(), &mut table, read_file)?;
        let mut file = changed.unwrap_or(file);
        check_answered(questions, &table, failure(), &text)?;
        let pipeline = file.pipeline.take().ok_or_else(|| {
            let failure = failure().with_cause("the table `[pipeline]` is missing");
            failure.with_hint("Add it, with `name = \"...\"`".to_owned())
        })?;
        let pipeline = resolve(pipeline, file, &table, path)?;
        check::check(&pipeline)?;
        Ok(pipeline)
    }
}

/// Fills in defaults, resolves paths against the folder, and makes the models of sweeps and range tests.
fn resolve(
    top: PipelineTable,
    file: PipelineFile,
    table: &Table,
    path: &Path,
) -> Result<Pipeline, Failure> {
    let (name, seed) = (top.name, top.seed);
    let own_folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let folder = top.folder.map(|folder| own_folder.join(folder));
    let folder = folder.unwrap_or(own_folder);
    let in_folder = |path: Option<PathBuf>| path.map(|path| folder.join(path));
    let artifacts = top.artifacts.unwrap_or_else(|| "artifacts".into());
    let title = Some(file.report.title).filter(|it| !it.is_empty());
    let title = title.unwrap_or_else(|| name.clone());
    let mut pipeline = Pipeline {
        file: path.to_owned(),
        artifacts: folder.join(artifacts),
        folder: folder.clone(),
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
    let mut models = Models {
        written: written.expect("PipelineFile was read from the same table"),
        training: file.training,
        seed,
        pipeline: &mut pipeline,
    };
    models.add_sweeps(&file.sweep)?;
    models.add_range_tests(&file.range_test)?;
    models.add_models(file.model)?;
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
        // The kind of the best trial is known only after training. Only linear models use the folds.
        let may_be_linear = matches!(model.kind, ModelKind::Linear | ModelKind::BestOfSweep);
        let folds = if may_be_linear { evaluation.folds } else { 0 };
        evaluate(name, folds, None);
    }
    for (name, ensemble) in file.ensemble {
        evaluate(&name, 0, Some(ensemble));
    }
    Ok(pipeline)
}

/// Fills in defaults of embeddings: the pipeline's seed if the embedding uses random numbers, and for features
/// the tokenizer of their encoder.
fn fill_embeddings(embeddings: &mut IndexMap<String, EmbeddingSettings>, seed: u64) {
    let written = embeddings.clone();
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
            if let (Some(encoder), true) = (written.get(encoder), embedding.tokenizer.is_empty()) {
                embedding.tokenizer.clone_from(&encoder.tokenizer);
            }
            embedding.features.get_or_insert_default();
        }
    }
}

/// Makes the models of a pipeline from the tables of its file.
struct Models<'a> {
    /// `[model.NAME]` as written.
    written: IndexMap<String, Table>,
    /// `[training]`.
    training: TrainingSettings,
    /// `pipeline.seed`.
    seed: u64,
    /// The pipeline that the models are added to.
    pipeline: &'a mut Pipeline,
}

impl Models<'_> {
    fn add_sweeps(&mut self, sweeps: &IndexMap<String, SweepSettings>) -> CheckResult {
        for (name, sweep) in sweeps {
            let mut found = Vec::new();
            for (trial, table) in sweep.trials(name, &self.written, self.seed)? {
                let mut settings = self.resolve(&table, &trial.name)?;
                settings.seed = settings.seed.wrapping_add(u64::from(trial.seed));
                found.push((trial, settings));
            }
            if let Some(halving) = sweep.halving {
                self.pipeline.trials.extend(halving.steps(name, &found)?);
            } else {
                let trials = found.iter().cloned();
                let trials = trials.map(|(trial, settings)| (trial.name, settings));
                self.pipeline.trials.extend(trials);
            }
            let trials = found.into_iter().map(|(trial, _)| trial).collect();
            self.pipeline.report.sweeps.insert(name.clone(), trials);
        }
        Ok(())
    }

    /// Adds every range test as a training step. Its name must differ from the names of models and trials.
    fn add_range_tests(&mut self, tests: &IndexMap<String, RangeTestTable>) -> CheckResult {
        for (name, test) in tests {
            check::check_name("range_test", name)?;
            let (written, trials) = (&self.written, &mut self.pipeline.trials);
            let is_new = !written.contains_key(name) && !trials.contains_key(name);
            let setting = SettingPath::new("range_test").join(name);
            setting.require(is_new, "has the same name as a model or a trial")?;
            let written = setting.resolve("model", &test.model, written)?;
            let mut settings = self.resolve(written, name)?;
            settings.range_test = Some(test.resolve(&setting, &settings)?);
            self.pipeline.trials.insert(name.clone(), settings);
        }
        Ok(())
    }

    /// Adds every model, and its repetitions with other seeds.
    fn add_models(&mut self, models: IndexMap<String, ModelSettings>) -> CheckResult {
        for (name, model) in models {
            let (setting, written) = (SettingPath::new("model").join(&name), &self.written[&name]);
            check::check_seeds(&setting, model.seeds, model.kind)?;
            let is_best_of_sweep = model.kind == ModelKind::BestOfSweep;
            if is_best_of_sweep {
                check::check_best_of_sweep(&setting, written, &self.pipeline.report.sweeps)?;
            }
            let mut settings = self.resolve(written, &name)?;
            let pipeline = &mut *self.pipeline;
            let trials = model.sweep.filter(|_| is_best_of_sweep);
            let trials = trials.and_then(|sweep| pipeline.report.sweeps.get(&sweep));
            if let Some(trial) = trials.and_then(|trials| trials.first()) {
                // The best trial reads the same embedding and tokenizer as every trial of its sweep.
                let base = &pipeline.trials[&trial.name];
                settings.embedding.clone_from(&base.embedding);
                settings.tokenizer.clone_from(&base.tokenizer);
            }
            pipeline.models.insert(name.clone(), settings.clone());
            for number in 1..model.seeds {
                let repetition = format!("{name}-s{number}");
                let repeats = pipeline.report.repeats.entry(name.clone()).or_default();
                repeats.push(repetition.clone());
                let mut settings = settings.clone();
                settings.seed = settings.seed.wrapping_add(u64::from(number));
                pipeline.models.insert(repetition, settings);
            }
        }
        Ok(())
    }

    /// The settings of a model. For models trained in epochs, its own `training` table overrides `[training]`.
    fn resolve(&self, written: &Table, name: &str) -> Result<ModelSettings, Failure> {
        let setting = SettingPath::new("model").join(name);
        let settings = ModelSettings::from_table(written, name, &self.training, self.seed)?;
        let given = ["rung", "range_test"].map(|it| (it, written.contains_key(it)));
        let problem = "cannot be set, because sweeps and range tests set it";
        setting.require_absent(&given, problem)?;
        let setting = setting.join("training");
        let own = written.get("training").and_then(toml::Value::as_table);
        if own.is_some_and(|own| !own.is_empty()) && !settings.kind.trains_in_epochs() {
            let problem = "cannot be set: a model of this kind has no epochs, it is fitted until its loss is minimal";
            let hint = format!("Remove `[{setting}]`");
            return Err(setting.error(problem).with_hint(hint));
        }
        Ok(settings)
    }
}
