//! The level behind shares that jump about: a structural time series on log-odds (Harvey 1989).
//!
//! An observation is the level, plus an irregular part, plus an error whose variance is known for each
//! period from its texts; so thin periods lean on their neighbours, and empty ones are bridged. The level
//! walks at random (local level) or along a slope that does (local linear trend).
//!
//! How far levels walk is not known, and of few periods hardly at all: the most likely variance is nothing
//! then, more often than not, and a level that stands still is sure of what nobody knows. So levels and
//! forecasts are averaged over a grid of variances, by how likely each makes the observations and by a prior
//! that fades from a standard deviation of nothing on (Simpson et al. 2017).

pub use crate::kalman::{Observed, Variances};
use crate::kalman::{Smoothed, State, filter, smoothed};
use crate::odds::{mixed, share_of};

/// Logarithms of variances that are searched: from nothing to more than shares can do.
const RANGE: (f64, f64) = (-14.0, 1.0);

/// Points of the search for the most likely variances along each, and how often it is refined around the best.
const POINTS: usize = 9;
const ROUNDS: usize = 4;

/// Points of the average along each variance: two of them, and three.
const AVERAGED: [usize; 2] = [25, 13];

/// Variances that weigh less than this part of the likeliest are left out.
const WEIGHS: f64 = 1e-4;

/// Rates of the exponential prior of standard deviations, of irregular part, level and slope: one of 1 a
/// period, or a slope's of 0.2, is exceeded once in twenty times.
const RATES: [f64; 3] = [3.0, 3.0, 15.0];

/// Observations from which on a period's own part can be told from a level that walks.
const IRREGULAR_FROM: usize = 8;

/// Observations from which on a slope can be told.
const SLOPE_FROM: usize = 10;

/// Variances with their weight, and the state that they lead to.
#[derive(Clone, Copy, Debug)]
struct Setting {
    weight: f64,
    variances: Variances,
    last: State,
}

/// What observations say of the variances and of what comes.
#[derive(Clone, Debug)]
pub struct Posterior {
    settings: Vec<Setting>,
}

/// A model fitted to observations.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The most likely variances.
    pub variances: Variances,
    /// Log-likelihood, the observations that the start is found from left out.
    pub log_likelihood: f64,
    /// Mean and variance of the level in each period, from all observations.
    pub levels: Vec<(f64, f64)>,
    /// The share of the last level minus that of the first, and its variance.
    pub rise: (f64, f64),
    /// What comes.
    pub posterior: Posterior,
}

/// Which variances there are: of the irregular part, the level and the slope.
#[derive(Clone, Copy, Debug)]
struct Searched([bool; 3]);

impl Searched {
    fn of(observed: &[Observed], has_slope: bool) -> Self {
        let has_irregular = observed.iter().flatten().count() >= IRREGULAR_FROM;
        Self([has_irregular, true, has_slope])
    }

    /// The lower end stands for nothing.
    fn variances(self, logs: [f64; 3]) -> Variances {
        let [irregular, level, slope] =
            logs.map(|log| if log <= RANGE.0 { 0.0 } else { log.exp() });
        Variances {
            irregular,
            level,
            slope: self.0[2].then_some(slope),
        }
    }

    /// All places of so many points along each variance, this far around a centre; of a variance that there
    /// is not the lower end alone.
    fn grid(self, points: usize, centre: [f64; 3], half: f64) -> Vec<[f64; 3]> {
        let step = 2.0 * half / (points - 1) as f64;
        let along = |part: usize| -> Vec<f64> {
            let start = centre[part] - half;
            let place = |point: usize| (start + step * point as f64).clamp(RANGE.0, RANGE.1);
            match self.0[part] {
                true => (0..points).map(place).collect(),
                false => vec![RANGE.0],
            }
        };
        let [irregular, level, slope] = [0, 1, 2].map(along);
        let mut places = Vec::new();
        for first in &irregular {
            for second in &level {
                places.extend(slope.iter().map(|third| [*first, *second, *third]));
            }
        }
        places
    }

