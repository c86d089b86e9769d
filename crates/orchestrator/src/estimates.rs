//! Estimates how long a step takes and how much memory it needs, from earlier runs in the same artifacts folder.
//!
//! Only runs of the same kind of step are compared: equal settings, except those that do not change the cost, the
//! same number of cores and the same kind of device. The cost grows with the tokens that a step reads, or with the
//! reviews as long as the tokens are not known.

use std::collections::BTreeMap;

use artifact::{Contract, Digest, Manifest, RunInfo, SourceReference, StageName, format};
use serde_json::{Value, json};
use settings::{Device, StepId};

use crate::known_artifacts::KnownArtifacts;
use crate::plan::PlannedStep;
use crate::schedule::cores_of_slot;
use crate::truncation::Statistics;
use crate::workspace::Workspace;

/// Settings that do not change the cost of a step, or only through the number of tokens.
const FREE_SETTINGS: &[&str] = &[
    "seed",
    "learning_rate",
    "schedule",
    "warm_up",
    "weight_decay",
    "beta1",
    "beta2",
    "clip_norm",
    "label_smoothing",
    "dropout",
    "embedding_dropout",
    "word_dropout",
    "calibration",
    "log_every",
    "title",
    "sweeps",
    "repeats",
    "model",
    "max_length",
    "vocabulary_size",
    "min_frequency",
];

/// An earlier run of the same kind of step.
#[derive(Clone, Copy)]
struct Cost {
    /// Tokens, reviews or bytes that it read.
    size: f64,
    seconds: f64,
    /// Peak resident memory in bytes.
    memory: f64,
}

/// The cost of a step, scaled from earlier runs to the tokens or reviews that it will read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    seconds: f64,
    /// Peak resident memory in bytes.
    memory: f64,
    /// How the memory is limited: `at least` or `at most` if all runs have read less or more data than this step.
    bound: &'static str,
    /// Number of runs that it is from.
    runs: usize,
}

impl Estimate {
    /// The cost at a size, from runs of the same kind of step; `None` without runs. The nearest sizes count. A second
    /// size shows which part of the cost is constant; with one, the duration is proportional to the size.
    fn from_runs(size: f64, runs: &[Cost]) -> Option<Self> {
        let distance = |run: &Cost, from: f64| (run.size / from).ln().abs();
        let nearest = |runs: &mut dyn Iterator<Item = &Cost>| {
            runs.min_by(|one, two| distance(one, size).total_cmp(&distance(two, size)))
                .copied()
        };
        let near = nearest(&mut runs.iter())?.size;
        let similar = runs.iter().filter(|run| distance(run, near) < 0.05);
        let similar: Vec<&Cost> = similar.collect();
        let mean = |value: fn(&Cost) -> f64| {
            similar.iter().map(|run| value(run)).sum::<f64>() / similar.len() as f64
        };
        let (seconds, memory) = (mean(|run| run.seconds), mean(|run| run.memory));
        let other = nearest(&mut runs.iter().filter(|run| distance(run, near) > 0.4));
        let on_line = |at_near: f64, value: fn(&Cost) -> f64| {
            let other = other?;
            let slope = (at_near - value(&other)) / (near - other.size);
            let constant = at_near - slope * near;
            (slope >= 0.0 && constant >= 0.0).then_some(constant + slope * size)
        };
        let fitted = on_line(memory, |run| run.memory);
        Some(Self {
            seconds: on_line(seconds, |run| run.seconds).unwrap_or(seconds * size / near),
            memory: fitted.unwrap_or(memory),
            bound: match size / near {
                _ if fitted.is_some() => "",
                1.25.. => "at least ",
                ..0.8 => "at most ",
                _ => "",
            },
            runs: similar.len() + usize::from(other.is_some()),
        })
    }

