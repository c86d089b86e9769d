//! Logistic regression with a quadratic penalty, fitted by a truncated Newton method (Lin, Weng and Keerthi 2008).
//! The Hessian is never stored, only multiplied with vectors, so that time and memory grow linearly with the number
//! of features.

use std::iter;

use rayon::prelude::*;

/// Maximum number of Newton steps; with a penalty a handful is enough.
const STEPS: usize = 100;

/// Maximum number of products with the Hessian in one Newton step.
const PRODUCTS: usize = 250;

/// The rows of a regression `[N, F]`, followed by a column of ones.
pub trait DesignMatrix {
    /// Number of rows, N.
    fn rows(&self) -> usize;
    /// Number of features, F, without the column of ones.
    fn width(&self) -> usize;
    /// The product with weights `[F + 1]`, the bias last: `[N]`.
    fn scores(&self, weights: &[f64]) -> Vec<f64>;
    /// The product of the transposed matrix with `[N]`: `[F + 1]`.
    fn multiply_transposed(&self, values: &[f64]) -> Vec<f64>;
}

/// The result of a fit.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The weights `[F + 1]`, the bias last.
    pub weights: Vec<f64>,
    /// Number of Newton steps.
    pub steps: usize,
    /// Mean cross-entropy on the training rows, in nats, without the penalty.
    pub loss: f64,
}

