//! What the texts of each period say, as an observation with a normal error.
//!
//! A share of three texts is nothing or all more often than not, and its log-odds are none. So periods are not
//! turned into shares one by one: the quasi-likelihood of each is taken where the level is, there it is nearly
//! that of a normal observation, and from these the level is found again until it does not move (Durbin and
//! Koopman 1997; iteratively reweighted least squares where the level stands still).

use quantification::{QuasiLikelihood, ScoreMeans};

use crate::kalman::{Observation, filter, smooth};
use crate::state_space::most_likely;

/// Rounds at most, a step of log-odds at most, and one that is none.
const ROUNDS: usize = 30;
const LONGEST: f64 = 1.0;
const NOTHING: f64 = 1e-3;

/// The observations of periods, `[T]`, around their level.
pub(crate) fn linearise(
    periods: &[Option<ScoreMeans>],
    quasi_likelihood: &QuasiLikelihood,
) -> Vec<Observation> {
    let Some(whole) = ScoreMeans::combine(periods.iter().flatten()) else {
        return vec![None; periods.len()];
    };
    let (low, high) = quasi_likelihood.bounds(whole.texts);
    let mut log_odds = vec![quasi_likelihood.log_odds(&whole); periods.len()];
    let mut observed = around(&log_odds, periods, quasi_likelihood);
    for _ in 0..ROUNDS {
        let variances = most_likely(&observed, false);
        let levels = smooth(&filter(&observed, &variances).0).levels;
        let mut farthest = 0.0_f64;
        for ((log_odds, observed), (level, _)) in log_odds.iter_mut().zip(&observed).zip(levels) {
            // The level and the period's own part.
            let there = observed.map_or(level, |(value, error)| {
                (level * error + value * variances.irregular) / (error + variances.irregular)
            });
            let step = (there.clamp(low, high) - *log_odds).clamp(-LONGEST, LONGEST);
            *log_odds += step;
            farthest = farthest.max(step.abs());
        }
        observed = around(&log_odds, periods, quasi_likelihood);
        if farthest < NOTHING {
            break;
        }
    }
    observed
}

fn around(
    log_odds: &[f64],
    periods: &[Option<ScoreMeans>],
    quasi_likelihood: &QuasiLikelihood,
) -> Vec<Observation> {
    let at = |(log_odds, score_means): (&f64, &Option<ScoreMeans>)| {
        let score_means = score_means.as_ref()?;
        Some(observation(quasi_likelihood, score_means, *log_odds))
    };
    log_odds.iter().zip(periods).map(at).collect()
}

/// One step of Fisher's scoring from these log-odds on, and the variance that the information there makes.
pub(crate) fn observation(
    quasi_likelihood: &QuasiLikelihood,
    score_means: &ScoreMeans,
    log_odds: f64,
) -> (f64, f64) {
    let (slope, information) = quasi_likelihood.slope_and_information(score_means, log_odds);
    (log_odds + slope / information, 1.0 / information)
}

#[cfg(test)]
mod tests;
