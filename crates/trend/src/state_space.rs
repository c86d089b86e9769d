//! The smoothed trend: a structural time series model of log-odds (Harvey 1989).
//!
//! An observation is the sum of a level, an irregular component, and an error whose variance is known for each
//! period from its texts. So periods with few texts borrow strength from their neighbours, and empty periods are
//! interpolated. The level is a random walk (local level), or has a slope that is one (local linear trend).
//!
//! The variances of the components are unknown. With few periods their maximum-likelihood estimate is often 0, which
//! would make intervals too narrow. So levels and forecasts are averaged over a grid of variances, weighted by
//! likelihood and by a prior that decreases with the standard deviation (Simpson et al. 2017).

pub use crate::kalman::{Observation, Variances};
use crate::kalman::{SmoothedLevels, State, filter, smooth};
use crate::log_odds::{mixture, sigmoid};

/// Range of the logarithms of variances. The lower end stands for a variance of 0.
const LOG_RANGE: (f64, f64) = (-14.0, 1.0);

/// Grid points per variance in the search for the most likely variances, and number of refinements.
const SEARCH_POINTS: usize = 9;
const SEARCH_ROUNDS: usize = 4;

/// Grid points per variance of the average, for models without and with a slope.
const AVERAGE_POINTS: [usize; 2] = [25, 13];

/// Grid points with less than this weight, relative to the largest one, are dropped.
const MIN_WEIGHT: f64 = 1e-4;

/// Rates of the exponential priors of the standard deviations of irregular component, level and slope. The prior
/// probability of more than 1 per period (0.2 for the slope) is 5%.
const PRIOR_RATES: [f64; 3] = [3.0, 3.0, 15.0];

/// Minimum number of observations for an irregular component; with fewer it cannot be separated from the level.
const MIN_FOR_IRREGULAR: usize = 8;

/// Minimum number of observations for a slope.
const MIN_FOR_SLOPE: usize = 10;

/// A point of the variance grid with its weight and the filtered state of the last period.
#[derive(Clone, Copy, Debug)]
struct WeightedVariances {
    weight: f64,
    variances: Variances,
    last: State,
}

/// The posterior distribution of the variances, and of the states that they imply.
#[derive(Clone, Debug)]
pub struct Posterior {
    candidates: Vec<WeightedVariances>,
}

/// A state-space model fitted to observations.
#[derive(Clone, Debug)]
pub struct FittedModel {
    /// The most likely variances.
    pub variances: Variances,
    /// Log-likelihood, without the observations that determine the initial state.
    pub log_likelihood: f64,
    /// Mean and variance of the level of each period, given all observations.
    pub levels: Vec<(f64, f64)>,
    /// Mean and variance of the share of the last level minus that of the first.
    pub rise: (f64, f64),
    /// For forecasts.
    pub posterior: Posterior,
}

/// Which variances a model has: of the irregular component, the level and the slope.
#[derive(Clone, Copy, Debug)]
struct VarianceGrid([bool; 3]);

impl VarianceGrid {
    fn new(observed: &[Observation], has_slope: bool) -> Self {
        let has_irregular = observed.iter().flatten().count() >= MIN_FOR_IRREGULAR;
        Self([has_irregular, true, has_slope])
    }

    /// The variances from their logarithms.
    fn variances(self, logs: [f64; 3]) -> Variances {
        let [irregular, level, slope] =
            logs.map(|log| if log <= LOG_RANGE.0 { 0.0 } else { log.exp() });
        Variances {
            irregular,
            level,
            slope: self.0[2].then_some(slope),
        }
    }

    /// The grid with this number of points per variance, `half` to either side of a centre. A variance that the
    /// model lacks has a single point.
    fn points(self, points: usize, centre: [f64; 3], half: f64) -> Vec<[f64; 3]> {
        let step = 2.0 * half / (points - 1) as f64;
        let along = |component: usize| -> Vec<f64> {
            let start = centre[component] - half;
            let position = |at: usize| (start + step * at as f64).clamp(LOG_RANGE.0, LOG_RANGE.1);
            match self.0[component] {
                true => (0..points).map(position).collect(),
                false => vec![LOG_RANGE.0],
            }
        };
        let [irregular, level, slope] = [0, 1, 2].map(along);
        let mut grid = Vec::new();
        for first in &irregular {
            for second in &level {
                grid.extend(slope.iter().map(|third| [*first, *second, *third]));
            }
        }
        grid
    }

    /// The log-prior density of logarithms of variances, up to a constant.
    fn log_prior(self, logs: [f64; 3]) -> f64 {
        let density = |component: usize| {
            0.5 * logs[component] - PRIOR_RATES[component] * (0.5 * logs[component]).exp()
        };
        (0..3).filter(|it| self.0[*it]).map(density).sum()
    }
}

/// The middle of [`LOG_RANGE`], and half its length.
const LOG_MIDDLE: [f64; 3] = [(LOG_RANGE.0 + LOG_RANGE.1) / 2.0; 3];
const LOG_HALF: f64 = (LOG_RANGE.1 - LOG_RANGE.0) / 2.0;

