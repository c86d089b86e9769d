//! What the texts of each period say, as an observation with a normal error.
//!
//! A share of three texts is nothing or all more often than not, and its log-odds are none. So periods are not
//! turned into shares one by one: the quasi-likelihood of each is taken where the level is, there it is nearly
//! that of a normal observation, and from these the level is found again until it does not move (Durbin and
//! Koopman 1997; iteratively reweighted least squares where the level stands still).

use quantification::{Evidence, Response};

use crate::kalman::{Observed, filter, smoothed};
use crate::state_space::most_likely;

/// Rounds at most, a step of log-odds at most, and one that is none.
const ROUNDS: usize = 30;
const LONGEST: f64 = 1.0;
const NOTHING: f64 = 1e-3;

/// The observations of periods, `[T]`, around their level.
pub(crate) fn linearised(periods: &[Option<Evidence>], response: &Response) -> Vec<Observed> {
    let Some(whole) = Evidence::together(periods.iter().flatten()) else {
        return vec![None; periods.len()];
    };
    let (low, high) = response.bounds(whole.texts);
    let mut odds = vec![response.odds(&whole); periods.len()];
    let mut observed = around(&odds, periods, response);
    for _ in 0..ROUNDS {
        let variances = most_likely(&observed, false);
        let levels = smoothed(&filter(&observed, &variances).0).levels;
        let mut farthest = 0.0_f64;
        for ((odds, observed), (level, _)) in odds.iter_mut().zip(&observed).zip(levels) {
            // The level and the period's own part.
            let there = observed.map_or(level, |(value, error)| {
                (level * error + value * variances.irregular) / (error + variances.irregular)
            });
            let step = (there.clamp(low, high) - *odds).clamp(-LONGEST, LONGEST);
            *odds += step;
            farthest = farthest.max(step.abs());
        }
        observed = around(&odds, periods, response);
        if farthest < NOTHING {
            break;
        }
    }
    observed
}

fn around(odds: &[f64], periods: &[Option<Evidence>], response: &Response) -> Vec<Observed> {
    let at = |(odds, evidence): (&f64, &Option<Evidence>)| {
        let evidence = evidence.as_ref()?;
        Some(observation(response, evidence, *odds))
    };
    odds.iter().zip(periods).map(at).collect()
}

/// One step of Fisher's scoring from these log-odds on, and the variance that the information there makes.
pub(crate) fn observation(response: &Response, evidence: &Evidence, odds: f64) -> (f64, f64) {
    let (slope, information) = response.slope_and_information(evidence, odds);
    (odds + slope / information, 1.0 / information)
}

#[cfg(test)]
mod tests;
