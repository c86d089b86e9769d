//! The classification task: a network learns the labels of token rows.

use std::ops::{ControlFlow, Range};

use classifier::{
    ActivationWeights, BatchProgress, ComputePath, CounterRng, ForwardContext, IdRows, Inference,
    Logits, Loss, MemoryLimit, Mode, Network, ParameterLayout, Parameters, PreparedBatch, Replica,
    Result, WordDropout,
};
use settings::ModelSettings;
use tch::Device;

use crate::task::{Task, Validation};

/// A network with its training and validation rows.
#[derive(Debug)]
pub struct Classification<'a> {
    /// The network.
    pub network: &'a Network,
    /// The settings of the model.
    pub model: &'a ModelSettings,
    /// Training rows.
    pub train: &'a dyn IdRows,
    /// Validation rows, which decide the best epoch.
    pub validation: &'a dyn IdRows,
    /// The token id of padding.
    pub pad_id: u32,
    /// The device of the batches.
    pub device: Device,
}

impl Classification<'_> {
    /// The logits of the validation rows, in batches twice as large as those of training.
    ///
    /// # Errors
    /// See [`Inference::logits`].
    pub fn validation_logits(
        &self,
        replicas: &mut [Replica],
        memory: &MemoryLimit,
        progress: &BatchProgress<'_>,
    ) -> Result<Logits> {
        let inference = Inference {
            network: self.network,
            rows: self.validation,
            pad_id: self.pad_id,
            device: self.device,
            memory,
            progress,
        };
        inference.logits(replicas, 2 * self.model.training.batch_size as usize)
    }
}

impl Task for Classification<'_> {
    type Batch = Vec<usize>;
    type Part = PreparedBatch;

    fn layout(&self) -> &ParameterLayout {
        self.network.layout()
    }

    fn rows(&self) -> usize {
        self.train.len()
    }

    fn length(&self, row: usize) -> usize {
        self.train.length(row)
    }

    fn row_id(&self, row: usize) -> u64 {
        self.train.row_id(row)
    }

    fn draw_batch(&self, rows: &[usize], _: CounterRng) -> Vec<usize> {
        rows.to_vec()
    }

    fn examples(&self, batch: &Vec<usize>) -> u64 {
        batch.len() as u64
    }

    fn prepare_part(
        &self,
        batch: &Vec<usize>,
        rows: Range<usize>,
        rng: CounterRng,
        path: ComputePath,
    ) -> Option<PreparedBatch> {
        let share = self.model.word_dropout;
        let rng = rng.child(0);
        let dropout = (share > 0.0).then_some(WordDropout { share, rng });
        let format = match path {
            ComputePath::Cpu => self.network.input_format(),
            ComputePath::Gpu => self.network.input_format().for_gpu(),
        };
        let rows = &batch[rows];
        let part = PreparedBatch::gather(self.train, rows, self.pad_id, format, dropout);
        Some(part)
    }

    fn loss(
        &self,
        part: &PreparedBatch,
        weights: &ActivationWeights,
        parameters: &Parameters,
        mode: Mode,
    ) -> Loss {
        let smoothing = self.model.training.label_smoothing;
        let batch = part.open();
        let context = ForwardContext::new(&batch, parameters, mode);
        self.network.loss(weights, context, smoothing)
    }

    fn validate(
        &self,
        replicas: &[ActivationWeights],
        memory: &MemoryLimit,
        stop: fn() -> bool,
    ) -> Result<Option<Validation>> {
        let replica = |weights| Replica::from_activation_weights(self.network, weights);
        let mut replicas: Vec<Replica> = replicas.iter().map(replica).collect();
        let logits = self.validation_logits(&mut replicas, memory, &|_| match stop() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })?;
        let (loss, accuracy) = logits.loss_and_accuracy(self.validation);
        Ok(Some(Validation {
            loss,
            accuracy,
            logits,
        }))
    }
}
