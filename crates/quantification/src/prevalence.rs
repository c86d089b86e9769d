//! Estimates the prevalence from probabilities and error rates.

use metrics::CounterRng;

use crate::Method;
use crate::bins::{LogOddsBins, logit, predicted_label};
use crate::labelled_rows::ClassDistributions;

/// Above this number, texts of nearly equal log-odds are binned, so the cost no longer grows with their number.
const MAX_EXACT_TEXTS: usize = 10_000;

/// Range of the prevalence at which the adjusted maximum likelihood computes posteriors. At 0 or 1 a single
/// confident error would weigh as much as all other texts.
const POSTERIOR_RANGE: (f64, f64) = (0.02, 0.98);

/// Texts whose prevalence is estimated, or bins of them.
pub(crate) struct Texts {
    probabilities: Vec<f64>,
    log_odds: Vec<f64>,
    /// Number of texts per bin; `None` if the texts are not binned.
    counts: Option<Vec<f64>>,
}

impl Texts {
    pub(crate) fn new(probabilities: &[f32]) -> Self {
        if probabilities.len() > MAX_EXACT_TEXTS {
            let bins = LogOddsBins::new(probabilities);
            return Self {
                counts: Some(bins.count(bins.bin_of_row.iter().copied())),
                probabilities: bins.probabilities,
                log_odds: bins.log_odds,
            };
        }
        let all = probabilities.iter().map(|value| f64::from(*value));
        Self {
            log_odds: all.clone().map(logit).collect(),
            probabilities: all.collect(),
            counts: None,
        }
    }

    /// How often each text, or texts of each bin, occur in a resample. Texts are drawn with replacement; counts
    /// of bins are Poisson numbers, which is equivalent for many texts (Hanley and MacGibbon 2006).
    pub(crate) fn resample(&self, rng: CounterRng) -> Vec<f64> {
        let Some(counts) = &self.counts else {
            let count = self.probabilities.len();
            let mut weights = vec![0.0; count];
            for draw in 0..count as u64 {
                weights[rng.index(draw, count)] += 1.0;
            }
            return weights;
        };
        let draw = |(bin, count): (usize, &f64)| poisson(*count, rng, bin as u64);
        counts.iter().enumerate().map(draw).collect()
    }

    /// The prevalence in the texts, or in a resample of them.
    pub(crate) fn prevalence(
        &self,
        method: Method,
        classes: &ClassDistributions,
        resample: Option<&[f64]>,
    ) -> f64 {
        let rates = &classes.rates;
        let weights = resample.or(self.counts.as_deref());
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let rows = 0..self.probabilities.len();
        let total: f64 = rows.clone().map(weight).sum();
        let mean = |value: &dyn Fn(usize) -> f64| {
            let weighted = rows.clone().map(|row| weight(row) * value(row));
            weighted.sum::<f64>() / total
        };
        let label = |row: usize| predicted_label(self.probabilities[row]);
        let adjusted = |mean: f64, [negative, positive]: [f64; 2]| {
            ((mean - negative) / (positive - negative)).clamp(0.0, 1.0)
        };
        // A closure, because only two methods need them.
        let ratios = || -> Vec<(f64, f64)> {
            let present = rows.clone().filter(|row| weight(*row) > 0.0);
            let ratio = |row: usize| rates.likelihood_ratio(self.log_odds[row]);
            present.map(|row| (ratio(row), weight(row))).collect()
        };
        match method {
            Method::ClassifyAndCount => mean(&label),
            Method::AdjustedCount => adjusted(mean(&label), rates.positive_rates),
            Method::ProbabilisticAdjustedCount => {
                adjusted(mean(&|row| self.probabilities[row]), rates.means)
            }
            Method::MaximumLikelihood => maximum_likelihood(&ratios()),
            Method::AdjustedMaximumLikelihood => {
                let ratios = ratios();
                let maximum = maximum_likelihood(&ratios);
                let prior = maximum.clamp(POSTERIOR_RANGE.0, POSTERIOR_RANGE.1);
                let score = |ratio: f64| posterior_score(ratio, prior);
                let means = classes.means(score);
                if means[1] <= means[0] {
                    // In such a resample the scores do not separate the classes, so no correction is possible.
                    return maximum;
                }
                let scores = ratios.iter().map(|(ratio, weight)| weight * score(*ratio));
                adjusted(scores.sum::<f64>() / total, means)
            }
        }
    }
}

/// The posterior probability of a text with this likelihood ratio at a prevalence, divided by that prevalence.
pub(crate) fn posterior_score(ratio: f64, prevalence: f64) -> f64 {
    ratio / (prevalence * ratio + 1.0 - prevalence)
}

