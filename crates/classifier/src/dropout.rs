//! Dropout by counter-based masks (Srivastava et al. 2014): the same on every device and in every
//! resumed run.

use tch::Tensor;

use crate::Stream;

/// Whether a network learns or is only asked.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Learns; the stream is that of this step.
    Train(Stream),
    /// Is asked: no dropout.
    Evaluate,
}

/// Zeroes this share of the elements and scales the rest, so that the mean stays. `layer` tells the
/// dropouts of one network apart.
pub(crate) fn dropout(xs: &Tensor, share: f64, mode: Mode, layer: u64) -> Tensor {
    let Mode::Train(stream) = mode else {
        return xs.shallow_clone();
    };
    if share <= 0.0 {
        return xs.shallow_clone();
    }
    let mask = stream.child(layer).keep_mask(xs.numel(), share);
    let mask = Tensor::from_slice(&mask)
        .to_device(xs.device())
        .view(xs.size().as_slice())
        .to_kind(xs.kind());
    xs * (mask * (1.0 / (1.0 - share)))
}
