//! Matrix products of encoders.
//!
//! On a CPU they are oneDNN's. libtorch multiplies f32 with MKL, which does on some CPUs
//! half of what they can: on a Zen 5 core 110 against 250 thousand million operations per second. In
//! bf16 libtorch asks oneDNN itself; where a network does not learn, its matrices are given to it in
//! either format, so that they need not be taken over for every product.

use std::sync::OnceLock;

use tch::{Device, Kind, Tensor, no_grad};

/// `xs` `[.., I]` times the transposed `weight` `[O, I]`, plus `bias` `[O]`: `[.., O]`.
pub(crate) fn linear(xs: &Tensor, weight: &Tensor, bias: &Tensor) -> Tensor {
    if weight.is_mkldnn() || is_for_one_dnn(xs) {
        unpacked(&packed(xs).mkldnn_linear(weight, Some(bias)))
    } else {
        xs.linear(weight, Some(bias))
    }
}

/// Two such products with Gauss' error linear unit (Hendrycks and Gimpel 2016) between them.
pub(crate) fn linear_gelu_linear(xs: &Tensor, up: [&Tensor; 2], down: [&Tensor; 2]) -> Tensor {
    if up[0].is_mkldnn() || is_for_one_dnn(xs) {
        let middle = packed(xs).mkldnn_linear(up[0], Some(up[1])).gelu("none");
        unpacked(&middle.mkldnn_linear(down[0], Some(down[1])))
    } else {
        let middle = xs.linear(up[0], Some(up[1])).gelu("none");
        middle.linear(down[0], Some(down[1]))
    }
}

/// Whether a product with a matrix in plain layout is worth the way to oneDNN and back: in f32 on a
/// processor, unless it is small. In training, that is, where matrices change with every step.
fn is_for_one_dnn(xs: &Tensor) -> bool {
    const LEAST: usize = 1 << 15;
    xs.device() == Device::Cpu && xs.kind() == Kind::Float && xs.numel() >= LEAST && has_one_dnn()
}

/// Whether this libtorch was built with oneDNN.
pub(crate) fn has_one_dnn() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let plain = Tensor::zeros([1], (Kind::Float, Device::Cpu));
        no_grad(|| plain.f_to_mkldnn(Kind::Float).is_ok())
    })
}

/// Some rows of a matrix, in plain layout.
pub(crate) fn rows_of(matrix: &Tensor, start: i64, count: i64) -> Tensor {
    let plain = if matrix.is_mkldnn() {
        unpacked(matrix)
    } else {
        matrix.shallow_clone()
    };
    plain.narrow(0, start, count)
}

fn packed(xs: &Tensor) -> Tensor {
    xs.contiguous().to_mkldnn()
}

fn unpacked(xs: &Tensor) -> Tensor {
    xs.to_dense(None, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_products_are_the_plain_ones() {
        let drawn = |shape: &[i64]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
        let xs = drawn(&[3, 5, 8]);
        let (up, up_bias) = (drawn(&[12, 8]), drawn(&[12]));
        let (down, down_bias) = (drawn(&[8, 12]), drawn(&[8]));
        no_grad(|| {
            let [packed_up, packed_down] = [&up, &down].map(packed);
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
            near(rows_of(&packed_up, 2, 3), rows_of(&up, 2, 3));
        });
    }
}
