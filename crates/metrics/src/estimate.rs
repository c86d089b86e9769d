//! A figure with its uncertainty.

use serde::{Deserialize, Serialize};

/// A figure and the interval that covers it with the confidence of its file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The figure on the rows themselves.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// The percentile interval of bootstrap replicates (Efron and Tibshirani 1993, section 13.3),
    /// with linear interpolation between order statistics. Resampling pushes some figures to one
    /// side (calibration error grows with the noise it adds), so the interval is stretched where
    /// it must be to hold the figure itself.
    ///
    /// `None` without replicates.
    pub(crate) fn from_replicates(
        value: f64,
        mut replicates: Vec<f64>,
        confidence: f64,
    ) -> Option<Self> {
        replicates.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - confidence) / 2.0;
        let low = quantile(&replicates, tail)?.min(value);
        let high = quantile(&replicates, 1.0 - tail)?.max(value);
        Some(Self { value, low, high })
    }
}

/// The quantile of sorted values, between the two nearest order statistics in proportion.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let part = position - below as f64;
    Some(sorted[below] + part * (sorted[above] - sorted[below]))
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

    #[test]
    fn the_interval_holds_the_figure() {
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
