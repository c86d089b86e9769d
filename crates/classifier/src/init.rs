//! Initial values of parameters.

use settings::ModelSettings;

use crate::CounterRng;

/// The random numbers for the initial parameters of a network.
pub(crate) fn rng(settings: &ModelSettings) -> CounterRng {
    CounterRng::new(settings.seed).child(0)
}

/// Glorot's uniform distribution for a `[rows, columns]` matrix (Glorot and Bengio 2010).
pub(crate) fn glorot_uniform(rng: CounterRng, rows: i64, columns: i64) -> Vec<f32> {
    let bound = (6.0 / (rows + columns) as f64).sqrt();
    uniform(rng, (rows * columns) as usize, bound)
}

/// He's uniform distribution for layers before a ReLU (He et al. 2015).
pub(crate) fn he_uniform(rng: CounterRng, count: usize, inputs: i64) -> Vec<f32> {
    uniform(rng, count, (6.0 / inputs as f64).sqrt())
}

/// A normal distribution with mean 0 and this standard deviation.
pub(crate) fn normal(rng: CounterRng, count: usize, deviation: f64) -> Vec<f32> {
    let draw = |n| (deviation * rng.normal(n)) as f32;
    (0..count as u64).map(draw).collect()
}

/// A uniform distribution between `-bound` and `bound`.
pub(crate) fn uniform(rng: CounterRng, count: usize, bound: f64) -> Vec<f32> {
    let draw = |n| (bound * (2.0 * rng.uniform(n) - 1.0)) as f32;
    (0..count as u64).map(draw).collect()
}

/// A stack of `blocks` orthogonal `[size, size]` matrices, one for each gate of a recurrent network, so that repeated
/// multiplication neither grows nor shrinks a state (Saxe, McClelland and Ganguli 2014).
pub(crate) fn orthogonal_blocks(rng: CounterRng, blocks: i64, size: i64) -> Vec<f32> {
    let block = |block| orthogonal(rng.child(block as u64), size as usize);
    (0..blocks).flat_map(block).collect()
}

/// Gram-Schmidt orthogonalization of random rows. Each row is made orthogonal to the earlier ones twice, because once
/// is not exact in floating point.
fn orthogonal(rng: CounterRng, size: usize) -> Vec<f32> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
    for index in 0..size {
        let drawn = |column| rng.normal((index * size + column) as u64);
        let mut row: Vec<f64> = (0..size).map(drawn).collect();
        for _ in 0..2 {
            for earlier in &rows {
                let overlap: f64 = row.iter().zip(earlier).map(|(a, b)| a * b).sum();
                let pairs = row.iter_mut().zip(earlier);
                pairs.for_each(|(a, b)| *a -= overlap * b);
            }
        }
        let norm = row.iter().map(|a| a * a).sum::<f64>().sqrt();
        let norm = norm.max(f64::MIN_POSITIVE);
        row.iter_mut().for_each(|a| *a /= norm);
        rows.push(row);
    }
    let values = rows.into_iter().flatten();
    values.map(|value| value as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_orthogonal_and_have_length_one() {
        let size = 24;
        let matrix = orthogonal(CounterRng::new(1), size);
        for one in 0..size {
            for two in 0..size {
                let product: f32 = (0..size)
                    .map(|k| matrix[one * size + k] * matrix[two * size + k])
                    .sum();
                let expected = if one == two { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-5, "{one} {two} {product}");
            }
        }
    }
}
