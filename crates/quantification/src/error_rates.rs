//! Error rates of a classifier, which do not depend on the prevalence.

use crate::bins::{Counts, LogOddsBins, logit, predicted_label};

/// Maximum number of Newton steps. The loss is convex, so a few are usually enough.
const MAX_STEPS: usize = 50;

/// Maximum logarithm of a likelihood ratio, so that its exponential is finite.
const MAX_LOG_RATIO: f64 = 600.0;

/// L2 penalty that pulls slope and intercept towards 1 and 0. It keeps them finite if the classes are
/// perfectly separated.
const PENALTY: f64 = 0.5;

/// Error rates of a classifier, and the calibration of its log-odds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorRates {
    /// Prevalence in the labelled rows.
    pub(crate) prior: f64,
    /// Shares of negative and of positive rows that are predicted positive.
    pub(crate) positive_rates: [f64; 2],
    /// Mean probabilities of negative and of positive rows.
    pub(crate) means: [f64; 2],
    /// Slope of the linear map that calibrates log-odds on the labelled rows (Platt 2000).
    pub(crate) slope: f64,
    /// Intercept of this map.
    pub(crate) intercept: f64,
}

impl ErrorRates {
    /// The rates from the number of rows per class and bin; neither class may be empty.
    pub(crate) fn new(bins: &LogOddsBins, counts: &Counts) -> Self {
        let [negatives, positives] = counts.each_ref().map(|counts| counts.iter().sum::<f64>());
        let means = |value: fn(f64) -> f64| {
            counts.each_ref().map(|counts| {
                let rows = counts.iter().zip(&bins.probabilities);
                let sum: f64 = rows.map(|(count, it)| count * value(*it)).sum();
                sum / counts.iter().sum::<f64>()
            })
        };
        let (slope, intercept) = platt(bins, counts);
        Self {
            prior: positives / (positives + negatives),
            positive_rates: means(predicted_label),
            means: means(|probability| probability),
            slope,
            intercept,
        }
    }

    /// The likelihood ratio of a text with these log-odds: its density if positive over that if negative.
    pub(crate) fn likelihood_ratio(&self, log_odds: f64) -> f64 {
        let log = self.slope * log_odds + self.intercept - logit(self.prior);
        log.min(MAX_LOG_RATIO).exp()
    }

    /// The log-odds of a text with this likelihood ratio; the inverse of [`Self::likelihood_ratio`].
    pub(crate) fn log_odds(&self, ratio: f64) -> f64 {
        (ratio.ln() - self.intercept + logit(self.prior)) / self.slope
    }

    /// Whether the classifier is better than chance, by more than rounding.
    pub(crate) fn is_useful(&self) -> bool {
        let differ = |[negative, positive]: [f64; 2]| positive - negative > 0.01;
        differ(self.positive_rates) && differ(self.means) && self.slope > 0.0
    }
}

/// Platt scaling: slope and intercept of a logistic regression of the class on the log-odds, by Newton's
/// method with step halving.
fn platt(bins: &LogOddsBins, counts: &Counts) -> (f64, f64) {
    // Log-odds, class, and how many rows.
    let mut rows: Vec<(f64, f64, f64)> = Vec::new();
    for (counts, label) in counts.iter().zip([0.0, 1.0]) {
        let bins = bins.log_odds.iter().zip(counts);
        let bins = bins.filter(|(_, count)| **count > 0.0);
        rows.extend(bins.map(|(log_odds, count)| (*log_odds, label, *count)));
    }
    let loss = |slope: f64, intercept: f64| -> f64 {
        let rows = rows.iter().map(|(log_odds, label, count)| {
            let score = slope * log_odds + intercept;
            // ln(1 + e^s) - label * s, without overflow.
            count * (score.max(0.0) + (-score.abs()).exp().ln_1p() - label * score)
        });
        rows.sum::<f64>() + PENALTY * ((slope - 1.0).powi(2) + intercept.powi(2)) / 2.0
    };
    let (mut slope, mut intercept) = (1.0, 0.0);
    let mut current = loss(slope, intercept);
    for _ in 0..MAX_STEPS {
        let mut gradient = [PENALTY * (slope - 1.0), PENALTY * intercept];
        let mut curvature = [PENALTY, 0.0, PENALTY];
        for (log_odds, label, count) in &rows {
            let probability = 1.0 / (1.0 + (-(slope * log_odds + intercept)).exp());
            let error = count * (probability - label);
            let weight = count * probability * (1.0 - probability);
            gradient[0] += error * log_odds;
            gradient[1] += error;
            curvature[0] += weight * log_odds * log_odds;
            curvature[1] += weight * log_odds;
            curvature[2] += weight;
        }
        let determinant = curvature[0] * curvature[2] - curvature[1] * curvature[1];
        let step = [
            (curvature[2] * gradient[0] - curvature[1] * gradient[1]) / determinant,
            (curvature[0] * gradient[1] - curvature[1] * gradient[0]) / determinant,
        ];
        let mut scale = 1.0;
        let next = loop {
            let next = loss(slope - scale * step[0], intercept - scale * step[1]);
            if next <= current || scale < 1e-6 {
                break next;
            }
            scale /= 2.0;
        };
        slope -= scale * step[0];
        intercept -= scale * step[1];
        let gain = current - next;
        current = next;
        if gain.abs() < 1e-9 {
            break;
        }
    }
    (slope, intercept)
}
