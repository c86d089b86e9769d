//! Conversion between shares and log-odds.

use metrics::Estimate;
pub(crate) use quantification::sigmoid;

/// Half the width of an interval, in standard deviations of a normal distribution: 1.96 for a 95% CI.
pub(crate) fn normal_half_width(confidence: f64) -> f64 {
    metrics::normal_quantile_above((1.0 - confidence) / 2.0)
}

/// The interval of a share with normally distributed log-odds; `width` is the [`normal_half_width`].
pub(crate) fn interval(log_odds: f64, variance: f64, width: f64) -> Estimate {
    let half = width * variance.max(0.0).sqrt();
    Estimate {
        value: sigmoid(log_odds),
        low: sigmoid(log_odds - half),
        high: sigmoid(log_odds + half),
    }
}

/// The interval of a difference of shares with this mean and variance.
pub(crate) fn difference((value, variance): (f64, f64), width: f64) -> Estimate {
    let half = width * variance.max(0.0).sqrt();
    let (low, high) = ((value - half).max(-1.0), (value + half).min(1.0));
    Estimate { value, low, high }
}

/// Mean and variance of a mixture, from those of its components with weights that sum to 1.
pub(crate) fn mixture(parts: impl Iterator<Item = ((f64, f64), f64)> + Clone) -> (f64, f64) {
    let mean: f64 = parts.clone().map(|((mean, _), weight)| weight * mean).sum();
    let variances =
        parts.map(|((own, variance), weight)| weight * (variance + (own - mean).powi(2)));
    (mean, variances.sum())
}
