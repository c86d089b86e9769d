//! Logistic regression with a quadratic penalty, fitted by a truncated Newton method (Lin, Weng and
//! Keerthi 2008): the curvature is never written down, only multiplied with, so that time and memory
//! grow with the number of features and not with its square.

use std::iter;

use rayon::prelude::*;

/// Newton steps at most; a handful is enough for what is not separable, and the penalty sees to that.
const STEPS: usize = 100;

/// Products with the curvature within a Newton step at most.
const PRODUCTS: usize = 250;

/// The rows of a regression, `[N, F]`, with a column of ones behind them.
pub trait Design {
    /// Rows, N.
    fn rows(&self) -> usize;
    /// Features, F; the column of ones is not counted.
    fn width(&self) -> usize;
    /// The product with weights `[F + 1]`, the bias last: `[N]`.
    fn scores(&self, weights: &[f64]) -> Vec<f64>;
    /// The product of the transposed matrix with `[N]`: `[F + 1]`.
    fn gather(&self, values: &[f64]) -> Vec<f64>;
}

/// What a fit found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// `[F + 1]`, the bias last.
    pub weights: Vec<f64>,
    /// Newton steps taken.
    pub steps: usize,
    /// Mean cross-entropy on the rows it was fitted to, in nats, without the penalty.
    pub loss: f64,
}