/// The log-likelihood of observations under given variances.
pub fn log_likelihood(observed: &[Observation], variances: &Variances) -> f64 {
    filter(observed, variances).1
}

/// The maximum-likelihood variances, by a grid search over their logarithms that is refined around the best point.
pub(crate) fn most_likely(observed: &[Observation], has_slope: bool) -> Variances {
    let grid = VarianceGrid::new(observed, has_slope);
    let (mut centre, mut half) = (LOG_MIDDLE, LOG_HALF);
    let mut best = f64::NEG_INFINITY;
    for _ in 0..SEARCH_ROUNDS {
        let mut best_point = centre;
        for logs in grid.points(SEARCH_POINTS, centre, half) {
            let likelihood = log_likelihood(observed, &grid.variances(logs));
            if likelihood > best {
                (best, best_point) = (likelihood, logs);
            }
        }
        centre = best_point;
        half *= 2.0 / (SEARCH_POINTS - 1) as f64;
    }
    grid.variances(centre)
}

impl Posterior {
    /// The posterior of a model without or with a slope.
    pub(crate) fn new(observed: &[Observation], has_slope: bool) -> Self {
        let grid = VarianceGrid::new(observed, has_slope);
        let points = AVERAGE_POINTS[usize::from(has_slope)];
        let points = grid.points(points, LOG_MIDDLE, LOG_HALF).into_iter();
        let candidates = points.map(|logs| (grid.variances(logs), grid.log_prior(logs)));
        Self::from_candidates(observed, candidates)
    }

    /// The posterior over these variances, each with its log-prior.
    fn from_candidates(
        observed: &[Observation],
        variances: impl IntoIterator<Item = (Variances, f64)>,
    ) -> Self {
        let mut candidates: Vec<WeightedVariances> = Vec::new();
        for (variances, log_prior) in variances {
            let (states, likelihood) = filter(observed, &variances);
            candidates.push(WeightedVariances {
                weight: likelihood + log_prior,
                variances,
                last: states.last().map(|state| state.1).unwrap_or_default(),
            });
        }
        let weights = candidates.iter().map(|candidate| candidate.weight);
        let largest = weights.fold(f64::NEG_INFINITY, f64::max);
        for candidate in &mut candidates {
            candidate.weight = (candidate.weight - largest).exp();
        }
        candidates.retain(|candidate| candidate.weight >= MIN_WEIGHT);
        let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        for candidate in &mut candidates {
            candidate.weight /= total;
        }
        Self { candidates }
    }

    /// Mean and variance of the level in the next `horizon` periods, without the irregular component.
    pub fn forecast(&self, horizon: usize) -> Vec<(f64, f64)> {
        let mut states: Vec<State> = self.candidates.iter().map(|it| it.last).collect();
        let next = |_| {
            for (state, candidate) in states.iter_mut().zip(&self.candidates) {
                *state = state.predict(&candidate.variances);
            }
            let levels = states.iter().map(|it| (it.mean[0], it.variance[0][0]));
            self.mixture(levels)
        };
        (0..horizon).map(next).collect()
    }

    /// The posterior mean of the variance of the irregular component.
    pub fn irregular(&self) -> f64 {
        let weighted = |it: &WeightedVariances| it.weight * it.variances.irregular;
        self.candidates.iter().map(weighted).sum()
    }

    /// Mean and variance of a mixture over the candidates, from those of each one.
    fn mixture(&self, components: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
        mixture(components.zip(self.candidates.iter().map(|it| it.weight)))
    }
}

impl FittedModel {
    pub(crate) fn new(periods: &[Observation], variances: Variances, posterior: Posterior) -> Self {
        let log_likelihood = log_likelihood(periods, &variances);
        let smooth = |it: &WeightedVariances| smooth(&filter(periods, &it.variances).0);
        let components: Vec<SmoothedLevels> = posterior.candidates.iter().map(smooth).collect();
        let level = |at: usize| posterior.mixture(components.iter().map(|it| it.levels[at]));
        Self {
            variances,
            log_likelihood,
            levels: (0..periods.len()).map(level).collect(),
            rise: posterior.mixture(components.iter().map(rise)),
            posterior,
        }
    }
}

/// Mean and variance of the share of the last level minus that of the first, by the delta method.
fn rise(smoothed: &SmoothedLevels) -> (f64, f64) {
    let Some((first, last)) = smoothed.levels.first().zip(smoothed.levels.last()) else {
        return (0.0, 0.0);
    };
    let shares = [first.0, last.0].map(sigmoid);
    let [from, to] = shares.map(|share| share * (1.0 - share));
    let variance =
        from * from * first.1 + to * to * last.1 - 2.0 * from * to * smoothed.ends_covariance;
    (shares[1] - shares[0], variance.max(0.0))
}

