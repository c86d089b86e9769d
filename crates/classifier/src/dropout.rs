//! Dropout (Srivastava et al. 2014). On a CPU the counter-based RNG makes the masks. A GPU makes them with its own
//! generator, which the trainer seeds before each part of a step. In both cases a mask depends only on seed, step and
//! layer, so a resumed run has the same masks.

use tch::Tensor;

use crate::{Batch, CounterRng, Parameters};

/// Whether a network is trained or predicts.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Training, with dropout masks from this RNG of the step.
    Train(CounterRng),
    /// Training, with dropout masks from libtorch's generator on the GPU.
    TrainOnGpu,
    /// Prediction, without dropout.
    Evaluate,
}

/// The input of a forward pass besides the token vectors.
#[derive(Clone, Copy, Debug)]
pub struct ForwardContext<'a> {
    /// The rows.
    pub batch: &'a Batch,
    /// The parameters.
    pub parameters: &'a Parameters,
    /// Whether the network is trained or predicts.
    pub mode: Mode,
}

impl<'a> ForwardContext<'a> {
    /// The context of a pass over these rows.
    pub fn new(batch: &'a Batch, parameters: &'a Parameters, mode: Mode) -> Self {
        Self {
            batch,
            parameters,
            mode,
        }
    }
}

/// Sets this share of the elements to 0 and scales the others, so that the mean stays. `layer` selects the random
/// numbers of one dropout layer of a network.
pub(crate) fn dropout(xs: &Tensor, share: f64, mode: Mode, layer: u64) -> Tensor {
    if share <= 0.0 {
        return xs.shallow_clone();
    }
    match mode {
        Mode::Evaluate => xs.shallow_clone(),
        Mode::TrainOnGpu => xs.native_dropout(share, true).0,
        Mode::Train(rng) => {
            let mask = rng.child(layer).keep_mask(xs.numel(), share);
            let mask = Tensor::from_slice(&mask).view(xs.size().as_slice());
            xs * (mask.to_kind(xs.kind()) * (1.0 / (1.0 - share)))
        }
    }
}