    /// The cost of several steps, one after another; `None` without steps.
    pub(crate) fn total(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, two| {
            let larger = if two.memory > one.memory { two } else { one };
            let (seconds, runs) = (one.seconds + two.seconds, one.runs.max(two.runs));
            Self {
                seconds,
                runs,
                ..larger
            }
        })
    }

    /// Duration and memory: `about 6.3 s, 250.0 MiB of memory`.
    fn describe(&self) -> String {
        let (time, memory) = (
            format::seconds(self.seconds),
            format::bytes(self.memory as u64),
        );
        format!("about {time}, {}{memory} of memory", self.bound)
    }

    /// For the line of a step in a plan.
    pub(crate) fn text(estimate: Option<&Self>) -> String {
        estimate.map_or("estimate unknown".to_owned(), |it| {
            let runs = format::plural(it.runs as u64, "run", "runs");
            format!("{}, from {runs} here", it.describe())
        })
    }

    /// For programs. `memory` has no `bound` if the runs have read a similar amount of data or two different ones.
    pub(crate) fn json(self) -> Value {
        let Self {
            seconds,
            memory,
            bound,
            runs,
        } = self;
        json!({"seconds": seconds, "peak_memory": memory as u64, "peak_memory_is": bound.trim(), "runs": runs})
    }
}

/// The estimates of the steps of a plan that are not fresh; steps without a comparable run are absent.
pub(crate) struct Estimates {
    pub(crate) by_step: BTreeMap<StepId, Estimate>,
    /// The steps without an estimate.
    unknown: Vec<StepId>,
    /// Whether the number of reviews is not known, although there are earlier runs.
    needs_row_count: bool,
}

impl Estimates {
    /// Reads earlier runs, unless every step is fresh.
    pub(crate) fn new(
        workspace: &Workspace,
        planned: &[PlannedStep],
        artifacts: &KnownArtifacts,
        jobs: usize,
    ) -> Self {
        let stale = planned.iter().filter(|planned| !planned.is_fresh());
        let stale: Vec<&PlannedStep> = stale.collect();
        let mut estimates = Self {
            by_step: BTreeMap::new(),
            unknown: Vec::new(),
            needs_row_count: false,
        };
        if stale.is_empty() {
            return estimates;
        }
        let past = past_runs(workspace);
        let cores = workspace.pipeline.run.cores();
        let cores = [cores, cores_of_slot(cores, jobs.clamp(1, cores), 0)];
        let device = expected_device(workspace.pipeline.run.device, &past);
        let mut steps: BTreeMap<&StepId, Profile> = BTreeMap::new();
        for step in &workspace.steps {
            let known = artifacts
                .known
                .get(&step.id)
                .map(|artifact| artifact.manifest());
            let planned = planned.iter().find(|planned| planned.info.id == step.id);
            let sources = planned
                .map(|it| &it.info.sources)
                .or(known.map(|it| &it.sources));
            let inputs: Option<Vec<_>> = step.inputs.iter().map(|id| steps.get(id)).collect();
            let (Some(sources), Some(inputs)) = (sources, inputs) else {
                continue;
            };
            let mut profile = Profile::new(step.id.stage, &step.settings, sources, &inputs);
            // The same file that was read with other settings has about as many reviews.
            let same_source = past.iter().find(|past| is_same_source(sources, past));
            let same_source = same_source
                .map(|past| &past.manifest)
                .filter(|_| step.id.stage == StageName::Ingest);
            if let Some(manifest) = known.or(same_source) {
                profile.data.add_output(manifest, &workspace.store);
            }
            if stale.iter().any(|planned| planned.info.id == step.id) {
                let comparable = past.iter().filter(|past| {
                    let run = &past.manifest.run;
                    let is_on_device = run.device.is_none() || device_kind(run) == device;
                    past.profile.signature == profile.signature
                        && cores.contains(&run.cores)
                        && is_on_device
                });
                let costs = comparable.filter_map(|past| profile.cost(past));
                match Estimate::from_runs(1.0, &costs.collect::<Vec<_>>()) {
                    Some(estimate) => drop(estimates.by_step.insert(step.id.clone(), estimate)),
                    None => estimates.unknown.push(step.id.clone()),
                }
            }
            estimates.needs_row_count |= profile.data.reviews.is_none() && !past.is_empty();
            steps.insert(&step.id, profile);
        }
        estimates
    }

