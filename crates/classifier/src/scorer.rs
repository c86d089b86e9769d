//! A network that is asked about rows of tokens.

use std::ops::ControlFlow;
use std::path::Path;

use bundle::{MarkedRow, ModelFile, Networks, Scorer};
use settings::ModelKind;
use stage::Failure;
use tch::{Kind, Tensor};

use crate::{
    Asked, Bundle, ChosenDevice, ClassifierError, Logits, Replica, TokenContract, TokenRows,
    attributions_of_rows, choose_device, logits_of, sorted_batches, states_of,
};

/// Reviews that a network reads together where nobody says how many, at most.
const BATCH_SIZE: u32 = 64;

/// Networks, for programs that can compute them.
pub const NETWORKS: Networks = Networks {
    open: |folder, _, run| {
        let device = choose_device(run.device, run.cores())?;
        let scorer = NetworkScorer::load(folder, device, Batches::Spread { most: BATCH_SIZE })?;
        Ok(Box::new(scorer))
    },
    are_on_gpu: |run| Ok(choose_device(run.device, run.cores())?.device.is_cuda()),
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

/// A network on its device. What scores a probe is asked about tokens, too: its encoder is in its bundle.
#[derive(Debug)]
pub struct NetworkScorer {
    /// The network.
    pub bundle: Bundle,
    device: ChosenDevice,
    batches: Batches,
}

impl NetworkScorer {
    /// Loads the network in a folder onto a device.
    ///
    /// # Errors
    /// A file is missing or not what it should be.
    pub fn load(
        folder: &Path,
        device: ChosenDevice,
        batches: Batches,
    ) -> Result<Self, ClassifierError> {
        Ok(Self {
            bundle: Bundle::load(folder, device.device)?,
            device,
            batches,
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

    /// The logits of rows, asked on all cores; `on_rows` is told how many are done.
    ///
    /// # Errors
    /// libtorch refuses, for example for want of memory.
    pub fn logits(
        &self,
        rows: &TokenRows,
        on_rows: &(impl Fn(u64) + Sync),
    ) -> Result<Logits, ClassifierError> {
        let model = &self.bundle.model;
        let batch_size = self.batch_size(rows.len());
        let shape = (batch_size, model.tokenizer.pad_id, model.labels.len());
        let progress = |rows| {
            on_rows(rows);
            ControlFlow::Continue(())
        };
        logits_of(
            &self.bundle.network,
            &mut self.replicas(Kind::Float),
            rows,
            shape,
            self.device.device,
            &progress,
        )
    }

    /// How far the positive class is ahead on each row, for a probe: from features that are computed as
    /// those were that it was fitted to, in their number format.
    fn probe_differences(&self, rows: &TokenRows) -> Result<Vec<f64>, ClassifierError> {
        let features = self.bundle.model.features.as_ref();
        let kind = features.map_or(Kind::Float, |features| {
            self.device.kind_of(features.precision).0
        });
        let asked = Asked {
            network: &self.bundle.network,
            rows,
            pad_id: self.bundle.model.tokenizer.pad_id,
            device: self.device.device,
        };
        let batches = sorted_batches(rows, self.batch_size(rows.len()));
        let progress = |_| ControlFlow::Continue(());
        let mut replicas = self.replicas(kind);
        let states = states_of(&asked, &mut replicas, &batches, 0..rows.len(), &progress)?;
        let states = Tensor::from_slice(&states).view([rows.len() as i64, -1]);
        self.bundle.differences_of_states(&states)
    }

    fn replicas(&self, kind: Kind) -> Vec<Replica> {
        let replica = |_| Replica::new(&self.bundle.network, &self.bundle.weights, kind);
        (0..self.device.replicas).map(replica).collect()
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

/// Integrated gradients for what a token contributes, see [`crate::attributions`].
impl Scorer for NetworkScorer {
    fn scores(&self, rows: &[Vec<u32>]) -> Result<Vec<f64>, Failure> {
        let rows = TokenRows::from_ids(rows, &TokenContract::of_model(&self.bundle.model))?;
        Ok(match self.is_probe() {
            true => self.probe_differences(&rows)?,
            false => self.logits(&rows, &|_| ())?.differences(),
        })
    }

    fn contributions(&self, rows: &[MarkedRow]) -> Result<Vec<Vec<f64>>, Failure> {
        let found = attributions_of_rows(&self.bundle, rows, self.device.replicas)?;
        Ok(found.into_iter().map(|found| found.tokens).collect())
    }
}
