//! From probabilities and error rates to a share.

use metrics::CounterRng;

use crate::Method;
use crate::labelled::Known;
use crate::levels::{Levels, called, logit};

/// Of more texts than this, those of nearly equal log-odds are taken together: what a million texts say
/// costs no more than what ten thousand do.
const MANY: usize = 10_000;

/// The adjusted maximum weighs texts as at a share between these: at 0 or 1 a single text that is called
/// wrongly and surely would weigh as much as all others.
const WEIGHED_AT: (f64, f64) = (0.02, 0.98);

/// Texts whose share is asked for, or levels of them.
pub(crate) struct Rows {
    probabilities: Vec<f64>,
    odds: Vec<f64>,
    /// Texts of each level; `None` where each is one.
    counts: Option<Vec<f64>>,
}

impl Rows {
    pub(crate) fn new(probabilities: &[f32]) -> Self {
        if probabilities.len() > MANY {
            let levels = Levels::of(probabilities);
            return Self {
                counts: Some(levels.counted(levels.of_row.iter().copied())),
                probabilities: levels.probabilities,
                odds: levels.odds,
            };
        }
        let all = probabilities.iter().map(|value| f64::from(*value));
        Self {
            odds: all.clone().map(logit).collect(),
            probabilities: all.collect(),
            counts: None,
        }
    }

    /// How often each text, or level of them, is in a resample: texts are drawn with replacement; the
    /// counts of levels are Poisson numbers, which is the same for many texts (Hanley and MacGibbon 2006).
    pub(crate) fn resample(&self, draws: CounterRng) -> Vec<f64> {
        let Some(counts) = &self.counts else {
            let count = self.probabilities.len();
            let mut weights = vec![0.0; count];
            for place in 0..count as u64 {
                weights[draws.index(place, count)] += 1.0;
            }
            return weights;
        };
        let each = counts.iter().enumerate();
        each.map(|(level, count)| poisson(*count, draws, level as u64))
            .collect()
    }

    /// The share among the texts, or among a resample of them, by what labelled rows show.
    pub(crate) fn share(&self, method: Method, known: &Known, resample: Option<&[f64]>) -> f64 {
        let rates = &known.rates;
        let weights = resample.or(self.counts.as_deref());
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let rows = 0..self.probabilities.len();
        let total: f64 = rows.clone().map(weight).sum();
        let mean = |value: &dyn Fn(usize) -> f64| {
            let weighed = rows.clone().map(|row| weight(row) * value(row));
            weighed.sum::<f64>() / total
        };
        let called = |row: usize| called(self.probabilities[row]);
        let turned = |mean: f64, [negative, positive]: [f64; 2]| {
            ((mean - negative) / (positive - negative)).clamp(0.0, 1.0)
        };
        // Not computed where they are not asked for.
        let ratios = || -> Vec<(f64, f64)> {
            let drawn = rows.clone().filter(|row| weight(*row) > 0.0);
            let ratios = drawn.map(|row| (rates.ratio(self.odds[row]), weight(row)));
            ratios.collect()
        };
        match method {
            Method::ClassifyAndCount => mean(&called),
            Method::AdjustedCount => turned(mean(&called), rates.called()),
            Method::ProbabilisticAdjustedCount => {
                let means = [rates.mean_if_negative, rates.mean_if_positive];
                turned(mean(&|row| self.probabilities[row]), means)
            }
            Method::MaximumLikelihood => most_likely(&ratios()),
            Method::AdjustedMaximumLikelihood => {
                let ratios = ratios();
                let likeliest = most_likely(&ratios);
                let at = likeliest.clamp(WEIGHED_AT.0, WEIGHED_AT.1);
                let part = |ratio: f64| posterior(ratio, at);
                let means = known.means(part);
                if means[1] <= means[0] {
                    // A resample in which they tell nothing at this share has nothing to correct by.
                    return likeliest;
                }
                let parts = ratios.iter().map(|(ratio, weight)| weight * part(*ratio));
                turned(parts.sum::<f64>() / total, means)
            }
        }
    }
}

/// The posterior probability at a share of a text with this ratio, but for the share as a factor.
pub(crate) fn posterior(ratio: f64, share: f64) -> f64 {
    ratio / (share * ratio + 1.0 - share)
}

/// A Poisson number of this mean: by products of uniform numbers (Knuth 1969) where it is small, and rounded
/// from the normal distribution where it is not.
fn poisson(mean: f64, draws: CounterRng, level: u64) -> f64 {
    const SMALL: f64 = 30.0;
    const EACH: u64 = 256;
    let unit =
        |place: u64| (draws.bits(level * EACH + place) as f64 + 1.0) / (u64::MAX as f64 + 2.0);
    if mean > SMALL {
        let normal = (-2.0 * unit(0).ln()).sqrt() * (std::f64::consts::TAU * unit(1)).cos();
        return (mean + mean.sqrt() * normal).round().max(0.0);
    }
    let limit = (-mean).exp();
    let mut product = unit(0);
    let mut number = 0;
    while product > limit && number + 1 < EACH {
        number += 1;
        product *= unit(number);
    }
    number as f64
}