    /// One line about all steps together; `None` if every step is fresh.
    pub(crate) fn summary(&self) -> Option<String> {
        let others = self.unknown.len().saturating_sub(1) as u64;
        let unknown = match self.unknown.first() {
            None => String::new(),
            Some(step) if others == 0 => format!(" without `{step}`, which is unknown"),
            Some(step) => {
                let others = format::plural(others, "other step", "other steps");
                format!(" without `{step}` and {others}, which are unknown")
            }
        };
        let Some(total) = Estimate::total(self.by_step.values().copied()) else {
            let reason = match self.needs_row_count {
                true => "until the reviews are counted: `ressenti run --only ingest` counts them",
                false => "because no earlier run here is comparable",
            };
            return (!unknown.is_empty()).then(|| format!("estimate: unknown, {reason}"));
        };
        let largest = self
            .by_step
            .iter()
            .max_by(|one, two| one.1.memory.total_cmp(&two.1.memory));
        let largest = largest.map_or(String::new(), |(step, _)| format!(" (`{step}`)"));
        Some(format!("estimate: {}{largest}{unknown}", total.describe()))
    }
}

/// What determines the cost of a step.
#[derive(Clone)]
struct Profile {
    stage: StageName,
    /// The settings of the step and of what it reads, as far as they change the cost.
    signature: String,
    data: DataSize,
    /// Whether the cost does not grow with the reviews.
    is_constant: bool,
    /// Whether the training reviews are read in an evaluation.
    has_folds: bool,
}

/// Amounts for training, for validation and test, and without a label.
type BySplit = [f64; 3];

/// The reviews that a step reads, as far as they are known.
#[derive(Clone, Default)]
struct DataSize {
    /// Reviews, and bytes of their table, after ingest.
    reviews: Option<[f64; 2]>,
    /// Reviews after clean.
    rows: Option<BySplit>,
    /// Tokens after truncation.
    tokens: Option<BySplit>,
    /// The tokenizer's `max_length`.
    max_length: Option<u64>,
}

/// A step that has run.
struct PastRun {
    manifest: Manifest,
    profile: Profile,
}

/// All runs whose inputs still exist.
fn past_runs(workspace: &Workspace) -> Vec<PastRun> {
    let mut runs = Vec::new();
    let mut outputs: BTreeMap<Digest, Profile> = BTreeMap::new();
    for stage in StageName::ALL {
        for manifest in workspace.store.manifests(stage) {
            let inputs = manifest
                .inputs
                .iter()
                .map(|input| outputs.get(&input.identity));
            let Some(inputs) = inputs.collect::<Option<Vec<_>>>() else {
                continue;
            };
            let mut profile = Profile::new(stage, &manifest.settings, &manifest.sources, &inputs);
            profile.data.add_output(&manifest, &workspace.store);
            outputs.insert(manifest.identity(), profile.clone());
            runs.push(PastRun { manifest, profile });
        }
    }
    runs
}

impl Profile {
    fn new(
        stage: StageName,
        settings: &Value,
        sources: &[SourceReference],
        inputs: &[&Self],
    ) -> Self {
        use StageName::{Embed, Ingest, Report, Tokenize};
        let mut cost_settings = settings.clone();
        remove_free(&mut cost_settings);
        let mut signature = format!("{stage} {cost_settings}");
        if matches!(stage, Tokenize | Embed) {
            // A pretrained tokenizer or encoder.
            sources
                .iter()
                .for_each(|source| signature += &source.digest.to_hex());
        }
        let mut data = DataSize::default();
        for input in inputs {
            data.add(&input.data);
            if input.stage >= Tokenize && input.stage < stage && stage != Report {
                signature += &format!(" ({})", input.signature);
            }
        }
        if stage == Tokenize {
            data.max_length = settings["max_length"].as_u64();
        }
        let is_set = |name: &str| !settings[name].is_null();
        Self {
            stage,
            signature,
            data,
            is_constant: stage == Embed
                && !["learning", "adaptation", "features"]
                    .into_iter()
                    .any(is_set),
            has_folds: stage != Ingest && settings["folds"].as_u64().is_some_and(|folds| folds > 0),
        }
    }

