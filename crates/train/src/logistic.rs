//! Logistic regression with a quadratic penalty, fitted by a truncated Newton method (Lin, Weng and
//! Keerthi 2008): the curvature is never written down, only multiplied with, so that time and memory
//! grow with the number of features and not with its square.

use tch::{Kind, Tensor};

/// Newton steps at most; a handful is enough for what is not separable, and the penalty sees to that.
const STEPS: usize = 100;

/// Products with the curvature within a Newton step at most.
const PRODUCTS: usize = 250;

/// A gradient whose largest component is below this is taken for none.
const TOLERANCE: f64 = 1e-7;

/// How features are brought to mean 0 and deviation 1, learned from the training rows alone.
pub(crate) struct Scale {
    /// `[F]` f64.
    mean: Tensor,
    /// `[F]` f64, 1 where a component never changes.
    deviation: Tensor,
}

impl Scale {
    /// Of features `[N, F]`.
    pub(crate) fn of(features: &Tensor) -> Self {
        let features = features.to_kind(Kind::Double);
        let deviation = features.std_dim(0, false, false);
        Self {
            mean: features.mean_dim(0, false, Kind::Double),
            deviation: deviation.where_self(&deviation.gt(1e-12), &deviation.ones_like()),
        }
    }

    /// Scaled features with a column of ones behind them: `[N, F]` to `[N, F + 1]` f64.
    pub(crate) fn apply(&self, features: &Tensor) -> Tensor {
        let scaled = (features.to_kind(Kind::Double) - &self.mean) / &self.deviation;
        let ones = Tensor::ones([scaled.size()[0], 1], (Kind::Double, scaled.device()));
        Tensor::cat(&[scaled, ones], 1)
    }

    /// The weights `[F]` and the bias for features as they came that say the same as `weights`
    /// `[F + 1]` for scaled ones.
    pub(crate) fn undo(&self, weights: &Tensor) -> (Tensor, f64) {
        let width = self.mean.size()[0];
        let raw = weights.narrow(0, 0, width) / &self.deviation;
        let bias = weights.double_value(&[width]) - raw.dot(&self.mean).double_value(&[]);
        (raw, bias)
    }
}

/// What a fit found.
pub(crate) struct Fit {
    /// `[F + 1]` f64, the bias last.
    pub(crate) weights: Tensor,
    /// Newton steps taken.
    pub(crate) steps: usize,
    /// Mean cross-entropy on the rows it was fitted to, in nats, without the penalty.
    pub(crate) loss: f64,
}

/// Minimises the mean cross-entropy plus `penalty / 2` times the squared length of the weights,
/// the bias left out, from a start. `rows` is `[N, F + 1]` f64, `labels` `[N]` f64 of 0 and 1.
///
/// The step is halved until it does not lead up: the objective is convex, so there is one answer and
/// no setting to get wrong.
pub(crate) fn fit(rows: &Tensor, labels: &Tensor, penalty: f64, start: &Tensor) -> Fit {
    let count = rows.size()[0] as f64;
    let width = rows.size()[1];
    // The bias is not drawn to 0.
    let penalties = Tensor::full([width], penalty, (Kind::Double, rows.device()));
    let _ = penalties.narrow(0, width - 1, 1).fill_(0.0);
    let objective = |weights: &Tensor| {
        let loss = cross_entropy(rows, labels, weights);
        let length = (weights * weights).dot(&penalties).double_value(&[]);
        (loss + length / 2.0, loss)
    };
    let mut weights = start.copy();
    let (mut value, mut loss) = objective(&weights);
    let mut steps = 0;
    while steps < STEPS {
        let probabilities = rows.mv(&weights).sigmoid();
        let gradient = rows.tr().mv(&(&probabilities - labels)) / count + &weights * &penalties;
        if gradient.abs().max().double_value(&[]) < TOLERANCE {
            break;
        }
        let doubts: Tensor = 1.0 - &probabilities;
        let certainty = &probabilities * doubts / count;
        let curvature =
            |vector: &Tensor| rows.tr().mv(&(rows.mv(vector) * &certainty)) + vector * &penalties;
        let step = solve(curvature, &gradient);
        let mut share = 1.0;
        let next = loop {
            let next = &weights - &step * share;
            let found = objective(&next);
            if found.0 <= value {
                break Some((next, found));
            }
            share /= 2.0;
            if share < 1e-6 {
                break None;
            }
        };
        steps += 1;
        // No share of the step leads down any more: this is the minimum, as far as f64 can tell.
        let Some((next, found)) = next else { break };
        let gain = value - found.0;
        weights = next;
        (value, loss) = found;
        if gain < 1e-13 {
            break;
        }
    }
    Fit {
        weights,
        steps,
        loss,
    }
}

