//! Linearisation: the texts of each period as an observation with a normal error.
//!
//! The estimated share of a few texts is often 0 or 1, which has no finite log-odds. So shares are not estimated one
//! by one. Near the level, the quasi-likelihood of a period is close to that of a normal observation. The level is
//! smoothed from these observations, and both steps are repeated until convergence (Durbin and Koopman 1997; for a
//! constant level this is iteratively reweighted least squares).

use quantification::{QuasiLikelihood, ScoreMeans};

use crate::kalman::{Observation, filter, smooth};
use crate::state_space::most_likely;

/// Maximum number of iterations, maximum step of log-odds, and the step that counts as convergence.
const MAX_ROUNDS: usize = 30;
const MAX_STEP: f64 = 1.0;
const TOLERANCE: f64 = 1e-3;

/// The observations of periods, `[T]`, linearised around their level.
pub(crate) fn linearise(
    periods: &[Option<ScoreMeans>],
    likelihood: &QuasiLikelihood,
) -> Vec<Observation> {
    let Some(whole) = ScoreMeans::combine(periods.iter().flatten()) else {
        return vec![None; periods.len()];
    };
    let (low, high) = likelihood.bounds(whole.texts);
    let mut log_odds = vec![likelihood.log_odds(&whole); periods.len()];
    // The observations around these log-odds.
    let observe = |log_odds: &[f64]| -> Vec<Observation> {
        let observe = |(at, means): (&f64, &Option<ScoreMeans>)| {
            Some(observation(likelihood, means.as_ref()?, *at))
        };
        log_odds.iter().zip(periods).map(observe).collect()
    };
    let mut observed = observe(&log_odds);
    for _ in 0..MAX_ROUNDS {
        let variances = most_likely(&observed, false);
        let levels = smooth(&filter(&observed, &variances).0).levels;
        let mut largest_step = 0.0_f64;
        for ((log_odds, observed), (level, _)) in log_odds.iter_mut().zip(&observed).zip(levels) {
            // The level plus the irregular component of the period.
            let target = observed.map_or(level, |(value, error)| {
                (level * error + value * variances.irregular) / (error + variances.irregular)
            });
            let step = (target.clamp(low, high) - *log_odds).clamp(-MAX_STEP, MAX_STEP);
            *log_odds += step;
            largest_step = largest_step.max(step.abs());
        }
        observed = observe(&log_odds);
        if largest_step < TOLERANCE {
            break;
        }
    }
    observed
}

/// One step of Fisher scoring from these log-odds, and the inverse information there as the variance.
pub(crate) fn observation(likelihood: &QuasiLikelihood, means: &ScoreMeans, at: f64) -> (f64, f64) {
    let (slope, information) = likelihood.slope_and_information(means, at);
    (at + slope / information, 1.0 / information)
}

#[cfg(test)]
mod tests;
