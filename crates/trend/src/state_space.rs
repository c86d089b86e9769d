//! The level behind shares that jump about: a structural time series on log-odds (Harvey 1989), by Kalman
//! filter and smoother, with variances by maximum likelihood.
//!
//! An observation is the level, plus an irregular part, plus an error whose variance is known for each
//! period from its number of texts; so thin periods lean on their neighbours, and empty ones are
//! bridged. The level walks at random (local level) or along a slope that does (local linear trend).

use serde::Serialize;

/// Variance of a start that nothing is known of.
const DIFFUSE: f64 = 1e6;

/// Logarithms of variances that are searched: from nothing to more than shares can do.
const RANGE: (f64, f64) = (-14.0, 1.0);

/// Points of the search along each variance, and how often it is refined around the best.
const POINTS: usize = 9;
const ROUNDS: usize = 4;

/// An observation with the variance of its own error; `None` for a period without one.
pub type Observed = Option<(f64, f64)>;

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

/// A model fitted to observations.
#[derive(Clone, Debug, Serialize)]
pub struct Fitted {
    /// Its variances.
    pub variances: Variances,
    /// Log-likelihood, the observations that the start is found from left out.
    pub log_likelihood: f64,
    /// Akaike's criterion (1974): the lower the better.
    pub aic: f64,
    /// Mean and variance of the level in each period, from all observations.
    #[serde(skip)]
    pub levels: Vec<(f64, f64)>,
    /// The state after the last period.
    #[serde(skip)]
    last: State,
}

/// Level and slope with their variances and covariance.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    mean: [f64; 2],
    variance: [[f64; 2]; 2],
}

impl State {
    fn unknown(variances: &Variances) -> Self {
        let slope = if variances.slope.is_some() {
            DIFFUSE
        } else {
            0.0
        };
        Self {
            mean: [0.0; 2],
            variance: [[DIFFUSE, 0.0], [0.0, slope]],
        }
    }

    /// One period on.
    fn predicted(&self, variances: &Variances) -> Self {
        let [[a, b], [_, d]] = self.variance;
        let level = a + 2.0 * b + d + variances.level;
        Self {
            mean: [self.mean[0] + self.mean[1], self.mean[1]],
            variance: [[level, b + d], [b + d, d + variances.slope.unwrap_or(0.0)]],
        }
    }

    /// Knowing an observation with an error of this variance.
    fn updated(&self, value: f64, error: f64) -> Self {
        let [[a, b], [_, d]] = self.variance;
        let total = a + error;
        let gain = [a / total, b / total];
        let surprise = value - self.mean[0];
        Self {
            mean: [
                self.mean[0] + gain[0] * surprise,
                self.mean[1] + gain[1] * surprise,
            ],
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
fn filter(observed: &[Observed], variances: &Variances) -> (Vec<(State, State)>, f64) {
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
                before.updated(*value, error)
            }
        };
        states.push((before, after));
        before = after.predicted(variances);
    }
    (states, likelihood)
}

/// Levels from all observations (Rauch, Tung and Striebel 1965).
fn smoothed(states: &[(State, State)]) -> Vec<(f64, f64)> {
    let mut levels = vec![(0.0, 0.0); states.len()];
    let Some((_, last)) = states.last() else {
        return levels;
    };
    let mut later = *last;
    if let Some(level) = levels.last_mut() {
        *level = (later.mean[0], later.variance[0][0]);
    }
    for at in (0..states.len() - 1).rev() {
        let (after, next) = (states[at].1, states[at + 1].0);
        // Covariance of this state and the next, times the inverse of the next's variance.
        let [[a, b], [_, d]] = after.variance;
        let across = [[a + b, b], [b + d, d]];
        let [[p, q], [_, r]] = next.variance;
        let has_slope = r > 0.0;
        let inverse = match has_slope {
            true => {
                let determinant = p * r - q * q;
                [
                    [r / determinant, -q / determinant],
                    [-q / determinant, p / determinant],
                ]
            }
            false => [[1.0 / p, 0.0], [0.0, 0.0]],
        };
        let gain = product(across, inverse);
        let moved = [later.mean[0] - next.mean[0], later.mean[1] - next.mean[1]];
        let narrowed = [
            [later.variance[0][0] - p, later.variance[0][1] - q],
            [later.variance[1][0] - q, later.variance[1][1] - r],
        ];
        let turned = [[gain[0][0], gain[1][0]], [gain[0][1], gain[1][1]]];
        let change = product(product(gain, narrowed), turned);
        later = State {
            mean: [
                after.mean[0] + gain[0][0] * moved[0] + gain[0][1] * moved[1],
                after.mean[1] + gain[1][0] * moved[0] + gain[1][1] * moved[1],
            ],
            variance: [
                [a + change[0][0], b + change[0][1]],
                [b + change[1][0], d + change[1][1]],
            ],
        };
        levels[at] = (later.mean[0], later.variance[0][0].max(0.0));
    }
    levels
}

