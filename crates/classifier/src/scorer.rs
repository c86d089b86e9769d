//! Scores rows of tokens with a network.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use artifact::Failure;
use bundle::{IdsAndSpecialMask, Networks, Scorer};
use settings::ModelKind;
use tch::{Kind, Tensor};

use crate::tokens::check_input_rows;
use crate::{
    BatchProgress, Bundle, ChosenDevice, ClassifierError, FeatureRows, IdRows, Inference, Logits,
    MemoryLimit, Replica, Result, attributions_of_rows, choose_device, guard, sorted_batches,
};

/// Maximum number of reviews in a batch of [`NETWORKS`].
const BATCH_SIZE: u32 = 64;

/// Opens networks, for programs that use libtorch.
pub const NETWORKS: Networks = Networks {
    open: |folder, _, run| {
        let device = choose_device(run)?;
        let scorer = NetworkScorer::load(folder, device, BatchSize::Spread { max: BATCH_SIZE })?;
        Ok(Box::new(scorer))
    },
};

/// The number of rows in a batch.
#[derive(Clone, Copy, Debug)]
pub enum BatchSize {
    /// A fixed number. Rounding errors do not depend on the number of cores.
    Fixed(u32),
    /// Few rows are also divided among the cores, for a faster answer.
    Spread {
        /// Maximum number of rows.
        max: u32,
    },
}

/// A network on a device. A probe also scores tokens, because its bundle contains the encoder.
#[derive(Debug)]
pub struct NetworkScorer {
    /// The network.
    pub bundle: Bundle,
    device: ChosenDevice,
    batches: BatchSize,
    /// The number format of activations.
    kind: Kind,
    /// Made at the first use and reused: each has a copy of the weights in the format that the device multiplies
    /// fastest.
    replicas: Mutex<Vec<Replica>>,
    memory: MemoryLimit,
}

impl NetworkScorer {
    /// Loads the network of a folder onto a device.
    ///
    /// # Errors
    /// A file is missing or damaged, or the device fails.
    pub fn load(folder: &Path, device: ChosenDevice, batches: BatchSize) -> Result<Self> {
        let load = || Bundle::load(folder, device.device);
        let bundle = ClassifierError::catch("load the model", load)?;
        let kind = match &bundle.model.features {
            // A probe needs features in the number format that it was fitted to.
            Some(features) => device.activation_kind(features.precision).0,
            None => device.prediction_kind(&bundle.model.architecture),
        };
        Ok(Self {
            bundle,
            device,
            batches,
            kind,
            replicas: Mutex::default(),
            memory: MemoryLimit::default(),
        })
    }

    /// Whether the model is a probe, which needs the features of an encoder.
    pub fn is_probe(&self) -> bool {
        self.bundle.model.architecture.kind == ModelKind::Probe
    }

    /// The logits of rows, computed on all cores. `on_rows` is called with the number of rows of each finished batch.
    ///
    /// # Errors
    /// libtorch fails, or a single row does not fit into memory.
    pub fn logits(&self, rows: &dyn IdRows, on_rows: &(impl Fn(u64) + Sync)) -> Result<Logits> {
        let batch_size = self.batch_size(rows.len());
        let progress = |rows| {
            on_rows(rows);
            ControlFlow::Continue(())
        };
        let inference = self.inference(rows, &progress);
        self.with_replicas(rows.len().div_ceil(batch_size), |replicas| {
            inference.logits(replicas, batch_size)
        })
    }

    fn inference<'a>(
        &'a self,
        rows: &'a dyn IdRows,
        progress: &'a BatchProgress<'a>,
    ) -> Inference<'a> {
        Inference {
            network: &self.bundle.network,
            rows,
            pad_id: self.bundle.model.tokenizer.pad_id,
            device: self.device.device,
            memory: &self.memory,
            progress,
        }
    }

    /// The scores of a probe for rows of features.
    ///
    /// # Errors
    /// The features have another width, or libtorch fails.
    pub fn score_features(&self, rows: &FeatureRows) -> Result<Vec<f64>> {
        ClassifierError::catch("compute the logits of features", || {
            self.bundle.score_features(&rows.values)
        })
    }

    /// The scores of a probe for rows of tokens. The features are computed as they were for the training of the
    /// probe, in the same number format.
    fn probe_scores(&self, rows: &dyn IdRows) -> Result<Vec<f64>> {
        let inference = self.inference(rows, &|_| ControlFlow::Continue(()));
        let batches = sorted_batches(rows, self.batch_size(rows.len()));
        let states = self.with_replicas(batches.len(), |replicas| {
            inference.states(replicas, &batches, 0..rows.len())
        })?;
        ClassifierError::catch("compute the logits of features", || {
            let states = Tensor::from_slice(&states).view([rows.len() as i64, -1]);
            self.bundle.score_features(&states)
        })
    }

    /// Runs `work` with as many replicas as there are batches, but at most one for each core.
    fn with_replicas<T>(
        &self,
        batches: usize,
        work: impl FnOnce(&mut [Replica]) -> Result<T>,
    ) -> Result<T> {
        // Weights do not change, so a replica can be used after a panic.
        let mut replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        let count = batches.clamp(1, self.device.replicas.max(1));
        let (network, weights) = (&self.bundle.network, &self.bundle.weights);
        while replicas.len() < count {
            replicas.push(ClassifierError::catch("prepare the weights", || {
                Ok(Replica::new(network, weights, self.kind))
            })?);
        }
        work(&mut replicas[..count])
    }

    fn batch_size(&self, rows: usize) -> usize {
        match self.batches {
            BatchSize::Fixed(size) => size as usize,
            BatchSize::Spread { max } => rows
                .div_ceil(self.device.replicas)
                .clamp(1, max.max(1) as usize),
        }
    }
}

/// The contributions are integrated gradients: see [`attributions_of_rows`].
impl Scorer for NetworkScorer {
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>, Failure> {
        guard(|| {
            let rows: &dyn IdRows = &rows;
            check_input_rows(rows, &self.bundle.model)?;
            Ok(match self.is_probe() {
                true => self.probe_scores(rows)?,
                false => self.logits(rows, &|_| ())?.scores(),
            })
        })
    }

    fn contributions(&self, rows: &[IdsAndSpecialMask]) -> Result<Vec<Vec<f64>>, Failure> {
        guard(|| {
            let found =
                attributions_of_rows(&self.bundle, rows, self.device.replicas, &self.memory)?;
            Ok(found.into_iter().map(|found| found.tokens).collect())
        })
    }

    fn take_notes(&self) -> Vec<String> {
        self.memory.take_note().into_iter().collect()
    }
}