/// Akaike's information criterion (1974). Lower is better.
fn aic(observed: &[Observation], variances: &Variances) -> f64 {
    let parameters = 2.0 + f64::from(u8::from(variances.slope.is_some()));
    // The components of the diffuse initial state count as parameters, too.
    let initial = parameters - 1.0;
    2.0 * (parameters + initial) - 2.0 * log_likelihood(observed, variances)
}

/// The model with given variances.
pub fn fit_with_variances(observed: &[Observation], variances: Variances) -> FittedModel {
    let posterior = Posterior::from_candidates(observed, [(variances, 0.0)]);
    FittedModel::new(observed, variances, posterior)
}

/// The better of local level and local linear trend by Akaike's information criterion, and the criterion of both.
pub fn fit_best(observed: &[Observation]) -> (FittedModel, [f64; 2]) {
    let both = [false, true].map(|has_slope| most_likely(observed, has_slope));
    let criterion = both.map(|variances| aic(observed, &variances));
    let has_enough = observed.iter().flatten().count() >= MIN_FOR_SLOPE;
    let has_slope = has_enough && criterion[1] < criterion[0];
    let posterior = Posterior::new(observed, has_slope);
    let fitted = FittedModel::new(observed, both[usize::from(has_slope)], posterior);
    (fitted, criterion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::CounterRng;

    fn normal(rng: CounterRng, index: u64) -> f64 {
        let unit = |index: u64| (rng.bits(index) as f64 + 1.0) / (u64::MAX as f64 + 2.0);
        (-2.0 * unit(2 * index).ln()).sqrt() * (std::f64::consts::TAU * unit(2 * index + 1)).cos()
    }

    /// A random walk observed with errors of standard deviation 0.2, and the walk itself.
    fn random_walk(step: f64, slope: f64, count: usize, seed: u64) -> (Vec<Observation>, Vec<f64>) {
        let rng = CounterRng::for_sample(seed, 1);
        let mut level = 0.5;
        (0..count as u64)
            .map(|at| {
                level += slope + step * normal(rng, 2 * at);
                (Some((level + 0.2 * normal(rng, 2 * at + 1), 0.04)), level)
            })
            .unzip()
    }

    /// Expected values: the weighted mean and its variance.
    #[test]
    fn a_constant_level_is_the_weighted_mean() {
        let observed = [Some((1.0, 0.5)), None, Some((2.0, 0.25)), Some((0.0, 1.0))];
        let constant = Variances {
            irregular: 0.0,
            level: 0.0,
            slope: None,
        };
        let fitted = fit_with_variances(&observed, constant);
        let weights = [2.0, 4.0, 1.0];
        let mean = (2.0 * 1.0 + 4.0 * 2.0) / 7.0;
        for (level, variance) in &fitted.levels {
            assert!((level - mean).abs() < 1e-4, "{level} {mean}");
            assert!((variance - 1.0 / weights.iter().sum::<f64>()).abs() < 1e-4);
        }
        assert_eq!(fitted.posterior.forecast(3).len(), 3);
        assert!((fitted.posterior.forecast(3)[2].0 - mean).abs() < 1e-4);
    }

    #[test]
    fn the_variances_of_simulated_series_are_recovered() {
        let mean = |step: f64| {
            let found =
                (0..20).map(|seed| most_likely(&random_walk(step, 0.0, 200, seed).0, false).level);
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
    fn smoothing_reduces_the_error_and_its_intervals_cover() {
        let (mut smooth, mut raw, mut covered, mut count) = (0.0, 0.0, 0, 0);
        for seed in 0..30 {
            let (observed, levels) = random_walk(0.08, 0.0, 80, 100 + seed);
            let fitted = fit_best(&observed).0;
            for ((observation, truth), (level, variance)) in
                observed.iter().zip(&levels).zip(&fitted.levels)
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
    fn a_slope_is_detected_and_extrapolated() {
        let (observed, levels) = random_walk(0.02, 0.1, 60, 3);
        let (fitted, _) = fit_best(&observed);
        assert!(fitted.variances.slope.is_some());
        let (mean, _) = fitted.posterior.forecast(10)[9];
        let last = levels.last().expect("there are levels");
        assert!((mean - (last + 1.0)).abs() < 0.4, "{mean} {last}");
    }

    #[test]
    fn empty_and_short_series_give_finite_results() {
        for observed in [
            vec![],
            vec![None, None],
            vec![Some((0.3, 0.1))],
            vec![Some((0.3, 0.1)); 3],
        ] {
            let (fitted, _) = fit_best(&observed);
            assert_eq!(fitted.levels.len(), observed.len());
            assert!(
                fitted
                    .levels
                    .iter()
                    .all(|(level, variance)| level.is_finite() && *variance >= 0.0)
            );
            assert!(
                fitted
                    .posterior
                    .forecast(4)
                    .iter()
                    .all(|(mean, variance)| mean.is_finite() && *variance >= 0.0)
            );
        }
    }
}