/// The share `s` that maximises the mean of `ln(s r + 1 - s)` over the ratios `r` of how likely each
/// text is if positive to how likely if negative, each with its weight. The fixed point of Saerens et al.'s EM is its maximum;
/// the function is concave, so that its slope has one zero at most, found by Newton's method within a
/// bracket.
fn most_likely(ratios: &[(f64, f64)]) -> f64 {
    // The slope and its own slope.
    let slopes = |share: f64| {
        let (mut first, mut second) = (0.0, 0.0);
        for (ratio, weight) in ratios {
            let part = (ratio - 1.0) / (share * ratio + 1.0 - share);
            first += weight * part;
            second -= weight * part * part;
        }
        (first, second)
    };
    if slopes(0.0).0 <= 0.0 {
        return 0.0;
    }
    if slopes(1.0).0 >= 0.0 {
        return 1.0;
    }
    let (mut low, mut high, mut share) = (0.0, 1.0, 0.5);
    for _ in 0..100 {
        let (first, second) = slopes(share);
        if first > 0.0 {
            low = share;
        } else {
            high = share;
        }
        let newton = share - first / second;
        let next = match (low..=high).contains(&newton) {
            true => newton,
            false => (low + high) / 2.0,
        };
        if (next - share).abs() < 1e-9 {
            return next;
        }
        share = next;
    }
    share
}

/// The standard deviation of log-odds of shares of so many texts, and no less than that of a classifier
/// that never errs: `sqrt(1 / (k + 1/2) + 1 / (n - k + 1/2))` where `k` of `n` are positive (Anscombe 1956).
/// Resamples of few texts, or of texts that are all alike, are all alike, and prove nothing by that.
pub(crate) fn logit_deviation(shares: &[f64], value: f64, rows: usize) -> f64 {
    let rows = rows as f64;
    let margin = 0.5 / (rows + 1.0);
    let bounded = shares.iter().map(|share| share.clamp(margin, 1.0 - margin));
    let odds: Vec<f64> = bounded.map(logit).collect();
    let mean = odds.iter().sum::<f64>() / odds.len().max(1) as f64;
    let squares: f64 = odds.iter().map(|value| (value - mean).powi(2)).sum();
    let least = 1.0 / (value * rows + 0.5) + 1.0 / ((1.0 - value) * rows + 0.5);
    let found = squares / odds.len().max(2).saturating_sub(1) as f64;
    found.max(least).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EM as it was published: the mean posterior becomes the prior until nothing moves.
    fn by_expectation_maximisation(ratios: &[f64]) -> f64 {
        let mut share = 0.5;
        for _ in 0..100_000 {
            let posterior = ratios
                .iter()
                .map(|ratio| share * ratio / (share * ratio + 1.0 - share));
            share = posterior.sum::<f64>() / ratios.len() as f64;
        }
        share
    }

    #[test]
    fn the_maximum_is_where_expectation_maximisation_ends() {
        for seed in 0..20 {
            let draws = CounterRng::for_sample(seed, 0);
            let unit = |place| draws.bits(place) as f64 / u64::MAX as f64;
            let ratios: Vec<f64> = (0..50)
                .map(|place| (4.0 * unit(place) - 1.0 - 0.1 * seed as f64).exp())
                .collect();
            let weighed: Vec<(f64, f64)> = ratios.iter().map(|ratio| (*ratio, 1.0)).collect();
            let (found, expected) = (most_likely(&weighed), by_expectation_maximisation(&ratios));
            assert!(
                (found - expected).abs() < 1e-4,
                "{seed}: {found} {expected}"
            );
        }
        assert_eq!(most_likely(&[(0.1, 1.0), (0.5, 1.0)]), 0.0);
        assert_eq!(most_likely(&[(3.0, 1.0), (8.0, 2.0)]), 1.0);
    }

    #[test]
    fn poisson_numbers_have_their_mean_and_their_variance() {
        for mean in [0.5, 8.0, 29.0, 400.0] {
            let count = 20_000;
            let found: Vec<f64> = (0..count)
                .map(|at| poisson(mean, CounterRng::for_sample(at, 4), 3))
                .collect();
            let average = found.iter().sum::<f64>() / count as f64;
            let variance = found.iter().map(|x| (x - average).powi(2)).sum::<f64>() / count as f64;
            assert!((average / mean - 1.0).abs() < 0.03, "{mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.06, "{mean}: {variance}");
        }
    }
}
