//! Networks and made-up rows for tests of the trainer.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "helpers of tests, shared by several of them"
)]

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use bundle::Sizes;
use classifier::{ComputePath, CounterRng, IdRows, Network, Weights};
use settings::{CheckpointSettings, ModelKind, ModelSettings, TrainingSettings};
use tch::{Device, Kind, Tensor};
use training::{
    CheckpointManager, Classification, Record, TrainContext, TrainError, TrainingResult, train,
};

pub const WORDS: u32 = 12;
const WIDTH: u32 = 6;

/// A network with its training and validation rows.
pub struct Setup {
    pub model: ModelSettings,
    pub network: Network,
    pub start: Weights,
    pub train: Rows,
    pub validation: Rows,
}

pub fn silent(_: &str) {}

/// Rows with labels that come from no artifact.
#[derive(Debug)]
pub struct Rows {
    ids: Vec<Vec<u32>>,
    labels: Vec<u8>,
}

impl IdRows for Rows {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn length(&self, row: usize) -> usize {
        self.ids[row].len()
    }

    fn ids(&self, row: usize) -> Cow<'_, [u32]> {
        Cow::Borrowed(&self.ids[row])
    }

    fn label(&self, row: usize) -> u8 {
        self.labels[row]
    }
}

fn rows(count: usize, seed: u64) -> Rows {
    let rng = CounterRng::new(seed);
    let row = |row: usize| {
        let numbers = rng.child(row as u64);
        let length = 2 + numbers.bits(0) % 8;
        let word = |position: u64| 1 + (numbers.bits(position) % u64::from(WORDS - 1)) as u32;
        (1..=length).map(word).collect()
    };
    let ids: Vec<Vec<u32>> = (0..count).map(row).collect();
    let labels = (0..count).map(|row| (rng.bits(row as u64) % 2) as u8);
    Rows {
        labels: labels.collect(),
        ids,
    }
}

/// A network of this kind; for a transformer, a tiny encoder of this family.
pub fn setup(kind: ModelKind, family: &str, steps: usize, dropout: f64) -> Setup {
    let model = ModelSettings {
        hidden: 5,
        layers: if kind == ModelKind::Naive { 1 } else { 2 },
        bidirectional: true,
        dropout,
        embedding_dropout: dropout,
        word_dropout: 0.0,
        filters: 4,
        kernel_widths: vec![2, 3],
        seed: 11,
        training: TrainingSettings {
            epochs: 1,
            batch_size: 8,
            shard_size: Some(8),
            learning_rate: 0.01,
            log_every: 1000,
            ..TrainingSettings::default()
        },
        ..ModelSettings::new(kind)
    };
    let (network, start) = match kind {
        ModelKind::Transformer => {
            let found = Network::pretrained(&model, &golden(family), 2).expect("an encoder");
            let start = found.weights(Device::Cpu);
            (found.network, start)
        }
        _ => {
            let sizes = Sizes {
                vocabulary_size: WORDS,
                width: WIDTH,
                classes: 2,
            };
            let rng = CounterRng::new(5);
            let values = (0..WORDS * WIDTH).map(|n| rng.normal(u64::from(n)) as f32);
            let values: Vec<f32> = values.collect();
            let network = Network::new(&model, sizes, &values);
            let frozen = network
                .embedding()
                .is_none()
                .then(|| Tensor::from_slice(&values).view([-1, i64::from(WIDTH)]));
            let flat = network.initial(Device::Cpu);
            (network, Weights { flat, frozen })
        }
    };
    Setup {
        model,
        network,
        start,
        train: rows(8 * steps, 1),
        validation: rows(8, 2),
    }
}

/// The folder of a tiny encoder; other tests compare it with the reference implementation.
fn golden(family: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    crates.join("classifier/tests/golden").join(family)
}

impl Setup {
    pub fn task(&self) -> Classification<'_> {
        Classification {
            network: &self.network,
            model: &self.model,
            train: &self.train,
            validation: &self.validation,
            pad_id: 0,
            device: Device::Cpu,
        }
    }

    pub fn context<'a>(
        &'a self,
        task: &'a Classification<'a>,
        path: ComputePath,
    ) -> TrainContext<'a, Classification<'a>> {
        TrainContext {
            task,
            settings: &self.model.training,
            layer_decay: self.model.layer_decay,
            seed: self.model.seed,
            device: Device::Cpu,
            path,
            replicas: 1,
            kind: Kind::Float,
            may_resume_on_cpu: false,
            until: self.model.training.epochs,
            stop: || false,
            save: || false,
            note: &silent,
        }
    }

    /// A copy of the weights before the first step.
    pub fn weights(&self) -> Weights {
        Weights {
            flat: self.start.flat.copy(),
            frozen: self.start.frozen.as_ref().map(Tensor::shallow_clone),
        }
    }
}

/// Trains with a checkpoint after every `steps` steps; 0 means without checkpoints.
pub fn run(
    setup: &Setup,
    path: ComputePath,
    folder: &Path,
    steps: u64,
) -> (Result<TrainingResult, TrainError>, Weights, String) {
    let task = setup.task();
    let context = setup.context(&task, path);
    let checkpoints = CheckpointSettings {
        seconds: 0,
        steps,
        keep: 2,
    };
    let mut manager = CheckpointManager::new(folder, checkpoints, &silent);
    let log = folder.join("metrics.jsonl");
    let mut record = Record::create(&log).expect("a file");
    let mut weights = setup.weights();
    let trained = train(
        &context,
        &mut weights,
        &mut record,
        &mut manager,
        None,
        &|_, _| (),
    );
    drop(manager);
    (trained, weights, fs::read_to_string(&log).expect("lines"))
}

/// Trains without checkpoints; returns the weights and the record.
pub fn train_without_checkpoints(setup: &Setup, path: ComputePath) -> (Weights, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (trained, weights, record) = run(setup, path, folder.path(), 0);
    trained.expect("it trains");
    (weights, record)
}
