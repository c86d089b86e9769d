//! Kalman filter and smoother of a level with an optional slope (Harvey 1989).

use serde::Serialize;

/// Variance of a diffuse initial state.
const DIFFUSE: f64 = 1e6;

/// A value and the variance of its error; `None` for a period without an observation.
pub type Observation = Option<(f64, f64)>;

/// The variances of a state-space model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Variances {
    /// Variance of the irregular component of a period.
    pub irregular: f64,
    /// Variance of a step of the level.
    pub level: f64,
    /// Variance of a step of the slope; `None` without a slope.
    pub slope: Option<f64>,
}

/// A matrix over level and slope.
type Matrix = [[f64; 2]; 2];

/// Mean and covariance of level and slope.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    pub(crate) mean: [f64; 2],
    pub(crate) variance: Matrix,
}

impl State {
    fn diffuse(variances: &Variances) -> Self {
        let slope = variances.slope.map_or(0.0, |_| DIFFUSE);
        Self {
            mean: [0.0; 2],
            variance: [[DIFFUSE, 0.0], [0.0, slope]],
        }
    }

    /// The prediction for the next period.
    pub(crate) fn predict(&self, variances: &Variances) -> Self {
        let [[a, b], [_, d]] = self.variance;
        let level = a + 2.0 * b + d + variances.level;
        Self {
            mean: [self.mean[0] + self.mean[1], self.mean[1]],
            variance: [[level, b + d], [b + d, d + variances.slope.unwrap_or(0.0)]],
        }
    }

    /// The state after an observation with this error variance.
    fn update(&self, value: f64, error: f64) -> Self {
        let [[a, b], [_, d]] = self.variance;
        let total = a + error;
        let gain = [a / total, b / total];
        let innovation = value - self.mean[0];
        let rest = 1.0 - gain[0];
        Self {
            mean: [0, 1].map(|component| self.mean[component] + gain[component] * innovation),
            variance: [[a * rest, b * rest], [b * rest, d - gain[1] * b]],
        }
    }
}

/// The Kalman filter (Harvey 1989, section 3.2): the states before and after the observation of each period, and
/// the log-likelihood. The first observation, or the first two with a slope, determine the initial state and do not
/// contribute to the likelihood.
pub(crate) fn filter(periods: &[Observation], variances: &Variances) -> (Vec<(State, State)>, f64) {
    let mut before = State::diffuse(variances);
    let mut states = Vec::with_capacity(periods.len());
    let mut likelihood = 0.0;
    let mut initial = 1 + usize::from(variances.slope.is_some());
    for observation in periods {
        let mut after = before;
        if let Some((value, error)) = observation {
            let error = error + variances.irregular;
            if initial > 0 {
                initial -= 1;
            } else {
                let total = before.variance[0][0] + error;
                let innovation = value - before.mean[0];
                let scale = std::f64::consts::TAU * total;
                likelihood -= 0.5 * (scale.ln() + innovation * innovation / total);
            }
            after = before.update(*value, error);
        }
        states.push((before, after));
        before = after.predict(variances);
    }
    (states, likelihood)
}

/// The smoothed levels.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmoothedLevels {
    /// Mean and variance of the level of each period, `[T]`.
    pub(crate) levels: Vec<(f64, f64)>,
    /// Covariance of the first and the last level.
    pub(crate) ends_covariance: f64,
}

/// The Rauch-Tung-Striebel smoother (1965): levels given all observations.
pub(crate) fn smooth(states: &[(State, State)]) -> SmoothedLevels {
    let Some((_, last)) = states.last() else {
        return SmoothedLevels::default();
    };
    let mut levels = vec![(last.mean[0], last.variance[0][0]); states.len()];
    let mut later = *last;
    // Covariance of the current and the last state.
    let mut ends_covariance = last.variance;
    for at in (0..states.len() - 1).rev() {
        let (after, next) = (states[at].1, states[at + 1].0);
        let gain = smoothing_gain(&after, &next);
        let shift = [later.mean[0] - next.mean[0], later.mean[1] - next.mean[1]];
        let difference =
            matrix(|row, column| later.variance[row][column] - next.variance[row][column]);
        let transposed = matrix(|row, column| gain[column][row]);
        let change = product(product(gain, difference), transposed);
        let mean = |row: usize| after.mean[row] + gain[row][0] * shift[0] + gain[row][1] * shift[1];
        later = State {
            mean: [mean(0), mean(1)],
            variance: matrix(|row, column| after.variance[row][column] + change[row][column]),
        };
        ends_covariance = product(gain, ends_covariance);
        levels[at] = (later.mean[0], later.variance[0][0].max(0.0));
    }
    SmoothedLevels {
        levels,
        ends_covariance: ends_covariance[0][0],
    }
}

/// The covariance of a state and the next one, times the inverse variance of the next one.
fn smoothing_gain(after: &State, next: &State) -> Matrix {
    let [[a, b], [_, d]] = after.variance;
    let across = [[a + b, b], [b + d, d]];
    let [[p, q], [_, r]] = next.variance;
    let inverse = match r > 0.0 {
        true => [[r, -q], [-q, p]].map(|row| row.map(|cell| cell / (p * r - q * q))),
        // A model without a slope.
        false => [[1.0 / p, 0.0], [0.0, 0.0]],
    };
    product(across, inverse)
}

fn product(one: Matrix, two: Matrix) -> Matrix {
    matrix(|row, column| one[row][0] * two[0][column] + one[row][1] * two[1][column])
}

/// The matrix of a function of row and column.
fn matrix(cell: impl Fn(usize, usize) -> f64) -> Matrix {
    [0, 1].map(|row| [0, 1].map(|column| cell(row, column)))
}