    /// The logarithm of the prior of the logarithms of variances, but for a constant.
    fn log_prior(self, logs: [f64; 3]) -> f64 {
        let of = |part: usize| 0.5 * logs[part] - RATES[part] * (0.5 * logs[part]).exp();
        (0..3).filter(|part| self.0[*part]).map(of).sum()
    }
}

/// The middle of the range, and how far it goes.
const MIDDLE: [f64; 3] = [(RANGE.0 + RANGE.1) / 2.0; 3];
const HALF: f64 = (RANGE.1 - RANGE.0) / 2.0;

/// The log-likelihood of observations under given variances.
pub fn log_likelihood(observed: &[Observed], variances: &Variances) -> f64 {
    filter(observed, variances).1
}

/// The variances that make the observations most likely: a grid over their logarithms, refined around
/// its best point, so that there is no start to get wrong.
pub(crate) fn most_likely(observed: &[Observed], has_slope: bool) -> Variances {
    let searched = Searched::of(observed, has_slope);
    let (mut centre, mut half) = (MIDDLE, HALF);
    let mut best = f64::NEG_INFINITY;
    for _ in 0..ROUNDS {
        let mut found = centre;
        for logs in searched.grid(POINTS, centre, half) {
            let likelihood = log_likelihood(observed, &searched.variances(logs));
            if likelihood > best {
                (best, found) = (likelihood, logs);
            }
        }
        centre = found;
        half *= 2.0 / (POINTS - 1) as f64;
    }
    searched.variances(centre)
}

impl Posterior {
    /// Of the variances of a model without or with a slope.
    pub(crate) fn of(observed: &[Observed], has_slope: bool) -> Self {
        let searched = Searched::of(observed, has_slope);
        let points = AVERAGED[usize::from(has_slope)];
        let grid = searched.grid(points, MIDDLE, HALF).into_iter();
        let weighed = grid.map(|logs| (searched.variances(logs), searched.log_prior(logs)));
        Self::weighed(observed, weighed)
    }

    /// Of these variances, each with the logarithm of its prior.
    fn weighed(
        observed: &[Observed],
        variances: impl IntoIterator<Item = (Variances, f64)>,
    ) -> Self {
        let mut settings: Vec<Setting> = Vec::new();
        for (variances, log_prior) in variances {
            let (states, likelihood) = filter(observed, &variances);
            settings.push(Setting {
                weight: likelihood + log_prior,
                variances,
                last: states.last().map(|state| state.1).unwrap_or_default(),
            });
        }
        let weights = settings.iter().map(|setting| setting.weight);
        let largest = weights.fold(f64::NEG_INFINITY, f64::max);
        for setting in &mut settings {
            setting.weight = (setting.weight - largest).exp();
        }
        settings.retain(|setting| setting.weight >= WEIGHS);
        let total: f64 = settings.iter().map(|setting| setting.weight).sum();
        for setting in &mut settings {
            setting.weight /= total;
        }
        Self { settings }
    }

    /// Mean and variance of the level so many periods after the last, the irregular part left out.
    pub fn forecast(&self, horizon: usize) -> Vec<(f64, f64)> {
        let mut states: Vec<State> = self.settings.iter().map(|setting| setting.last).collect();
        (0..horizon)
            .map(|_| {
                for (state, setting) in states.iter_mut().zip(&self.settings) {
                    *state = state.predicted(&setting.variances);
                }
                let levels = states.iter().map(|it| (it.mean[0], it.variance[0][0]));
                self.mixed(levels)
            })
            .collect()
    }

    /// The variance of the irregular part, on average.
    pub fn irregular(&self) -> f64 {
        let settings = self.settings.iter();
        settings.map(|it| it.weight * it.variances.irregular).sum()
    }