fn product(one: [[f64; 2]; 2], two: [[f64; 2]; 2]) -> [[f64; 2]; 2] {
    let cell =
        |row: usize, column: usize| one[row][0] * two[0][column] + one[row][1] * two[1][column];
    [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
}

/// The log-likelihood of observations under given variances.
pub fn log_likelihood(observed: &[Observed], variances: &Variances) -> f64 {
    filter(observed, variances).1
}

/// The model with these variances.
pub fn with_variances(observed: &[Observed], variances: Variances) -> Fitted {
    let (states, log_likelihood) = filter(observed, &variances);
    let parameters = 2.0 + f64::from(u8::from(variances.slope.is_some()));
    // The start counts as well: as many parts of the state as are found from the first observations.
    let start = parameters - 1.0;
    Fitted {
        variances,
        log_likelihood,
        aic: 2.0 * (parameters + start) - 2.0 * log_likelihood,
        levels: smoothed(&states),
        last: states.last().map(|state| state.1).unwrap_or_default(),
    }
}

/// The variances that make the observations most likely: a grid over their logarithms, refined around
/// its best point, so that there is no start to get wrong. With fewer than four observations there is
/// nothing to learn variances from, and the level is taken to stand still.
pub fn fit(observed: &[Observed], has_slope: bool) -> Fitted {
    let count = observed.iter().flatten().count();
    let still = Variances {
        irregular: 0.0,
        level: 0.0,
        slope: has_slope.then_some(0.0),
    };
    if count < 4 {
        return with_variances(observed, still);
    }
    let of = |logs: [f64; 3]| {
        // The lower end stands for nothing.
        let variance = |log: f64| if log <= RANGE.0 { 0.0 } else { log.exp() };
        Variances {
            irregular: variance(logs[0]),
            level: variance(logs[1]),
            slope: has_slope.then(|| variance(logs[2])),
        }
    };
    let mut centre = [(RANGE.0 + RANGE.1) / 2.0; 3];
    let mut half = (RANGE.1 - RANGE.0) / 2.0;
    let mut best = f64::NEG_INFINITY;
    for _ in 0..ROUNDS {
        let place = |centre: f64, point: usize| {
            let step = 2.0 * half / (POINTS - 1) as f64;
            (centre - half + step * point as f64).clamp(RANGE.0, RANGE.1)
        };
        let mut found = centre;
        for first in 0..POINTS {
            for second in 0..POINTS {
                for third in 0..if has_slope { POINTS } else { 1 } {
                    let logs = [
                        place(centre[0], first),
                        place(centre[1], second),
                        place(centre[2], third),
                    ];
                    let likelihood = log_likelihood(observed, &of(logs));
                    if likelihood > best {
                        (best, found) = (likelihood, logs);
                    }
                }
            }
        }
        centre = found;
        half *= 2.0 / (POINTS - 1) as f64;
    }
    with_variances(observed, of(centre))
}

/// The better of local level and local linear trend by Akaike's criterion; of equals the simpler.
pub fn choose(observed: &[Observed]) -> (Fitted, [f64; 2]) {
    let (level, trend) = (fit(observed, false), fit(observed, true));
    let both = [level.aic, trend.aic];
    // A slope wants more than a few periods.
    let enough = observed.iter().flatten().count() >= 10;
    match enough && trend.aic < level.aic {
        true => (trend, both),
        false => (level, both),
    }
}

impl Fitted {
    /// Mean and variance of the level so many periods after the last, the irregular part left out.
    pub fn forecast(&self, horizon: usize) -> Vec<(f64, f64)> {
        let mut state = self.last;
        (0..horizon)
            .map(|_| {
                state = state.predicted(&self.variances);
                (state.mean[0], state.variance[0][0])
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::random::Draws;

    fn normal(draws: Draws, place: u64) -> f64 {
        let unit = |place: u64| (draws.bits(place) as f64 + 1.0) / (u64::MAX as f64 + 2.0);
        (-2.0 * unit(2 * place).ln()).sqrt() * (std::f64::consts::TAU * unit(2 * place + 1)).cos()
    }

    /// A level that walks, observed with errors of 0.2, and the level itself.
    fn walk(step: f64, slope: f64, count: usize, seed: u64) -> (Vec<Observed>, Vec<f64>) {
        let draws = Draws::new(seed, 1);
        let mut level = 0.5;
        (0..count as u64)
            .map(|at| {
                level += slope + step * normal(draws, 2 * at);
                (Some((level + 0.2 * normal(draws, 2 * at + 1), 0.04)), level)
            })
            .unzip()
    }

    /// The textbook: weighted mean and its variance.
    #[test]
    fn a_level_that_stands_still_is_the_weighted_mean() {
        let observed = [Some((1.0, 0.5)), None, Some((2.0, 0.25)), Some((0.0, 1.0))];
        let still = Variances {
            irregular: 0.0,
            level: 0.0,
            slope: None,
        };
        let found = with_variances(&observed, still);
        let weights = [2.0, 4.0, 1.0];
        let mean = (2.0 * 1.0 + 4.0 * 2.0) / 7.0;
        for (level, variance) in &found.levels {
            assert!((level - mean).abs() < 1e-4, "{level} {mean}");
            assert!((variance - 1.0 / weights.iter().sum::<f64>()).abs() < 1e-4);
        }
        assert_eq!(found.forecast(3).len(), 3);
        assert!((found.forecast(3)[2].0 - mean).abs() < 1e-4);
    }

    #[test]
    fn variances_that_made_the_series_are_found_again() {
        let mean = |step: f64| {
            let found =
                (0..20).map(|seed| fit(&walk(step, 0.0, 200, seed).0, false).variances.level);
            found.sum::<f64>() / 20.0
        };
        for step in [0.05, 0.3] {
            let found = mean(step);
            assert!(
                (0.6..1.7).contains(&(found / (step * step))),
                "{step}: {found}"
            );
        }
    }

    #[test]
    fn smoothing_is_nearer_to_the_level_than_the_observations_and_its_band_covers() {
        let (mut smooth, mut raw, mut covered, mut count) = (0.0, 0.0, 0, 0);
        for seed in 0..30 {
            let (observed, levels) = walk(0.08, 0.0, 80, 100 + seed);
            let found = choose(&observed).0;
            for ((observation, truth), (level, variance)) in
                observed.iter().zip(&levels).zip(&found.levels)
            {
                let (value, _) = observation.expect("it was observed");
                raw += (value - truth).powi(2);
                smooth += (level - truth).powi(2);
                covered += usize::from((level - truth).abs() < 1.96 * variance.sqrt());
                count += 1;
            }
        }
        assert!(smooth < 0.5 * raw, "{smooth} {raw}");
        let share = covered as f64 / f64::from(count);
        assert!((0.9..0.985).contains(&share), "{share}");
    }

    #[test]
    fn a_slope_is_seen_and_goes_on() {
        let (observed, levels) = walk(0.02, 0.1, 60, 3);
        let (found, _) = choose(&observed);
        assert!(found.variances.slope.is_some());
        let (mean, _) = found.forecast(10)[9];
        let last = levels.last().expect("there are levels");
        assert!((mean - (last + 1.0)).abs() < 0.4, "{mean} {last}");
    }

    #[test]
    fn nothing_and_little_make_no_nonsense() {
        for observed in [
            vec![],
            vec![None, None],
            vec![Some((0.3, 0.1))],
            vec![Some((0.3, 0.1)); 3],
        ] {
            let (found, _) = choose(&observed);
            assert_eq!(found.levels.len(), observed.len());
            assert!(
                found
                    .levels
                    .iter()
                    .all(|(level, variance)| level.is_finite() && *variance >= 0.0)
            );
            assert!(
                found
                    .forecast(4)
                    .iter()
                    .all(|(mean, variance)| mean.is_finite() && *variance >= 0.0)
            );
        }
    }
}
