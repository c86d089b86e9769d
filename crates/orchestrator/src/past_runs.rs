//! Earlier runs in the artifacts folder, and what determines the cost of a step.

use std::collections::BTreeMap;

use artifact::{
    Contract, Digest, InputReference, Manifest, RunInfo, SourceReference, StageName, Store,
};
use serde_json::Value;

use crate::estimates::Cost;
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
    pub(crate) signature: String,
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

/// All runs whose inputs still exist.
pub(crate) fn past_runs(store: &Store) -> Vec<PastRun> {
    let mut runs = Vec::new();
    let mut outputs: BTreeMap<Digest, Profile> = BTreeMap::new();
    for stage in StageName::ALL {
        let mut waiting = store.manifests(stage);
        loop {
            // Inputs can be of the same stage, for example the members of an ensemble.
            let is_known = |it: &InputReference| outputs.contains_key(&it.identity);
            let (ready, others): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|manifest: &Manifest| manifest.inputs.iter().all(is_known));
            if ready.is_empty() {
                break;
            }
            waiting = others;
            for manifest in ready {
                let inputs = manifest.inputs.iter();
                let inputs: Vec<_> = inputs.map(|input| &outputs[&input.identity]).collect();
                let mut profile =
                    Profile::new(stage, &manifest.settings, &manifest.sources, &inputs);
                profile.data.add_output(&manifest, store);
                outputs.insert(manifest.identity(), profile.clone());
                runs.push(PastRun { manifest, profile });
            }
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
    pub(crate) fn cost(&self, past: &PastRun) -> Option<Cost> {
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

pub(crate) fn is_same_source(sources: &[SourceReference], past: &PastRun) -> bool {
    let digests =
        |sources: &[SourceReference]| sources.iter().map(|it| it.digest).collect::<Vec<_>>();
    past.manifest.stage == StageName::Ingest && digests(sources) == digests(&past.manifest.sources)
}

/// `cpu` of `cpu, 2 threads`, `cuda` of `cuda:0 (...)`.
pub(crate) fn device_kind(run: &RunInfo) -> &str {
    let device = run.device.as_deref().unwrap_or_default();
    device.split([',', ':']).next().unwrap_or_default()
}