    /// Mean and variance of a mixture, of those of its parts.
    fn mixed(&self, parts: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
        mixed(parts.zip(self.settings.iter().map(|setting| setting.weight)))
    }
}

impl Fitted {
    pub(crate) fn new(observed: &[Observed], variances: Variances, posterior: Posterior) -> Self {
        let log_likelihood = log_likelihood(observed, &variances);
        let smooth = |it: &Setting| smoothed(&filter(observed, &it.variances).0);
        let parts: Vec<Smoothed> = posterior.settings.iter().map(smooth).collect();
        let levels = (0..observed.len())
            .map(|at| posterior.mixed(parts.iter().map(|part| part.levels[at])))
            .collect();
        Self {
            variances,
            log_likelihood,
            levels,
            rise: posterior.mixed(parts.iter().map(rise)),
            posterior,
        }
    }
}

/// The share of the last level minus that of the first with its variance, to first order.
fn rise(smoothed: &Smoothed) -> (f64, f64) {
    let Some((first, last)) = smoothed.levels.first().zip(smoothed.levels.last()) else {
        return (0.0, 0.0);
    };
    let shares = [first.0, last.0].map(share_of);
    let [from, to] = shares.map(|share| share * (1.0 - share));
    let variance = from * from * first.1 + to * to * last.1 - 2.0 * from * to * smoothed.ends;
    (shares[1] - shares[0], variance.max(0.0))
}

/// Akaike's criterion (1974): the lower the better.
fn aic(observed: &[Observed], variances: &Variances) -> f64 {
    let parameters = 2.0 + f64::from(u8::from(variances.slope.is_some()));
    // The start counts as well: as many parts of the state as are found from the first observations.
    let start = parameters - 1.0;
    2.0 * (parameters + start) - 2.0 * log_likelihood(observed, variances)
}

/// The model with these variances.
pub fn with_variances(observed: &[Observed], variances: Variances) -> Fitted {
    let posterior = Posterior::weighed(observed, [(variances, 0.0)]);
    Fitted::new(observed, variances, posterior)
}

/// The better of local level and local linear trend by Akaike's criterion, which is given for both; of
/// equals the simpler.
pub fn choose(observed: &[Observed]) -> (Fitted, [f64; 2]) {
    let both = [false, true].map(|has_slope| most_likely(observed, has_slope));
    let criterion = both.map(|variances| aic(observed, &variances));
    let enough = observed.iter().flatten().count() >= SLOPE_FROM;
    let has_slope = enough && criterion[1] < criterion[0];
    let posterior = Posterior::of(observed, has_slope);
    let fitted = Fitted::new(observed, both[usize::from(has_slope)], posterior);
    (fitted, criterion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::CounterRng;

    fn normal(draws: CounterRng, place: u64) -> f64 {
        let unit = |place: u64| (draws.bits(place) as f64 + 1.0) / (u64::MAX as f64 + 2.0);
        (-2.0 * unit(2 * place).ln()).sqrt() * (std::f64::consts::TAU * unit(2 * place + 1)).cos()
    }

    /// A level that walks, observed with errors of 0.2, and the level itself.
    fn walk(step: f64, slope: f64, count: usize, seed: u64) -> (Vec<Observed>, Vec<f64>) {
        let draws = CounterRng::for_sample(seed, 1);
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
        assert_eq!(found.posterior.forecast(3).len(), 3);
        assert!((found.posterior.forecast(3)[2].0 - mean).abs() < 1e-4);
    }

    #[test]
    fn variances_that_made_the_series_are_found_again() {
        let mean = |step: f64| {
            let found = (0..20).map(|seed| most_likely(&walk(step, 0.0, 200, seed).0, false).level);
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
        let (mean, _) = found.posterior.forecast(10)[9];
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
                    .posterior
                    .forecast(4)
                    .iter()
                    .all(|(mean, variance)| mean.is_finite() && *variance >= 0.0)
            );
        }
    }
}
