//! Features as the rows of a regression, scaled to mean 0 and standard deviation 1.

use linear::newton::DesignMatrix;
use tch::{Kind, Tensor};

/// The scaling to mean 0 and standard deviation 1, computed from the training rows alone.
pub(crate) struct Scale {
    /// `[F]` f64.
    mean: Tensor,
    /// `[F]` f64; 1 for a component that never changes.
    deviation: Tensor,
}

impl Scale {
    /// The scaling for features `[N, F]`.
    pub(crate) fn of(features: &Tensor) -> Self {
        let features = features.to_kind(Kind::Double);
        let deviation = features.std_dim(0, false, false);
        Self {
            mean: features.mean_dim(0, false, Kind::Double),
            deviation: deviation.where_self(&deviation.gt(1e-12), &deviation.ones_like()),
        }
    }

    /// Scaled features followed by a column of ones: `[N, F]` to `[N, F + 1]` f64.
    pub(crate) fn apply(&self, features: &Tensor) -> Tensor {
        let scaled = (features.to_kind(Kind::Double) - &self.mean) / &self.deviation;
        let ones = Tensor::ones([scaled.size()[0], 1], (Kind::Double, scaled.device()));
        Tensor::cat(&[scaled, ones], 1)
    }

    /// The weights `[F]` and the bias for unscaled features that give the same scores as `weights` `[F + 1]` for
    /// scaled ones.
    pub(crate) fn unscale(&self, weights: &Tensor) -> (Tensor, f64) {
        let width = self.mean.size()[0];
        let raw = weights.narrow(0, 0, width) / &self.deviation;
        let bias = weights.double_value(&[width]) - raw.dot(&self.mean).double_value(&[]);
        (raw, bias)
    }
}

/// Rows `[N, F + 1]` f64 whose last column is 1.
pub(crate) struct DenseRows(pub(crate) Tensor);

impl DenseRows {
    fn product(matrix: &Tensor, vector: &[f64]) -> Vec<f64> {
        let product = matrix.mv(&Tensor::from_slice(vector).to_device(matrix.device()));
        Vec::try_from(product).expect("a vector of f64")
    }
}

impl DesignMatrix for DenseRows {
    fn rows(&self) -> usize {
        self.0.size()[0] as usize
    }

    fn width(&self) -> usize {
        self.0.size()[1] as usize - 1
    }

    fn scores(&self, weights: &[f64]) -> Vec<f64> {
        Self::product(&self.0, weights)
    }

    fn multiply_transposed(&self, values: &[f64]) -> Vec<f64> {
        Self::product(&self.0.tr(), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::CounterRng;
    use linear::newton::fit;

    fn drawn(rows: usize, width: usize) -> (Tensor, Vec<f64>) {
        let rng = CounterRng::new(5);
        let values: Vec<f64> = (0..rows * width)
            .map(|index| 3.0 * rng.uniform(index as u64) + (index % width) as f64)
            .collect();
        let labels: Vec<f64> = (0..rows)
            .map(|row| {
                let score: f64 = values[row * width..][..width].iter().sum::<f64>();
                let middle = width as f64 * (1.5 + (width - 1) as f64 / 2.0);
                f64::from(score + 2.0 * rng.child(1).uniform(row as u64) - 1.0 > middle)
            })
            .collect();
        let values = Tensor::from_slice(&values).view([rows as i64, width as i64]);
        (values, labels)
    }

    /// At the minimum the gradient is zero, for every optimization method.
    #[test]
    fn the_gradient_is_zero_at_the_minimum() {
        let (values, labels) = drawn(300, 4);
        let rows = DenseRows(Scale::of(&values).apply(&values));
        for penalty in [1.0, 1e-2, 1e-4] {
            let found = fit(&rows, &labels, (penalty, 1e-7), &[0.0; 5]);
            let weights = Tensor::from_slice(&found.weights).set_requires_grad(true);
            let scores = rows.0.mv(&weights);
            let entropy = scores.softplus() - &scores * Tensor::from_slice(&labels);
            let entropy = entropy.mean(Kind::Double);
            let loss = entropy.double_value(&[]);
            assert!(
                (loss - found.loss).abs() < 1e-9,
                "{loss} is not {}",
                found.loss
            );
            let inner = weights.narrow(0, 0, 4);
            let objective = entropy + inner.dot(&inner) * (penalty / 2.0);
            objective.backward();
            let largest = weights.grad().abs().max().double_value(&[]);
            assert!(largest < 1e-5, "{penalty}: {largest}");
            assert!(found.steps < 40, "{penalty}: {} steps", found.steps);
        }
    }

    #[test]
    fn weights_for_unscaled_features_give_the_same_scores() {
        let (values, labels) = drawn(200, 3);
        let scale = Scale::of(&values);
        let rows = DenseRows(scale.apply(&values));
        let found = fit(&rows, &labels, (1e-3, 1e-7), &[0.0; 4]);
        let scores = rows.scores(&found.weights);
        let (raw, bias) = scale.unscale(&Tensor::from_slice(&found.weights));
        let difference = (values.mv(&raw) + bias - Tensor::from_slice(&scores))
            .abs()
            .max();
        assert!(difference.double_value(&[]) < 1e-9);
        let correct = scores
            .iter()
            .zip(&labels)
            .filter(|(score, label)| (**score > 0.0) == (**label > 0.5));
        assert!(correct.count() > 150);
    }

    #[test]
    fn separable_rows_and_constant_columns_can_be_fitted() {
        let values = Tensor::from_slice(&[1.0_f64, 7.0, 2.0, 7.0, 3.0, 7.0, 4.0, 7.0]).view([4, 2]);
        let labels = [0.0, 0.0, 1.0, 1.0];
        let rows = DenseRows(Scale::of(&values).apply(&values));
        let found = fit(&rows, &labels, (1e-6, 1e-7), &[0.0; 3]);
        assert!(found.loss < 0.01 && found.loss >= 0.0, "{}", found.loss);
    }
}
