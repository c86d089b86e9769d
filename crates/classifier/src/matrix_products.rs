//! Matrix products of encoders.
//!
//! On a CPU, oneDNN computes them. For f32, libtorch uses MKL, which reaches only half of the speed on some CPUs: on
//! a Zen 5 core 110 instead of 250 billion operations per second. For bf16, libtorch calls oneDNN itself. The
//! matrices of a network that is not trained are stored in oneDNN's format, so that they are not converted for every
//! product.

use std::sync::OnceLock;

use tch::{Device, Kind, Tensor, no_grad};

/// `xs` `[.., I]` times the transposed `weight` `[O, I]`, plus `bias` `[O]`: `[.., O]`.
pub(crate) fn linear(xs: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    if weight.is_mkldnn() || pays_off_with_onednn(xs) {
        from_onednn(&to_onednn(xs).mkldnn_linear(weight, Some(bias)))
    } else {
        xs.linear(weight, Some(bias))
    }
}

/// Two linear layers with a GELU (Hendrycks and Gimpel 2016) between them.
pub(crate) fn linear_gelu_linear(xs: &Tensor, up: [&Tensor; 2], down: [&Tensor; 2]) -> Tensor {
    if up[0].is_mkldnn() || pays_off_with_onednn(xs) {
        let middle = to_onednn(xs).mkldnn_linear(up[0], Some(up[1])).gelu("none");
        from_onednn(&middle.mkldnn_linear(down[0], Some(down[1])))
    } else {
        let middle = xs.linear(up[0], Some(up[1])).gelu("none");
        middle.linear(down[0], Some(down[1]))
    }
}

/// Whether oneDNN is worth the conversion of a matrix in plain layout and back: for f32 on a CPU, unless the product is
/// small. This matters in training, where matrices change in every step.
fn pays_off_with_onednn(xs: &Tensor) -> bool {
    const MIN: usize = 1 << 15;
    xs.device() == Device::Cpu && xs.kind() == Kind::Float && xs.numel() >= MIN && has_onednn()
}

/// Whether this libtorch was built with oneDNN.
pub(crate) fn has_onednn() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let plain = Tensor::zeros([1], (Kind::Float, Device::Cpu));
        no_grad(|| plain.f_to_mkldnn(Kind::Float).is_ok())
    })
}

/// The rows from `start` of a matrix, in plain layout.
pub(crate) fn narrow_rows(matrix: &Tensor, start: i64, count: i64) -> Tensor {
    if matrix.is_mkldnn() {
        return from_onednn(matrix).narrow(0, start, count);
    }
    matrix.narrow(0, start, count)
}

fn to_onednn(xs: &Tensor) -> Tensor {
    xs.contiguous().to_mkldnn()
}

fn from_onednn(xs: &Tensor) -> Tensor {
    xs.to_dense(None, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_in_both_formats_are_equal() {
        let drawn = |shape: &[i64]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
        let xs = drawn(&[3, 5, 8]);
        let (up, up_bias) = (drawn(&[12, 8]), drawn(&[12]));
        let (down, down_bias) = (drawn(&[8, 12]), drawn(&[8]));
        no_grad(|| {
            let [packed_up, packed_down] = [&up, &down].map(to_onednn);
            let near = |one: Tensor, two: Tensor| {
                assert_eq!(one.size(), two.size());
                let difference = (one - two).abs().max().double_value(&[]);
                assert!(difference < 1e-4, "{difference}");
            };
            near(
                linear(&xs, &packed_up, &up_bias),
                linear(&xs, &up, &up_bias),
            );
            near(
                linear_gelu_linear(&xs, [&packed_up, &up_bias], [&packed_down, &down_bias]),
                linear_gelu_linear(&xs, [&up, &up_bias], [&down, &down_bias]),
            );
            near(narrow_rows(&packed_up, 2, 3), narrow_rows(&up, 2, 3));
        });
    }
}
