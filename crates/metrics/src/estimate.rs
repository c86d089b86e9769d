//! A value with its interval.

use std::ops::Neg;

use serde::{Deserialize, Serialize};

use crate::distribution::normal_quantile_above;

/// A value with a confidence interval; the confidence level is that of the file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The value on the rows.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// The percentile interval of bootstrap replicates (Efron and Tibshirani 1993, section 13.3), with linear
    /// interpolation between order statistics. Some metrics are biased by resampling, such as the calibration error,
    /// so the interval is extended to contain the value if necessary.
    ///
    /// `None` without replicates.
    pub fn from_replicates(value: f64, mut replicates: Vec<f64>, confidence: f64) -> Option<Self> {
        replicates.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - confidence) / 2.0;
        let low = quantile(&replicates, tail)?.min(value);
        let high = quantile(&replicates, 1.0 - tail)?.max(value);
        Some(Self { value, low, high })
    }
}

/// The estimate of the opposite difference.
impl Neg for Estimate {
    type Output = Self;

    fn neg(self) -> Self {
        let (value, low, high) = (-self.value, -self.high, -self.low);
        Self { value, low, high }
    }
}

/// A share of rows with its Wilson score interval (1927), which is valid for few rows and for shares near 0 and 1.
/// `None` without rows.
pub fn wilson_interval(count: u64, rows: u64, confidence: f64) -> Option<Estimate> {
    if rows == 0 || count > rows {
        return None;
    }
    let z = normal_quantile_above((1.0 - confidence) / 2.0);
    let (rows, value) = (rows as f64, count as f64 / rows as f64);
    let spread = z * z / rows;
    let middle = (value + spread / 2.0) / (1.0 + spread);
    let half = z / (1.0 + spread) * (value * (1.0 - value) / rows + spread / (4.0 * rows)).sqrt();
    let low = (middle - half).clamp(0.0, value);
    let high = (middle + half).clamp(value, 1.0);
    Some(Estimate { value, low, high })
}

/// The quantile of sorted values, with linear interpolation between order statistics.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let fraction = position - below as f64;
    Some(sorted[below] + fraction * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let sorted = [0.0, 1.0, 2.0, 4.0];
        for (share, expected) in [(0.0, 0.0), (0.5, 1.5), (1.0, 4.0), (0.9, 3.4)] {
            let found = quantile(&sorted, share).expect("there are values");
            assert!((found - expected).abs() < 1e-12, "{share}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    /// `statsmodels.stats.proportion.proportion_confint(count, rows, 0.05, "wilson")`, 0.15.0.
    const WILSON: [(u64, u64, f64, f64); 5] = [
        (0, 10, 0.0, 0.277_532_799_863),
        (7, 30, 0.117_923_881_445, 0.409_283_261_581),
        (915, 1000, 0.896_087_108_997, 0.930_736_681_460),
        (25_000, 25_000, 0.999_846_365_254, 1.0),
        (1, 3, 0.061_491_944_720, 0.792_340_399_198),
    ];

    #[test]
    fn wilson_intervals_agree_with_statsmodels() {
        for (count, rows, low, high) in WILSON {
            let found = wilson_interval(count, rows, 0.95).expect("there are rows");
            assert!(
                (found.low - low).abs() < 1e-6 && (found.high - high).abs() < 1e-6,
                "{found:?}"
            );
        }
        assert_eq!(wilson_interval(0, 0, 0.95), None);
    }

    #[test]
    fn the_interval_contains_the_value() {
        let replicates = || (0..=100).map(f64::from).collect::<Vec<_>>();
        let check = |value, expected| {
            let found =
                Estimate::from_replicates(value, replicates(), 0.9).expect("there are replicates");
            assert_eq!((found.low.round(), found.high.round()), expected);
        };
        check(50.0, (5.0, 95.0));
        check(1.0, (1.0, 95.0));
        check(99.0, (5.0, 99.0));
        assert_eq!(Estimate::from_replicates(1.0, Vec::new(), 0.9), None);
    }
}
