//! Dropout (Srivastava et al. 2014). On a CPU by masks of the counter-based generator; on a GPU
//! by masks that it draws itself, from a generator that the trainer seeds before each part of a step.
//! Either way a mask follows from seed, step and layer, and a resumed run draws the same.

use tch::Tensor;

use crate::{Batch, CounterRng, Parameters};

/// Whether a network learns or predicts.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Learns, with masks of this rng, which is that of the step.
    Train(CounterRng),
    /// Learns, with masks of libtorch's generator of the device.
    TrainOnGpu,
    /// Predicts: no dropout.
    Evaluate,
}

/// What a network reads in one pass, beside the vectors of tokens.
#[derive(Clone, Copy, Debug)]
pub struct ForwardContext<'a> {
    /// The rows.
    pub batch: &'a Batch,
    /// The parameters.
    pub parameters: &'a Parameters,
    /// Whether it learns or predicts.
    pub mode: Mode,
}

impl<'a> ForwardContext<'a> {
    /// A pass of these rows.
    pub fn new(batch: &'a Batch, parameters: &'a Parameters, mode: Mode) -> Self {
        Self {
            batch,
            parameters,
            mode,
        }
    }
}

/// Zeroes this share of the elements and scales the rest, so that the mean stays. `layer` tells the
/// dropouts of one network apart.
pub(crate) fn dropout(xs: &Tensor, share: f64, mode: Mode, layer: u64) -> Tensor {
    if share <= 0.0 {
        return xs.shallow_clone();
    }
    match mode {
        Mode::Evaluate => xs.shallow_clone(),
        Mode::TrainOnGpu => xs.native_dropout(share, true).0,
        Mode::Train(rng) => {
            let mask = rng.child(layer).keep_mask(xs.numel(), share);
            let mask = Tensor::from_slice(&mask)
                .view(xs.size().as_slice())
                .to_kind(xs.kind());
            xs * (mask * (1.0 / (1.0 - share)))
        }
    }
}