    /// The cost of an earlier run. Its size is relative to that of this step. `None` if the sizes are not known.
    fn cost(&self, past: &PastRun) -> Option<Cost> {
        let RunInfo {
            seconds,
            peak_memory,
            ..
        } = past.manifest.run;
        let (own, other) = (self.sizes(), past.profile.sizes());
        let depends_on_length = !matches!(
            self.stage,
            StageName::Clean | StageName::Tokenize | StageName::Report
        );
        let is_same_length = self.data.max_length == past.profile.data.max_length;
        let mut pairs = own.into_iter().zip(other).enumerate();
        let size = pairs.find_map(|(index, pair)| match pair {
            (Some(own), Some(other)) if own > 0.0 && other > 0.0 => {
                (index == 0 || is_same_length || !depends_on_length).then_some(other / own)
            }
            _ => None,
        })?;
        Some(Cost {
            size,
            seconds,
            memory: peak_memory as f64,
        })
    }

    /// The amounts that the cost grows with, the best measure first.
    fn sizes(&self) -> [Option<f64>; 3] {
        use StageName::{Clean, Evaluate, Ingest, Report, Tokenize, Train};
        let part = |[train, held_out, unlabelled]: BySplit| match self.stage {
            Train => train,
            Evaluate if !self.has_folds => held_out,
            Clean | Tokenize => train + held_out + unlabelled,
            _ => train + held_out,
        };
        let rows = self.data.rows.map(part);
        let [read, bytes] = [0, 1].map(|index| self.data.reviews.map(|it| it[index]));
        match self.stage {
            _ if self.is_constant => [Some(1.0), None, None],
            Ingest => [read, None, None],
            Clean | Tokenize => [bytes, None, None],
            Report => [rows, read, None],
            _ => [self.data.tokens.map(part), rows, read],
        }
    }
}

impl DataSize {
    /// Adds what an input knows.
    fn add(&mut self, input: &Self) {
        self.reviews = self.reviews.or(input.reviews);
        self.rows = self.rows.or(input.rows);
        self.tokens = self.tokens.or(input.tokens);
        self.max_length = self.max_length.or(input.max_length);
    }

    /// Adds the output of a step.
    fn add_output(&mut self, manifest: &Manifest, store: &artifact::Store) {
        match &manifest.contract {
            Contract::Reviews { rows } => {
                let bytes = manifest.files.iter().map(|file| file.bytes).sum::<u64>();
                self.reviews = Some([*rows as f64, bytes as f64]);
            }
            Contract::Clean {
                train,
                validation,
                test,
                unlabelled,
                ..
            } => {
                self.rows = Some([*train, validation + test, *unlabelled].map(|rows| rows as f64));
            }
            Contract::Tokens { .. } => {
                let statistics = Statistics::read(&store.folder(manifest.stage, &manifest.key));
                self.tokens = statistics
                    .map(|it| ["train", "", "unlabelled"].map(|name| it.tokens_kept(name) as f64));
            }
            _ => {}
        }
    }
}

fn remove_free(settings: &mut Value) {
    if let Value::Object(map) = settings {
        map.retain(|name, value| !value.is_null() && !FREE_SETTINGS.contains(&name.as_str()));
        map.values_mut().for_each(remove_free);
    }
}

fn is_same_source(sources: &[SourceReference], past: &PastRun) -> bool {
    let digests =
        |sources: &[SourceReference]| sources.iter().map(|it| it.digest).collect::<Vec<_>>();
    past.manifest.stage == StageName::Ingest && digests(sources) == digests(&past.manifest.sources)
}

/// The kind of device that a step will use; with `auto` that of the last run.
fn expected_device(device: Device, past: &[PastRun]) -> String {
    let with_device = past
        .iter()
        .map(|past| &past.manifest.run)
        .filter(|run| run.device.is_some());
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda => "cuda".to_owned(),
        Device::Auto => with_device
            .max_by_key(|run| run.started)
            .map_or(String::new(), |run| device_kind(run).to_owned()),
    }
}

/// `cpu` of `cpu, 2 threads`, `cuda` of `cuda:0 (...)`.
fn device_kind(run: &RunInfo) -> &str {
    let device = run.device.as_deref().unwrap_or_default();
    device.split([',', ':']).next().unwrap_or_default()
}