/// Solves `curvature(x) = right` by conjugate gradients, as exactly as a Newton step from there is
/// worth: the closer to the minimum, the more (Nocedal and Wright 2006, section 7.1).
fn solve(curvature: impl Fn(&Tensor) -> Tensor, right: &Tensor) -> Tensor {
    let length = |vector: &Tensor| vector.dot(vector).double_value(&[]);
    let start = length(right).sqrt();
    let enough = start * start.sqrt().min(0.1);
    let mut x = right.zeros_like();
    let mut rest = right.copy();
    let mut direction = rest.copy();
    let mut square = length(&rest);
    for _ in 0..PRODUCTS {
        if square.sqrt() <= enough {
            break;
        }
        let product = curvature(&direction);
        let bend = direction.dot(&product).double_value(&[]);
        if bend <= 0.0 {
            break;
        }
        let share = square / bend;
        x += &direction * share;
        rest -= &product * share;
        let next = length(&rest);
        direction = &rest + &direction * (next / square);
        square = next;
    }
    x
}

/// Mean cross-entropy, in nats, of rows `[N, F + 1]` with labels `[N]`.
pub(crate) fn cross_entropy(rows: &Tensor, labels: &Tensor, weights: &Tensor) -> f64 {
    let scores = rows.mv(weights);
    (scores.softplus() - scores * labels)
        .mean(Kind::Double)
        .double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::Stream;

    fn drawn(rows: usize, width: usize) -> (Tensor, Tensor) {
        let stream = Stream::new(5);
        let values: Vec<f64> = (0..rows * width)
            .map(|place| 3.0 * stream.uniform(place as u64) + (place % width) as f64)
            .collect();
        let labels: Vec<f64> = (0..rows)
            .map(|row| {
                let score: f64 = values[row * width..][..width].iter().sum::<f64>();
                let middle = width as f64 * (1.5 + (width - 1) as f64 / 2.0);
                f64::from(score + 2.0 * stream.child(1).uniform(row as u64) - 1.0 > middle)
            })
            .collect();
        let values = Tensor::from_slice(&values).view([rows as i64, width as i64]);
        (values, Tensor::from_slice(&labels))
    }

    /// At the minimum the gradient is none, whatever path led there.
    #[test]
    fn the_gradient_vanishes_at_the_answer() {
        let (values, labels) = drawn(300, 4);
        let rows = Scale::of(&values).apply(&values);
        for penalty in [1.0, 1e-2, 1e-4] {
            let start = Tensor::zeros([5], (Kind::Double, tch::Device::Cpu));
            let found = fit(&rows, &labels, penalty, &start);
            let weights = found.weights.shallow_clone().set_requires_grad(true);
            let scores = rows.mv(&weights);
            let entropy = (scores.softplus() - &scores * &labels).mean(Kind::Double);
            let inner = weights.narrow(0, 0, 4);
            let objective = entropy + inner.dot(&inner) * (penalty / 2.0);
            objective.backward();
            let largest = weights.grad().abs().max().double_value(&[]);
            assert!(largest < 1e-5, "{penalty}: {largest}");
            assert!(found.steps < 40, "{penalty}: {} steps", found.steps);
        }
    }

    #[test]
    fn weights_for_raw_features_say_the_same() {
        let (values, labels) = drawn(200, 3);
        let scale = Scale::of(&values);
        let rows = scale.apply(&values);
        let start = Tensor::zeros([4], (Kind::Double, tch::Device::Cpu));
        let found = fit(&rows, &labels, 1e-3, &start);
        let (raw, bias) = scale.undo(&found.weights);
        let difference = (values.mv(&raw) + bias - rows.mv(&found.weights))
            .abs()
            .max();
        assert!(difference.double_value(&[]) < 1e-9);
        let scores = Vec::<f64>::try_from(rows.mv(&found.weights)).expect("numbers");
        let labels = Vec::<f64>::try_from(labels).expect("numbers");
        let right = scores
            .iter()
            .zip(&labels)
            .filter(|(score, label)| (**score > 0.0) == (**label > 0.5));
        assert!(right.count() > 150);
    }

    #[test]
    fn separable_rows_and_constant_columns_do_no_harm() {
        let values = Tensor::from_slice(&[1.0_f64, 7.0, 2.0, 7.0, 3.0, 7.0, 4.0, 7.0]).view([4, 2]);
        let labels = Tensor::from_slice(&[0.0_f64, 0.0, 1.0, 1.0]);
        let rows = Scale::of(&values).apply(&values);
        let start = Tensor::zeros([3], (Kind::Double, tch::Device::Cpu));
        let found = fit(&rows, &labels, 1e-6, &start);
        assert!(found.loss < 0.01 && found.loss >= 0.0, "{}", found.loss);
    }
}
