//! Random matrices: each value is a function of seed, row and column. It does not depend on threads, on the order of
//! computation or on the size of the vocabulary.

use metrics::counter_rng::{GOLDEN, mix};

use crate::matrix::Matrix;

/// The bound b of the uniform distribution on [-b, b] of `random` vectors. Components have the variance 1 / width, so
/// vectors of any width have a mean squared length of 1. At width 48 the bound is 0.25, as in Kim 2014 ("Convolutional
/// Neural Networks for Sentence Classification").
pub(crate) fn bound(width: u32) -> f32 {
    (3.0 / f64::from(width)).sqrt() as f32
}

/// A matrix of uniform random vectors; the row of padding is zero.
pub(crate) fn matrix(rows: u32, width: u32, pad_id: u32, seed: u64) -> Matrix {
    let bound = bound(width);
    let mut matrix = Matrix::zeros(rows, width);
    for (id, row) in matrix.rows_mut().filter(|(id, _)| *id != pad_id as usize) {
        for (column, value) in row.iter_mut().enumerate() {
            *value = bound * (2.0 * uniform(seed, id, column) - 1.0) as f32;
        }
    }
    matrix
}

/// A normal random number with mean 0 and this standard deviation (Box and Muller 1958).
pub(crate) fn normal(seed: u64, row: usize, column: usize, deviation: f64) -> f32 {
    // Each column uses two uniform numbers u; 1 - u is never 0, so its logarithm is finite.
    let [first, angle] = [0, 1].map(|number| uniform(seed, row, 2 * column + number));
    let radius = 1.0 - first;
    let standard = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
    (deviation * standard) as f32
}

/// A uniform random number in [0, 1), from the upper 53 bits of a hash of its position.
fn uniform(seed: u64, row: usize, column: usize) -> f64 {
    let next = |counter: u64| mix(counter.wrapping_add(GOLDEN));
    let hash = next(next(next(seed) ^ row as u64) ^ column as u64);
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_change() {
        assert_eq!(uniform(7, 3, 5), 0.962_034_122_063_467);
        assert_eq!(normal(7, 3, 5, 0.5), -0.687_459_8);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let draws = 40_000;
        let moments = |draw: &dyn Fn(usize) -> f64| {
            let mean = (0..draws).map(draw).sum::<f64>() / draws as f64;
            let variance = (0..draws)
                .map(|index| (draw(index) - mean).powi(2))
                .sum::<f64>()
                / draws as f64;
            (mean, variance)
        };
        let (mean, variance) =
            moments(&|index| f64::from(normal(7, index / 100, index % 100, 0.5)));
        assert!(
            mean.abs() < 0.01 && (variance - 0.25).abs() < 0.01,
            "normal: {mean} {variance}"
        );
        let uniform = matrix(401, 100, 0, 7);
        let (mean, variance) =
            moments(&|index| f64::from(uniform.row(1 + index / 100)[index % 100]));
        assert!(
            mean.abs() < 0.002 && (variance - 0.01).abs() < 0.0005,
            "uniform: {mean} {variance}"
        );
    }

    #[test]
    fn rows_do_not_depend_on_other_rows_and_seeds_differ() {
        let (small, large) = (matrix(3, 8, 0, 1), matrix(9, 8, 0, 1));
        assert_eq!(small.row(2), large.row(2));
        assert_eq!(small.row(0), [0.0; 8]);
        assert_ne!(small.row(1), small.row(2));
        assert_ne!(small.row(1), matrix(3, 8, 0, 2).row(1));
    }
}
