//! A network that scores rows of tokens.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use artifact::Failure;
use bundle::{IdsAndSpecialMask, ModelFile, Networks, Scorer};
use settings::ModelKind;
use tch::{Kind, Tensor};

use crate::tokens::check_asked;
use crate::{
    BatchProgress, Bundle, ChosenDevice, ClassifierError, FeatureRows, IdRows, Inference, Logits,
    MemoryLimit, Replica, Result, attributions_of_rows, choose_device, guard, sorted_batches,
};

/// The largest number of reviews in a batch, unless the caller sets it.
const BATCH_SIZE: u32 = 64;

/// Networks, for programs that can compute them.
pub const NETWORKS: Networks = Networks {
    open: |folder, _, run| {
        let device = choose_device(run)?;
        let scorer = NetworkScorer::load(folder, device, Batches::Spread { most: BATCH_SIZE })?;
        Ok(Box::new(scorer))
    },
};

/// How rows are put together.
#[derive(Clone, Copy, Debug)]
pub enum Batches {
    /// So many in each. What is rounded does not depend on the number of cores.
    Of(u32),
    /// A few rows are shared between the cores, too: the answer is there sooner.
    Spread {
        /// Rows of a batch, at most.
        most: u32,
    },
}

/// A network on its device. A probe scores tokens, too: its encoder is in its bundle.
#[derive(Debug)]
pub struct NetworkScorer {
    /// The network.
    pub bundle: Bundle,
    device: ChosenDevice,
    batches: Batches,
    /// The number format of activations.
    kind: Kind,
    /// Made at first use and kept: each has its own copy of the weights in the form in which the device
    /// multiplies them fastest.
    replicas: Mutex<Vec<Replica>>,
    memory: MemoryLimit,
}

impl NetworkScorer {
    /// Loads the network in a folder onto a device.
    ///
    /// # Errors
    /// A file is missing or damaged, or the device fails.
    pub fn load(folder: &Path, device: ChosenDevice, batches: Batches) -> Result<Self> {
        let load = || Bundle::load(folder, device.device);
        let bundle = ClassifierError::catch("load the model", load)?;
        let kind = match &bundle.model.features {
            // A probe reads features in the format that it was fitted to.
            Some(features) => device.kind_of(features.precision).0,
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

    /// Its description.
    pub fn description(&self) -> &ModelFile {
        &self.bundle.model
    }

    /// Whether it is a probe, for which an encoder computes features.
    pub fn is_probe(&self) -> bool {
        self.bundle.model.architecture.kind == ModelKind::Probe
    }

    /// The logits of rows, computed on all cores; `on_rows` receives the number of rows of each
    /// finished batch.
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

    /// How far the positive class of a probe is ahead on each row of features.
    ///
    /// # Errors
    /// The features are of another width, or libtorch fails.
    pub fn differences_of_features(&self, rows: &FeatureRows) -> Result<Vec<f64>> {
        ClassifierError::catch("compute the logits of features", || {
            self.bundle.differences_of(&rows.values)
        })
    }

    /// How far the positive class is ahead on each row, for a probe: from features that are computed
    /// like those that it was fitted to, in their number format.
    fn probe_differences(&self, rows: &dyn IdRows) -> Result<Vec<f64>> {
        let inference = self.inference(rows, &|_| ControlFlow::Continue(()));
        let batches = sorted_batches(rows, self.batch_size(rows.len()));
        let states = self.with_replicas(batches.len(), |replicas| {
            inference.states(replicas, &batches, 0..rows.len())
        })?;
        ClassifierError::catch("compute the logits of features", || {
            let states = Tensor::from_slice(&states).view([rows.len() as i64, -1]);
            self.bundle.differences_of(&states)
        })
    }

    /// Does `work` with as many replicas as there are batches, up to one for each core.
    fn with_replicas<T>(
        &self,
        batches: usize,
        work: impl FnOnce(&mut [Replica]) -> Result<T>,
    ) -> Result<T> {
        // Weights do not change, so a replica is whole after a panic, too.
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
            Batches::Of(size) => size as usize,
            Batches::Spread { most } => rows
                .div_ceil(self.device.replicas)
                .clamp(1, most.max(1) as usize),
        }
    }
}

/// Integrated gradients for the contribution of a token, see [`attributions_of_rows`].
impl Scorer for NetworkScorer {
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>, Failure> {
        guard(|| {
            let rows: &dyn IdRows = &rows;
            check_asked(rows, &self.bundle.model)?;
            Ok(match self.is_probe() {
                true => self.probe_differences(rows)?,
                false => self.logits(rows, &|_| ())?.differences(),
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