/// Minimises the mean cross-entropy plus `penalty / 2` times the squared length of the weights,
/// the bias left out, from a start `[F + 1]`, until no component of the gradient is above
/// `tolerance`. `labels` is `[N]` of 0 and 1.
///
/// The step is halved until it does not lead up: the objective is convex, so there is one answer and
/// no setting to get wrong.
pub fn fit(
    design: &impl Design,
    labels: &[f64],
    (penalty, tolerance): (f64, f64),
    start: &[f64],
) -> Fit {
    let count = design.rows() as f64;
    let width = design.width();
    // The bias is not drawn to 0.
    let penalized = |weights: &[f64]| dot(&weights[..width], &weights[..width]) * penalty / 2.0;
    let judged = |weights: &[f64]| {
        let scores = design.scores(weights);
        let loss = cross_entropy(&scores, labels);
        (loss + penalized(weights), loss, scores)
    };
    let with_penalty = |mut gathered: Vec<f64>, vector: &[f64]| {
        let inner = gathered[..width]
            .par_iter_mut()
            .zip(&vector[..width])
            .with_min_len(MIN);
        inner.for_each(|(sum, value)| *sum = *sum / count + penalty * value);
        gathered[width] /= count;
        gathered
    };
    let mut weights = start.to_vec();
    let (mut value, mut loss, mut scores) = judged(&weights);
    let mut steps = 0;
    while steps < STEPS {
        let probabilities = scores.iter().map(|score| 1.0 / (1.0 + (-score).exp()));
        let probabilities: Vec<f64> = probabilities.collect();
        let errors = probabilities.iter().zip(labels);
        let errors: Vec<f64> = errors.map(|(found, label)| found - label).collect();
        let gradient = with_penalty(design.gather(&errors), &weights);
        if gradient.iter().all(|value| value.abs() < tolerance) {
            break;
        }
        let curvature = |vector: &[f64]| {
            let mut scores = design.scores(vector);
            for (score, probability) in scores.iter_mut().zip(&probabilities) {
                *score *= probability * (1.0 - probability);
            }
            with_penalty(design.gather(&scores), vector)
        };
        let step = solve(curvature, &gradient);
        let shares = iter::successors(Some(1.0), |share| Some(share / 2.0));
        let next = shares.take_while(|share| *share >= 1e-6).find_map(|share| {
            let mut next = weights.clone();
            add(&mut next, -share, &step);
            let found = judged(&next);
            (found.0 <= value).then_some((next, found))
        });
        steps += 1;
        // No share of the step leads down any more: this is the minimum, as far as f64 can tell.
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

/// Solves `curvature(x) = right` by conjugate gradients, as exactly as a Newton step from there is
/// worth: the closer to the minimum, the more (Nocedal and Wright 2006, section 7.1).
fn solve(curvature: impl Fn(&[f64]) -> Vec<f64>, right: &[f64]) -> Vec<f64> {
    let start = dot(right, right).sqrt();
    let enough = start * start.sqrt().min(0.1);
    let mut x = vec![0.0; right.len()];
    let mut rest = right.to_vec();
    let mut direction = rest.clone();
    let mut square = dot(&rest, &rest);
    for _ in 0..PRODUCTS {
        if square.sqrt() <= enough {
            break;
        }
        let product = curvature(&direction);
        let bend = dot(&direction, &product);
        if bend <= 0.0 {
            break;
        }
        let share = square / bend;
        add(&mut x, share, &direction);
        add(&mut rest, -share, &product);
        let next = dot(&rest, &rest);
        let turn = next / square;
        let pairs = direction.par_iter_mut().zip(&rest).with_min_len(MIN);
        pairs.for_each(|(direction, rest)| *direction = rest + turn * *direction);
        square = next;
    }
    x
}

/// Elements that a thread takes at a time at least.
const MIN: usize = 1 << 14;

/// In pieces of one length, so that the sum does not depend on the number of threads.
fn dot(one: &[f64], two: &[f64]) -> f64 {
    let pieces = one.par_chunks(MIN).zip(two.par_chunks(MIN));
    let sums: Vec<f64> = pieces
        .map(|(one, two)| one.iter().zip(two).map(|(one, two)| one * two).sum())
        .collect();
    sums.iter().sum()
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

/// Penalties tried one after the other and what validation said of each.
pub struct Path<'a, D> {
    /// The rows to learn from.
    pub train: &'a D,
    /// Their labels, 0 or 1.
    pub labels: &'a [f64],
    /// The rows to choose by.
    pub validation: &'a D,
    /// Their labels.
    pub judged_by: &'a [f64],
    /// What is chosen by: a loss of the validation rows' scores, lower is better.
    pub criterion: &'a dyn Fn(&[f64]) -> f64,
    /// From the strongest: each fit starts from the one before.
    pub penalties: &'a [f64],
    /// See [`fit`].
    pub tolerance: f64,
    /// Penalties without a lower validation loss before none is tried any more.
    pub patience: usize,
}

/// One penalty.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The weight of the squared length.
    pub penalty: f64,
    /// What it led to.
    pub fit: Fit,
    /// The validation rows' scores.
    pub scores: Vec<f64>,
    /// The criterion.
    pub criterion: f64,
    /// Mean cross-entropy on validation.
    pub loss: f64,
    /// Share of validation rows on the right side of 0.
    pub accuracy: f64,
}

impl<D: Design> Path<'_, D> {
    /// The penalty that the criterion is lowest for. `on_tried` is told of each, and whether it is the
    /// best so far.
    ///
    /// # Errors
    /// Those of `on_tried`.
    ///
    /// # Panics
    /// There is no penalty to try.
    pub fn best<E>(
        &self,
        mut on_tried: impl FnMut(&Tried, bool) -> Result<(), E>,
    ) -> Result<Tried, E> {
        let mut best: Option<Tried> = None;
        let mut start = vec![0.0; self.train.width() + 1];
        let mut worse = 0;
        for penalty in self.penalties {
            let fit = fit(self.train, self.labels, (*penalty, self.tolerance), &start);
            start.clone_from(&fit.weights);
            let scores = self.validation.scores(&fit.weights);
            let is_correct = |(score, label): &(&f64, &f64)| (**score > 0.0) == (**label > 0.5);
            let right = scores.iter().zip(self.judged_by).filter(is_correct).count();
            let tried = Tried {
                penalty: *penalty,
                criterion: (self.criterion)(&scores),
                loss: cross_entropy(&scores, self.judged_by),
                accuracy: right as f64 / scores.len().max(1) as f64,
                fit,
                scores,
            };
            let before = best.as_ref();
            let is_best = before.is_none_or(|best| tried.criterion < best.criterion);
            on_tried(&tried, is_best)?;
            worse = if is_best { 0 } else { worse + 1 };
            if is_best {
                best = Some(tried);
            } else if worse == self.patience {
                break;
            }
        }
        Ok(best.expect("there is a penalty to try"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows written out.
    struct Rows(Vec<[f64; 2]>);

    impl Design for Rows {
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

        fn gather(&self, values: &[f64]) -> Vec<f64> {
            let sum = |place: usize| {
                self.0
                    .iter()
                    .zip(values)
                    .map(|(row, value)| row[place] * value)
                    .sum()
            };
            vec![sum(0), sum(1), values.iter().sum()]
        }
    }

    /// What scikit-learn 1.9.1 finds.
    const GOLDEN: [f64; 3] = [0.844_846_24, 0.709_617_39, -0.448_251_54];

    /// `LogisticRegression(C=1 / (8 * 0.01), tol=1e-12)`: its objective is ours times `8 * C`.
    #[test]
    fn the_answer_is_that_of_scikit_learn() {
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
    fn scores_beyond_all_bounds_have_a_loss() {
        let loss = cross_entropy(&[800.0, -800.0, 800.0], &[1.0, 0.0, 0.0]);
        assert!((loss - 800.0 / 3.0).abs() < 1e-9, "{loss}");
    }

    #[test]
    fn a_path_ends_where_the_criterion_rises() {
        let rows = Rows(vec![[1.0, 0.0], [-1.0, 0.1], [0.8, 0.0], [-0.9, 0.0]]);
        let labels = [1.0, 0.0, 1.0, 0.0];
        // What is wished for here is a first weight of 1.
        let path = Path {
            train: &rows,
            labels: &labels,
            validation: &rows,
            judged_by: &labels,
            criterion: &|scores| ((scores[0] - scores[1]) / 2.0 - 1.0).abs(),
            penalties: &[10.0, 1.0, 0.3, 0.2, 0.1, 0.01, 0.001, 0.0001],
            tolerance: 1e-8,
            patience: 2,
        };
        let mut tried = Vec::new();
        let best = path.best(|one, is_best| {
            tried.push((one.penalty, is_best));
            Ok::<(), ()>(())
        });
        let best = best.expect("nothing fails");
        assert!(tried.len() < 8 && tried.len() > 3, "{tried:?}");
        assert_eq!(
            tried
                .iter()
                .rev()
                .take(2)
                .filter(|(_, is_best)| *is_best)
                .count(),
            0
        );
        assert_eq!(best.accuracy, 1.0);
        assert!(tried.contains(&(best.penalty, true)));
    }
}
