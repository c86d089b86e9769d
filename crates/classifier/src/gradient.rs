//! Gradients of a loss: one flat tensor for all dense parameters, and rows for the words that a batch has looked up.

use rayon::prelude::*;
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use crate::parameters::{ParameterLayout, Parameters, as_bf16_bits, as_slice, as_slice_mut};
use crate::{ActivationWeights, ClassifierError, ForwardContext, Network, Result};

/// The code that computes a training step. Tests run the GPU code on a CPU, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputePath {
    /// Several replicas, loops over memory, and dropout masks from the counter-based RNG.
    Cpu,
    /// One replica, a fixed number of operations, and no copies to CPU memory.
    Gpu,
}

impl ComputePath {
    /// The code for tensors of this device.
    pub fn for_device(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Cpu,
            _ => Self::Gpu,
        }
    }
}

/// The loss of some examples, ready for differentiation.
#[derive(Debug)]
pub struct Loss {
    /// Sum of the examples' losses in nats, a scalar in f32.
    pub sum: Tensor,
    /// Number of examples predicted correctly, a scalar in i64.
    pub correct: Tensor,
    /// The words that were looked up, if the word table is learned.
    pub looked_up: Option<LookedUpWords>,
}

/// The rows of the word table that a forward pass has read.
#[derive(Debug)]
pub struct LookedUpWords {
    /// `[M]` i64: the token ids.
    pub ids: Tensor,
    /// `[.., D]` f32, M rows in total: the word vectors, a leaf tensor that collects their gradient.
    pub vectors: Tensor,
}

/// A loss and its gradient. The tensors stay on the device, and nothing here waits for them.
#[derive(Debug)]
pub struct BackwardPass {
    /// Sum of the examples' losses in nats, a scalar in f32.
    pub loss: Tensor,
    /// Number of examples predicted correctly, a scalar in i64.
    pub correct: Tensor,
    /// `[D]` in the number format of the activations: the gradient of the dense parameters.
    dense: Tensor,
    /// The token ids `[M]` and the gradients `[M, D]` of the words that were looked up.
    words: Option<(Tensor, Tensor)>,
}

impl Loss {
    /// The cross-entropy of logits `[M, C]` with the labels `truth` `[M]` and label smoothing (Szegedy et al. 2016).
    pub(crate) fn of(logits: &Tensor, truth: &Tensor, smoothing: f64) -> Self {
        let logits = logits.to_kind(Kind::Float);
        let none = None::<&Tensor>;
        let correct = || logits.argmax(1, false).eq_tensor(truth).sum(Kind::Int64);
        Self {
            sum: logits.cross_entropy_loss(truth, none, Reduction::Sum, -100, smoothing),
            correct: no_grad(correct),
            looked_up: None,
        }
    }
}

impl Network {
    /// The cross-entropy of a batch.
    pub fn loss(
        &self,
        weights: &ActivationWeights,
        context: ForwardContext<'_>,
        smoothing: f64,
    ) -> Loss {
        let batch = context.batch;
        let vectors = no_grad(|| self.look_up(weights.table(), batch))
            .set_requires_grad(weights.learns_table);
        let logits = self.forward(&vectors.to_kind(weights.kind()), context);
        let looked_up = weights.learns_table.then(|| LookedUpWords {
            ids: batch.ids.view([-1]),
            vectors,
        });
        let loss = Loss::of(&logits, &batch.labels, smoothing);
        Loss { looked_up, ..loss }
    }
}

impl BackwardPass {
    /// Computes a loss and the gradient of `scale` times its sum.
    ///
    /// # Errors
    /// libtorch fails, for example because memory is full. The caller catches a panic of libtorch within `loss`: see
    /// [`ClassifierError::catch`].
    pub fn compute(
        layout: &ParameterLayout,
        weights: &ActivationWeights,
        scale: f64,
        loss: impl FnOnce(&Parameters) -> Loss,
    ) -> Result<Self> {
        let (leaf, parameters) = weights.leaf(layout);
        let loss = loss(&parameters);
        let mut leaves = vec![&leaf];
        leaves.extend(loss.looked_up.as_ref().map(|words| &words.vectors));
        let scaled = &loss.sum * scale;
        let mut gradients = Tensor::f_run_backward(&[&scaled], &leaves, false, false)
            .map_err(ClassifierError::torch("compute the gradient"))?;
        let words = loss.looked_up.map(|LookedUpWords { ids, vectors }| {
            let gradient = gradients.pop().expect("a gradient for each leaf");
            let width = *vectors.size().last().expect("rows of vectors");
            (ids, gradient.reshape([-1, width]))
        });
        Ok(Self {
            loss: loss.sum.detach(),
            correct: loss.correct,
            dense: gradients.pop().expect("a gradient for each leaf"),
            words,
        })
    }
}

