//! Earlier runs in the artifacts folder, and what determines the cost of a step.

use std::collections::BTreeMap;

use artifact::{
    Contract, Digest, InputReference, Manifest, RunInfo, SourceReference, StageName, Store,
};
use serde_json::Value;

use crate::truncation::Statistics;

/// Settings that do not change the cost of a step, or only through the number of tokens.
const FREE_SETTINGS: &str = "seed learning_rate schedule warm_up weight_decay beta1 beta2 clip_norm label_smoothing \
    dropout embedding_dropout word_dropout calibration log_every title sweeps repeats model max_length \
    vocabulary_size min_frequency columns labels rating header delimiter quotes encoding timestamp topic \
    max_reject_rate split";

/// What determines the cost of a step.
#[derive(Clone)]
pub(crate) struct Profile {
    stage: StageName,
    /// The settings of the step and of what it reads, as far as they change the cost.
    signature: String,
    pub(crate) data: DataSize,
    /// Whether the cost does not grow with the reviews.
    is_constant: bool,
    /// Whether the training reviews are read in an evaluation.
    has_folds: bool,
}

/// The reviews that a step reads, as far as they are known.
#[derive(Clone, Default)]
pub(crate) struct DataSize {
    /// Reviews, and bytes of their table, after ingest.
    pub(crate) reviews: Option<[f64; 2]>,
    /// Reviews after clean, for training and for validation and test.
    rows: Option<[f64; 2]>,
    /// The same as tokens after truncation.
    tokens: Option<[f64; 2]>,
    /// The tokenizer's `max_length`.
    max_length: Option<u64>,
}

/// A step that has run.
pub(crate) struct PastRun {
    pub(crate) manifest: Manifest,
    pub(crate) profile: Profile,
}

/// The cost of an earlier run of the same kind of step.
pub(crate) struct Cost {
    /// The tokens, reviews or bytes that it read, relative to those that the step will read.
    pub(crate) size: f64,
    pub(crate) seconds: f64,
    /// Peak resident memory in bytes.
    pub(crate) memory: f64,
}

/// All runs whose inputs still exist.
pub(crate) fn past_runs(store: &Store) -> Vec<PastRun> {
    let mut runs = Vec::new();
    let mut outputs: BTreeMap<Digest, Profile> = BTreeMap::new();
    for stage in StageName::ALL {
        let mut waiting = store.manifests(stage);
        loop {
            // Inputs can be of the same stage, for example the members of an ensemble.
            let is_known = |it: &InputReference| outputs.contains_key(&it.identity);
            let is_ready = |it: &Manifest| it.inputs.iter().all(is_known);
            let Some(index) = waiting.iter().position(is_ready) else {
                break;
            };
            let manifest = waiting.remove(index);
            let inputs = manifest.inputs.iter();
            let inputs: Vec<_> = inputs.map(|input| &outputs[&input.identity]).collect();
            let mut profile = Profile::new(stage, &manifest.settings, &manifest.sources, &inputs);
            profile.data.add_output(&manifest, store);
            outputs.insert(manifest.identity(), profile.clone());
            runs.push(PastRun { manifest, profile });
        }
    }
    runs
}

impl Profile {
    pub(crate) fn new(
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
            signature.extend(sources.iter().map(|source| source.digest.to_hex()));
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
        let mut reading = ["learning", "adaptation", "features"].iter();
        let reads_texts = reading.any(|name| !settings[*name].is_null());
        let has_folds = settings["folds"].as_u64().is_some_and(|folds| folds > 0);
        Self {
            stage,
            signature,
            data,
            is_constant: stage == Embed && !reads_texts,
            has_folds: stage != Ingest && has_folds,
        }
    }

    /// The cost of an earlier run. `None` if it was of another kind, or if the sizes are not known.
    pub(crate) fn cost(&self, past: &PastRun) -> Option<Cost> {
        use StageName::{Clean, Report, Tokenize};
        let (run, other) = (&past.manifest.run, &past.profile);
        let is_same_length = self.data.max_length == other.data.max_length
            || matches!(self.stage, Clean | Tokenize | Report);
        let mut pairs = self.sizes().into_iter().zip(other.sizes()).enumerate();
        let size = pairs.find_map(|(index, (own, other))| {
            let size = other? / own?;
            let is_known = size > 0.0 && size.is_finite();
            (is_known && (index == 0 || is_same_length)).then_some(size)
        })?;
        (self.signature == other.signature).then_some(Cost {
            size,
            seconds: run.seconds,
            memory: run.peak_memory as f64,
        })
    }

    /// The amounts that the cost grows with, the best measure first.
    fn sizes(&self) -> [Option<f64>; 3] {
        use StageName::{Clean, Evaluate, Ingest, Report, Tokenize, Train};
        let part = |[train, held_out]: [f64; 2]| match self.stage {
            Train => train,
            Evaluate if !self.has_folds => held_out,
            _ => train + held_out,
        };
        let rows = self.data.rows.map(part);
        let [read, bytes] = [0, 1].map(|index| self.data.reviews.map(|it| it[index]));
        match self.stage {
            _ if self.is_constant => [Some(1.0), None, None],
            Ingest | Clean | Tokenize => [bytes, None, None],
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
    pub(crate) fn add_output(&mut self, manifest: &Manifest, store: &Store) {
        match &manifest.contract {
            Contract::Reviews { rows } => {
                let bytes = manifest.files.iter().map(|file| file.bytes).sum::<u64>();
                self.reviews = Some([*rows as f64, bytes as f64]);
            }
            Contract::Clean {
                train,
                validation,
                test,
                ..
            } => {
                self.rows = Some([*train, validation + test].map(|rows| rows as f64));
            }
            Contract::Tokens { .. } => {
                let statistics = Statistics::read(&store.folder(manifest.stage, &manifest.key));
                self.tokens = statistics.map(|it| it.tokens_kept());
            }
            _ => {}
        }
    }
}

fn remove_free(settings: &mut Value) {
    if let Value::Object(map) = settings {
        map.retain(|name, value| {
            !value.is_null() && !FREE_SETTINGS.split(' ').any(|free| free == name)
        });
        map.values_mut().for_each(remove_free);
    }
}

/// Whether an earlier run has read the same files.
pub(crate) fn is_same_source(sources: &[SourceReference], past: &Manifest) -> bool {
    let past_digests = past.sources.iter().map(|it| it.digest);
    past.stage == StageName::Ingest && past_digests.eq(sources.iter().map(|it| it.digest))
}

/// `cpu` of `cpu, 2 threads`, `cuda` of `cuda:0 (...)`.
pub(crate) fn device_kind(run: &RunInfo) -> &str {
    let device = run.device.as_deref().unwrap_or_default();
    device.split([',', ':']).next().unwrap_or_default()
}