/// A Poisson number with this mean: by products of uniform numbers (Knuth 1969) for a small mean, by rounding a
/// normal number for a large one.
fn poisson(mean: f64, rng: CounterRng, bin: u64) -> f64 {
    const SMALL: f64 = 30.0;
    const NUMBERS_PER_BIN: u64 = 256;
    let unit = |index: u64| {
        (rng.bits(bin * NUMBERS_PER_BIN + index) as f64 + 1.0) / (u64::MAX as f64 + 2.0)
    };
    if mean > SMALL {
        let normal = (-2.0 * unit(0).ln()).sqrt() * (std::f64::consts::TAU * unit(1)).cos();
        return (mean + mean.sqrt() * normal).round().max(0.0);
    }
    let limit = (-mean).exp();
    let mut product = unit(0);
    let mut number = 0;
    while product > limit && number + 1 < NUMBERS_PER_BIN {
        number += 1;
        product *= unit(number);
    }
    number as f64
}

/// The prevalence `s` that maximises the weighted mean of `ln(s r + 1 - s)` over likelihood ratios `r`. It is the
/// fixed point of the EM algorithm of Saerens et al. The function is concave, so its slope has at most one zero,
/// found by Newton's method within a bracket.
fn maximum_likelihood(ratios: &[(f64, f64)]) -> f64 {
    // First and second derivative.
    let slopes = |prevalence: f64| {
        let (mut first, mut second) = (0.0, 0.0);
        for (ratio, weight) in ratios {
            let term = (ratio - 1.0) / (prevalence * ratio + 1.0 - prevalence);
            first += weight * term;
            second -= weight * term * term;
        }
        (first, second)
    };
    if slopes(0.0).0 <= 0.0 {
        return 0.0;
    }
    if slopes(1.0).0 >= 0.0 {
        return 1.0;
    }
    let (mut low, mut high, mut prevalence) = (0.0, 1.0, 0.5);
    for _ in 0..100 {
        let (first, second) = slopes(prevalence);
        if first > 0.0 {
            low = prevalence;
        } else {
            high = prevalence;
        }
        let newton = prevalence - first / second;
        let next = match (low..=high).contains(&newton) {
            true => newton,
            false => (low + high) / 2.0,
        };
        if (next - prevalence).abs() < 1e-9 {
            return next;
        }
        prevalence = next;
    }
    prevalence
}

/// The standard deviation of the log-odds of replicates, and at least that of a classifier without errors:
/// `sqrt(1 / (k + 1/2) + 1 / (n - k + 1/2))` where `k` of `n` texts are positive (Anscombe 1956). The minimum is
/// needed because resamples of few or equal texts hardly differ.
pub(crate) fn log_odds_error(replicates: &[f64], value: f64, rows: usize) -> f64 {
    let rows = rows as f64;
    let margin = 0.5 / (rows + 1.0);
    let bounded = replicates.iter().map(|it| it.clamp(margin, 1.0 - margin));
    let log_odds: Vec<f64> = bounded.map(logit).collect();
    let mean = log_odds.iter().sum::<f64>() / log_odds.len().max(1) as f64;
    let squares: f64 = log_odds.iter().map(|value| (value - mean).powi(2)).sum();
    let minimum = 1.0 / (value * rows + 0.5) + 1.0 / ((1.0 - value) * rows + 0.5);
    let variance = squares / log_odds.len().max(2).saturating_sub(1) as f64;
    variance.max(minimum).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published EM algorithm: the mean posterior becomes the next prior until convergence.
    fn by_expectation_maximisation(ratios: &[f64]) -> f64 {
        let mut prevalence = 0.5;
        for _ in 0..100_000 {
            let posterior = ratios
                .iter()
                .map(|ratio| prevalence * ratio / (prevalence * ratio + 1.0 - prevalence));
            prevalence = posterior.sum::<f64>() / ratios.len() as f64;
        }
        prevalence
    }

    #[test]
    fn newton_and_em_find_the_same_maximum() {
        for seed in 0..20 {
            let rng = CounterRng::for_sample(seed, 0);
            let unit = |index| rng.bits(index) as f64 / u64::MAX as f64;
            let ratios: Vec<f64> = (0..50)
                .map(|index| (4.0 * unit(index) - 1.0 - 0.1 * seed as f64).exp())
                .collect();
            let weighted: Vec<(f64, f64)> = ratios.iter().map(|ratio| (*ratio, 1.0)).collect();
            let (found, expected) = (
                maximum_likelihood(&weighted),
                by_expectation_maximisation(&ratios),
            );
            assert!(
                (found - expected).abs() < 1e-4,
                "{seed}: {found} {expected}"
            );
        }
        assert_eq!(maximum_likelihood(&[(0.1, 1.0), (0.5, 1.0)]), 0.0);
        assert_eq!(maximum_likelihood(&[(3.0, 1.0), (8.0, 2.0)]), 1.0);
    }

    #[test]
    fn poisson_numbers_have_the_expected_mean_and_variance() {
        for mean in [0.5, 8.0, 29.0, 400.0] {
            let count = 20_000;
            let found: Vec<f64> = (0..count)
                .map(|sample| poisson(mean, CounterRng::for_sample(sample, 4), 3))
                .collect();
            let average = found.iter().sum::<f64>() / count as f64;
            let variance = found.iter().map(|x| (x - average).powi(2)).sum::<f64>() / count as f64;
            assert!((average / mean - 1.0).abs() < 0.03, "{mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.06, "{mean}: {variance}");
        }
    }
}