/// The gradient of a step: a flat buffer over [`ParameterLayout::trained`], to which the gradients of passes are added.
#[derive(Debug)]
pub struct Gradient {
    /// `[T]`: the whole gradient.
    total: Tensor,
    /// Views of `total`, made once, because making a view is an operation, too.
    dense: Tensor,
    table: Option<Tensor>,
}

impl Gradient {
    /// A buffer for the gradients of a layout.
    pub fn zeros(layout: &ParameterLayout, device: Device) -> Self {
        let total = Tensor::zeros([layout.trained().len() as i64], (Kind::Float, device));
        let dense = layout.dense().len() as i64;
        let table = layout.word_table().map(|id| {
            let spec = layout.spec(id);
            spec.view(&total, spec.range.start - dense as usize)
        });
        Self {
            dense: total.narrow(0, 0, dense),
            table,
            total,
        }
    }

    /// The gradient `[T]` of all passes added so far.
    pub fn total(&mut self) -> &mut Tensor {
        &mut self.total
    }

    /// Adds the gradient of a pass. The `first` pass of a step replaces the previous gradient.
    pub fn add(&mut self, pass: &BackwardPass, first: bool, path: ComputePath) {
        match (path, first) {
            (ComputePath::Cpu, _) => add_all(&mut self.dense, &pass.dense, first),
            (ComputePath::Gpu, true) => self.dense.copy_(&pass.dense),
            (ComputePath::Gpu, false) => drop(self.dense.g_add_(&pass.dense)),
        }
        let Some(table) = &mut self.table else {
            return;
        };
        if first {
            let _ = table.zero_();
        }
        match (&pass.words, path) {
            (None, _) => {}
            (Some((ids, vectors)), ComputePath::Cpu) => add_rows(table, ids, vectors),
            (Some((ids, vectors)), ComputePath::Gpu) => drop(table.index_add_(0, ids, vectors)),
        }
    }
}

/// Number of elements of one work item of a thread.
const CHUNK: usize = 1 << 14;

/// Adds `part` to `total`, or replaces it, on all cores. libtorch would first copy a whole bf16 gradient into f32,
/// which takes 7% of the training time of MiniLM.
fn add_all(total: &mut Tensor, part: &Tensor, replace: bool) {
    let sums = as_slice_mut(total).par_chunks_mut(CHUNK);
    if part.kind() == Kind::BFloat16 {
        let single = |bits: &u16| f32::from_bits(u32::from(*bits) << 16);
        let parts = sums.zip(as_bf16_bits(part).par_chunks(CHUNK));
        parts.for_each(|(sums, bits)| add_each(sums, bits.iter().map(single), replace));
    } else {
        let parts = sums.zip(as_slice(part).par_chunks(CHUNK));
        parts.for_each(|(sums, values)| add_each(sums, values.iter().copied(), replace));
    }
}

fn add_each(sums: &mut [f32], values: impl Iterator<Item = f32>, replace: bool) {
    let pairs = sums.iter_mut().zip(values);
    if replace {
        pairs.for_each(|(sum, value)| *sum = value);
    } else {
        pairs.for_each(|(sum, value)| *sum += value);
    }
}

/// Adds the vectors `[M, D]` to the rows `ids` of a table `[V, D]`. libtorch is ten times slower, because it runs a
/// full operation for each row.
fn add_rows(table: &mut Tensor, ids: &Tensor, vectors: &Tensor) {
    let width = vectors.size()[1] as usize;
    let vectors = vectors.contiguous();
    let ids: Vec<i64> = Vec::try_from(ids).expect("ids are a vector of integers");
    let table = as_slice_mut(table);
    for (id, vector) in ids.into_iter().zip(as_slice(&vectors).chunks_exact(width)) {
        let row = &mut table[id as usize * width..][..width];
        for (sum, value) in row.iter_mut().zip(vector) {
            *sum += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_of_both_formats_are_replaced_and_added() {
        let count = 3 * CHUNK as i64 + 5;
        let values = Tensor::arange(count, (Kind::Float, Device::Cpu)).sin();
        for kind in [Kind::Float, Kind::BFloat16] {
            let part = values.to_kind(kind);
            let mut total = Tensor::full([count], f64::NAN, (Kind::Float, Device::Cpu));
            add_all(&mut total, &part, true);
            let expected = part.to_kind(Kind::Float);
            assert!(total == expected, "{kind:?}");
            add_all(&mut total, &part, false);
            assert!(total == &expected + &part, "{kind:?}");
        }
    }
}
