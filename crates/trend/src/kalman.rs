//! Kalman filter and smoother of a level, with or without a slope (Harvey 1989).

use serde::Serialize;

/// Variance of a start that nothing is known of.
const DIFFUSE: f64 = 1e6;

/// An observation with the variance of its own error; `None` for a period without one.
pub type Observation = Option<(f64, f64)>;

/// The variances of a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Variances {
    /// Of the irregular part of a period.
    pub irregular: f64,
    /// Of a step of the level.
    pub level: f64,
    /// Of a step of the slope; `None` where the level has none.
    pub slope: Option<f64>,
}

/// Rows and columns of level and slope.
type Matrix = [[f64; 2]; 2];

/// Level and slope with their variances and covariance.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    pub(crate) mean: [f64; 2],
    pub(crate) variance: Matrix,
}

impl State {
    fn unknown(variances: &Variances) -> Self {
        let slope = variances.slope.map_or(0.0, |_| DIFFUSE);
        Self {
            mean: [0.0; 2],
            variance: [[DIFFUSE, 0.0], [0.0, slope]],
        }
    }

    /// One period on.
    pub(crate) fn predict(&self, variances: &Variances) -> Self {
        let [[a, b], [_, d]] = self.variance;
        let level = a + 2.0 * b + d + variances.level;
        Self {
            mean: [self.mean[0] + self.mean[1], self.mean[1]],
            variance: [[level, b + d], [b + d, d + variances.slope.unwrap_or(0.0)]],
        }
    }

    /// Knowing an observation with an error of this variance.
    fn update(&self, value: f64, error: f64) -> Self {
        let [[a, b], [_, d]] = self.variance;
        let total = a + error;
        let gain = [a / total, b / total];
        let surprise = value - self.mean[0];
        Self {
            mean: [0, 1].map(|part| self.mean[part] + gain[part] * surprise),
            variance: [
                [a * (1.0 - gain[0]), b * (1.0 - gain[0])],
                [b * (1.0 - gain[0]), d - gain[1] * b],
            ],
        }
    }
}

/// The filter: each period's state before and after its observation, and the log-likelihood. Harvey
/// (1989), section 3.2; the first observations, as many as there are unknown parts of the state, find
/// the start and do not count.
pub(crate) fn filter(
    observed: &[Observation],
    variances: &Variances,
) -> (Vec<(State, State)>, f64) {
    let mut before = State::unknown(variances);
    let mut states = Vec::with_capacity(observed.len());
    let mut likelihood = 0.0;
    let mut unknown = 1 + usize::from(variances.slope.is_some());
    for observation in observed {
        let after = match observation {
            None => before,
            Some((value, error)) => {
                let error = error + variances.irregular;
                if unknown > 0 {
                    unknown -= 1;
                } else {
                    let total = before.variance[0][0] + error;
                    let surprise = value - before.mean[0];
                    likelihood -=
                        0.5 * ((std::f64::consts::TAU * total).ln() + surprise * surprise / total);
                }
                before.update(*value, error)
            }
        };
        states.push((before, after));
        before = after.predict(variances);
    }
    (states, likelihood)
}

/// What all observations say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Smoothed {
    /// Mean and variance of each period's level, `[T]`.
    pub(crate) levels: Vec<(f64, f64)>,
    /// The covariance of the first level and the last.
    pub(crate) ends: f64,
}

/// Levels from all observations (Rauch, Tung and Striebel 1965).
pub(crate) fn smooth(states: &[(State, State)]) -> Smoothed {
    let Some((_, last)) = states.last() else {
        return Smoothed::default();
    };
    let mut levels = vec![(last.mean[0], last.variance[0][0]); states.len()];
    let mut later = *last;
    // The covariance of this state and the last.
    let mut ends = last.variance;
    for at in (0..states.len() - 1).rev() {
        let (after, next) = (states[at].1, states[at + 1].0);
        let gain = smoothing_gain(&after, &next);
        let moved = [later.mean[0] - next.mean[0], later.mean[1] - next.mean[1]];
        let narrowed =
            cells(|row, column| later.variance[row][column] - next.variance[row][column]);
        let turned = cells(|row, column| gain[column][row]);
        let change = product(product(gain, narrowed), turned);
        let mean = |row: usize| after.mean[row] + gain[row][0] * moved[0] + gain[row][1] * moved[1];
        later = State {
            mean: [mean(0), mean(1)],
            variance: cells(|row, column| after.variance[row][column] + change[row][column]),
        };
        ends = product(gain, ends);
        levels[at] = (later.mean[0], later.variance[0][0].max(0.0));
    }
    Smoothed {
        levels,
        ends: ends[0][0],
    }
}

/// The covariance of a state and the next, times the inverse of the next one's variance.
fn smoothing_gain(after: &State, next: &State) -> Matrix {
    let [[a, b], [_, d]] = after.variance;
    let across = [[a + b, b], [b + d, d]];
    let [[p, q], [_, r]] = next.variance;
    let inverse = match r > 0.0 {
        true => [[r, -q], [-q, p]].map(|row| row.map(|cell| cell / (p * r - q * q))),
        // Without a slope.
        false => [[1.0 / p, 0.0], [0.0, 0.0]],
    };
    product(across, inverse)
}

fn product(one: Matrix, two: Matrix) -> Matrix {
    cells(|row, column| one[row][0] * two[0][column] + one[row][1] * two[1][column])
}

/// A matrix of what a function says of row and column.
fn cells(cell: impl Fn(usize, usize) -> f64) -> Matrix {
    [0, 1].map(|row| [0, 1].map(|column| cell(row, column)))
}