/// Minimises `loss + λ/2 · ‖w‖²`: the mean cross-entropy and the penalty λ on the weights w without the bias.
/// Starts from `start` `[F + 1]` and stops when no component of the gradient is above `tolerance`. `labels` is `[N]`
/// of 0 and 1.
///
/// A step is halved until the objective does not rise. The objective is convex, so the minimum is unique and there
/// is no learning rate to set.
pub fn fit(
    design: &impl DesignMatrix,
    labels: &[f64],
    (penalty, tolerance): (f64, f64),
    start: &[f64],
) -> Fit {
    let count = design.rows() as f64;
    let width = design.width();
    // The bias has no penalty.
    let penalized = |weights: &[f64]| dot(&weights[..width], &weights[..width]) * penalty / 2.0;
    let evaluate = |weights: &[f64]| {
        let scores = design.scores(weights);
        let loss = cross_entropy(&scores, labels);
        (loss + penalized(weights), loss, scores)
    };
    let with_penalty = |mut gathered: Vec<f64>, vector: &[f64]| {
        let inner = gathered[..width].par_iter_mut().zip(&vector[..width]);
        let inner = inner.with_min_len(MIN);
        inner.for_each(|(sum, value)| *sum = *sum / count + penalty * value);
        gathered[width] /= count;
        gathered
    };
    let mut weights = start.to_vec();
    let (mut value, mut loss, mut scores) = evaluate(&weights);
    let mut steps = 0;
    while steps < STEPS {
        let probabilities = scores.iter().map(|score| 1.0 / (1.0 + (-score).exp()));
        let probabilities: Vec<f64> = probabilities.collect();
        let errors = probabilities.iter().zip(labels);
        let errors: Vec<f64> = errors.map(|(found, label)| found - label).collect();
        let gradient = with_penalty(design.multiply_transposed(&errors), &weights);
        if gradient.iter().all(|value| value.abs() < tolerance) {
            break;
        }
        let hessian = |vector: &[f64]| {
            let mut scores = design.scores(vector);
            for (score, probability) in scores.iter_mut().zip(&probabilities) {
                *score *= probability * (1.0 - probability);
            }
            with_penalty(design.multiply_transposed(&scores), vector)
        };
        let step = solve(hessian, &gradient);
        let shares = iter::successors(Some(1.0), |share| Some(share / 2.0));
        let next = shares.take_while(|share| *share >= 1e-6).find_map(|share| {
            let mut next = weights.clone();
            add(&mut next, -share, &step);
            let found = evaluate(&next);
            (found.0 <= value).then_some((next, found))
        });
        steps += 1;
        // The objective does not fall along the step: this is the minimum, to the precision of f64.
        let Some((next, found)) = next else { break };
        let gain = value - found.0;
        weights = next;
        (value, loss, scores) = found;
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

/// Solves `hessian(x) = target` by conjugate gradients. The precision grows towards the minimum, where a more exact
/// Newton step pays off (Nocedal and Wright 2006, section 7.1).
fn solve(hessian: impl Fn(&[f64]) -> Vec<f64>, target: &[f64]) -> Vec<f64> {
    let start = dot(target, target).sqrt();
    let tolerance = start * start.sqrt().min(0.1);
    let mut x = vec![0.0; target.len()];
    let mut residual = target.to_vec();
    let mut direction = residual.clone();
    let mut square = dot(&residual, &residual);
    for _ in 0..PRODUCTS {
        if square.sqrt() <= tolerance {
            break;
        }
        let product = hessian(&direction);
        let curvature = dot(&direction, &product);
        if curvature <= 0.0 {
            break;
        }
        let share = square / curvature;
        add(&mut x, share, &direction);
        add(&mut residual, -share, &product);
        let next = dot(&residual, &residual);
        let ratio = next / square;
        let pairs = direction.par_iter_mut().zip(&residual).with_min_len(MIN);
        pairs.for_each(|(direction, residual)| *direction = residual + ratio * *direction);
        square = next;
    }
    x
}

/// Minimum number of elements of one work item of a thread.
const MIN: usize = 1 << 14;

/// The dot product, by blocks of fixed length, so that the sum does not depend on the number of threads.
fn dot(one: &[f64], two: &[f64]) -> f64 {
    let pieces = one.par_chunks(MIN).zip(two.par_chunks(MIN));
    let sums = pieces.map(|(one, two)| one.iter().zip(two).map(|(one, two)| one * two).sum());
    sums.collect::<Vec<f64>>().iter().sum()
}

/// `into += share * values`.
fn add(into: &mut [f64], share: f64, values: &[f64]) {
    let pairs = into.par_iter_mut().zip(values).with_min_len(MIN);
    pairs.for_each(|(into, value)| *into += share * value);
}

/// Mean cross-entropy, in nats, of scores with labels of 0 and 1.
pub fn cross_entropy(scores: &[f64], labels: &[f64]) -> f64 {
    let losses = scores.iter().zip(labels).map(|(score, label)| {
        // ln(1 + e^s) without overflow.
        score.max(0.0) + (-score.abs()).exp().ln_1p() - score * label
    });
    losses.sum::<f64>() / labels.len().max(1) as f64
}

/// A search for the best penalty: fits from the strongest to the weakest penalty, compared on validation rows.
pub struct RegularizationPath<'a, D> {
    /// The training rows.
    pub train: &'a D,
    /// Their labels, 0 or 1.
    pub labels: &'a [f64],
    /// The validation rows.
    pub validation: &'a D,
    /// Their labels.
    pub validation_labels: &'a [f64],
    /// The loss that the penalty is chosen by, computed from the validation scores. Lower is better.
    pub criterion: &'a dyn Fn(&[f64]) -> f64,
    /// From the largest_weights: each fit starts from the one before.
    pub penalties: &'a [f64],
    /// The tolerance of [`fit`].
    pub tolerance: f64,
    /// The search stops after this many penalties in a row without a lower validation loss.
    pub patience: usize,
}

/// The result for one penalty.
#[derive(Clone, Debug)]
pub struct PenaltyResult {
    /// The penalty: twice the factor of the squared norm of the weights.
    pub penalty: f64,
    /// The fit with this penalty.
    pub fit: Fit,
    /// The scores of the validation rows.
    pub scores: Vec<f64>,
    /// The value of the criterion.
    pub criterion: f64,
    /// Mean cross-entropy on validation, in nats.
    pub loss: f64,
    /// Share of validation rows predicted correctly.
    pub accuracy: f64,
}

impl<D: DesignMatrix> RegularizationPath<'_, D> {
    /// The result with the lowest criterion. `on_result` is called with every result and whether it is the best
    /// so far.
    ///
    /// # Errors
    /// Those of `on_result`.
    ///
    /// # Panics
    /// `penalties` is empty.
    pub fn best<E>(
        &self,
        mut on_result: impl FnMut(&PenaltyResult, bool) -> Result<(), E>,
    ) -> Result<PenaltyResult, E> {
        let mut best: Option<PenaltyResult> = None;
        let mut start = vec![0.0; self.train.width() + 1];
        let mut without_gain = 0;
        for penalty in self.penalties {
            let fit = fit(self.train, self.labels, (*penalty, self.tolerance), &start);
            start.clone_from(&fit.weights);
            let scores = self.validation.scores(&fit.weights);
            let is_correct = |(score, label): &(&f64, &f64)| (**score > 0.0) == (**label > 0.5);
            let pairs = scores.iter().zip(self.validation_labels);
            let correct = pairs.filter(is_correct).count();
            let result = PenaltyResult {
                penalty: *penalty,
                criterion: (self.criterion)(&scores),
                loss: cross_entropy(&scores, self.validation_labels),
                accuracy: correct as f64 / scores.len().max(1) as f64,
                fit,
                scores,
            };
            let before = best.as_ref();
            let is_best = before.is_none_or(|best| result.criterion < best.criterion);
            on_result(&result, is_best)?;
            without_gain = if is_best { 0 } else { without_gain + 1 };
            if is_best {
                best = Some(result);
            } else if without_gain == self.patience {
                break;
            }
        }
        Ok(best.expect("there is a penalty"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a dense matrix.
    struct Rows(Vec<[f64; 2]>);

    impl DesignMatrix for Rows {
        fn rows(&self) -> usize {
            self.0.len()
        }

        fn width(&self) -> usize {
            2
        }

        fn scores(&self, weights: &[f64]) -> Vec<f64> {
            let score = |row: &[f64; 2]| row[0] * weights[0] + row[1] * weights[1] + weights[2];
            self.0.iter().map(score).collect()
        }

        fn multiply_transposed(&self, values: &[f64]) -> Vec<f64> {
            let sum = |feature: usize| {
                self.0
                    .iter()
                    .zip(values)
                    .map(|(row, value)| row[feature] * value)
                    .sum()
            };
            vec![sum(0), sum(1), values.iter().sum()]
        }
    }

    /// The weights and the bias by scikit-learn 1.9.1.
    const GOLDEN: [f64; 3] = [0.844_846_24, 0.709_617_39, -0.448_251_54];

    /// `LogisticRegression(C=1 / (8 * 0.01), tol=1e-12)`, whose objective is ours times `8 * C`.
    #[test]
    fn weights_match_scikit_learn() {
        let rows = Rows(vec![
            [0.5, 1.0],
            [1.5, -0.5],
            [2.0, 0.3],
            [-1.0, 0.8],
            [-0.7, -1.2],
            [0.2, 0.1],
            [1.1, 2.0],
            [-2.0, 0.4],
        ]);
        let labels = [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        let found = fit(&rows, &labels, (0.01, 1e-10), &[0.0; 3]);
        for (weight, golden) in found.weights.iter().zip(GOLDEN) {
            assert!((weight - golden).abs() < 1e-5, "{:?}", found.weights);
        }
        assert!(found.steps < 12, "{}", found.steps);
        let scores = rows.scores(&found.weights);
        assert!((cross_entropy(&scores, &labels) - found.loss).abs() < 1e-12);
    }

    #[test]
    fn very_large_scores_have_a_finite_loss() {
        let loss = cross_entropy(&[800.0, -800.0, 800.0], &[1.0, 0.0, 0.0]);
        assert!((loss - 800.0 / 3.0).abs() < 1e-9, "{loss}");
    }

    #[test]
    fn the_search_stops_when_the_criterion_rises() {
        let rows = Rows(vec![[1.0, 0.0], [-1.0, 0.1], [0.8, 0.0], [-0.9, 0.0]]);
        let labels = [1.0, 0.0, 1.0, 0.0];
        // This criterion is lowest if the first weight is 1.
        let search = RegularizationPath {
            train: &rows,
            labels: &labels,
            validation: &rows,
            validation_labels: &labels,
            criterion: &|scores| ((scores[0] - scores[1]) / 2.0 - 1.0).abs(),
            penalties: &[10.0, 1.0, 0.3, 0.2, 0.1, 0.01, 0.001, 0.0001],
            tolerance: 1e-8,
            patience: 2,
        };
        let mut result = Vec::new();
        let best = search.best(|one, is_best| {
            result.push((one.penalty, is_best));
            Ok::<(), ()>(())
        });
        let best = best.expect("nothing fails");
        assert!(result.len() < 8 && result.len() > 3, "{result:?}");
        assert_eq!(
            result
                .iter()
                .rev()
                .take(2)
                .filter(|(_, is_best)| *is_best)
                .count(),
            0
        );
        assert_eq!(best.accuracy, 1.0);
        assert!(result.contains(&(best.penalty, true)));
    }
}
