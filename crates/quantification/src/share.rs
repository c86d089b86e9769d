//! From probabilities and error rates to a share.

use metrics::random::Draws;

use crate::rates::logit;
use crate::{ErrorRates, Method};

/// Texts whose share is asked for.
pub(crate) struct Rows {
    probabilities: Vec<f64>,
    odds: Vec<f64>,
}

impl Rows {
    pub(crate) fn new(probabilities: &[f32]) -> Self {
        let probabilities: Vec<f64> = probabilities
            .iter()
            .map(|value| f64::from(*value))
            .collect();
        Self {
            odds: probabilities.iter().copied().map(logit).collect(),
            probabilities,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.probabilities.is_empty()
    }

    /// The share among the rows, or among a resample of them.
    pub(crate) fn share(&self, method: Method, rates: &ErrorRates, resample: Option<Draws>) -> f64 {
        let count = self.probabilities.len();
        let rows = (0..count).map(|place| match resample {
            Some(draws) => draws.index(place as u64, count),
            None => place,
        });
        let mean =
            |value: &dyn Fn(usize) -> f64| rows.clone().map(value).sum::<f64>() / count as f64;
        let called = |row: usize| f64::from(u8::from(self.probabilities[row] >= 0.5));
        let turned = |mean: f64, negative: f64, positive: f64| {
            ((mean - negative) / (positive - negative)).clamp(0.0, 1.0)
        };
        match method {
            Method::ClassifyAndCount => mean(&called),
            Method::AdjustedCount => turned(
                mean(&called),
                rates.false_positive_rate,
                rates.true_positive_rate,
            ),
            Method::ProbabilisticAdjustedCount => turned(
                mean(&|row| self.probabilities[row]),
                rates.mean_if_negative,
                rates.mean_if_positive,
            ),
            Method::MaximumLikelihood => {
                let against = rates.intercept - logit(rates.prior);
                let ratio = |row: usize| (rates.slope * self.odds[row] + against).exp();
                most_likely(&rows.map(ratio).collect::<Vec<_>>())
            }
        }
    }
}

/// The share `s` that maximises the mean of `ln(s r + 1 - s)` over the ratios `r` of how likely each
/// text is if positive to how likely if negative. The fixed point of Saerens et al.'s EM is its maximum;
/// the function is concave, so that its slope has one zero at most, found by Newton's method within a
/// bracket.
fn most_likely(ratios: &[f64]) -> f64 {
    // The slope and its own slope.
    let slopes = |share: f64| {
        ratios.iter().fold((0.0, 0.0), |(first, second), ratio| {
            let part = (ratio - 1.0) / (share * ratio + 1.0 - share);
            (first + part, second - part * part)
        })
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

/// The standard deviation of log-odds of shares of so many texts; a share of nothing or all counts as
/// half a text beside that.
pub(crate) fn logit_deviation(shares: &[f64], rows: usize) -> f64 {
    let margin = 0.5 / (rows as f64 + 1.0);
    let odds = shares
        .iter()
        .map(|share| logit(share.clamp(margin, 1.0 - margin)));
    let odds: Vec<f64> = odds.collect();
    let mean = odds.iter().sum::<f64>() / odds.len().max(1) as f64;
    let squares: f64 = odds.iter().map(|value| (value - mean).powi(2)).sum();
    // Equal resamples, as of a single text, do not say that nothing varies.
    let least = 1.0 / (rows as f64 + 1.0).sqrt();
    (squares / odds.len().max(2).saturating_sub(1) as f64)
        .sqrt()
        .max(least)
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
            let draws = Draws::new(seed, 0);
            let unit = |place| draws.bits(place) as f64 / u64::MAX as f64;
            let ratios: Vec<f64> = (0..50)
                .map(|place| (4.0 * unit(place) - 1.0 - 0.1 * seed as f64).exp())
                .collect();
            let (found, expected) = (most_likely(&ratios), by_expectation_maximisation(&ratios));
            assert!(
                (found - expected).abs() < 1e-4,
                "{seed}: {found} {expected}"
            );
        }
        assert_eq!(most_likely(&[0.1, 0.5]), 0.0);
        assert_eq!(most_likely(&[3.0, 8.0]), 1.0);
    }
}
