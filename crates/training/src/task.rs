//! What the trainer knows of what it trains.

use std::ops::Range;

use classifier::{
    ActivationWeights, ComputePath, CounterRng, Logits, Loss, MemoryLimit, Mode, ParameterLayout,
    Parameters, Result, Transfer,
};

/// A network with the rows that it learns from: classification, or masked language modelling.
///
/// A step draws a batch, computes it in parts, and adds the gradients of the parts.
pub trait Task: Sync {
    /// The rows of one step, as they are learned from.
    type Batch: Send + Sync;
    /// A part of a batch as tensors.
    type Part: Transfer;

    /// The parameters.
    fn layout(&self) -> &ParameterLayout;

    /// Rows of an epoch.
    fn rows(&self) -> usize;

    /// Tokens of a row.
    fn length(&self, row: usize) -> usize;

    /// The id of a row, as `clean` numbers the reviews.
    fn row_id(&self, row: usize) -> u64;

    /// Draws what a step learns from these rows.
    fn draw_batch(&self, rows: &[usize], rng: CounterRng) -> Self::Batch;

    /// Examples of a batch: the gradient is that of their mean loss.
    fn examples(&self, batch: &Self::Batch) -> u64;

    /// Prepares some rows of a batch on the host, for this path; `None` if they have no example.
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

    /// How the weights do on rows that are not learned from; `None` if the last epoch is the best.
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

/// How a network does on the validation rows.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Mean loss in nats.
    pub loss: f64,
    /// Share of rows predicted correctly.
    pub accuracy: f64,
    /// The logits of every row.
    pub logits: Logits,
}
