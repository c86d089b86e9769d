//! The interface between the trainer and the model that it trains.

use std::ops::Range;

use classifier::{
    ActivationWeights, ComputePath, CounterRng, Logits, Loss, MemoryLimit, Mode, ParameterLayout,
    Parameters, Result, Transfer,
};

/// A network with its training rows: classification or masked language modelling.
///
/// A step draws a batch, computes it in parts, and adds up the gradients of the parts.
pub trait Task: Sync {
    /// The rows of one step, prepared for the task.
    type Batch: Send + Sync;
    /// A part of a batch as tensors.
    type Part: Transfer;

    /// The parameters.
    fn layout(&self) -> &ParameterLayout;

    /// Number of rows of an epoch.
    fn rows(&self) -> usize;

    /// Number of tokens of a row.
    fn length(&self, row: usize) -> usize;

    /// The review id of a row, as in `clean.parquet`.
    fn row_id(&self, row: usize) -> u64;

    /// Makes the batch of a step from these rows, with random numbers of `rng`.
    fn draw_batch(&self, rows: &[usize], rng: CounterRng) -> Self::Batch;

    /// Number of examples of a batch. The loss of a step is their mean loss.
    fn examples(&self, batch: &Self::Batch) -> u64;

    /// Prepares some rows of a batch in the memory of the CPU; `None` if they have no example.
    fn prepare_part(
        &self,
        batch: &Self::Batch,
        rows: Range<usize>,
        rng: CounterRng,
        path: ComputePath,
    ) -> Option<Self::Part>;

    /// The loss of a part.
    fn loss(
        &self,
        part: &Self::Part,
        weights: &ActivationWeights,
        parameters: &Parameters,
        mode: Mode,
    ) -> Loss;

    /// Evaluates the weights on the validation rows; `None` if the task has none, and the last epoch is used.
    ///
    /// # Errors
    /// libtorch fails, a single row does not fit into memory, or `stop` is true after a batch.
    fn validate(
        &self,
        _replicas: &[ActivationWeights],
        _memory: &MemoryLimit,
        _stop: fn() -> bool,
    ) -> Result<Option<Validation>> {
        Ok(None)
    }
}

/// The result of a network on the validation rows.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Mean loss in nats.
    pub loss: f64,
    /// Share of rows predicted correctly.
    pub accuracy: f64,
    /// The logits of every row.
    pub logits: Logits,
}
