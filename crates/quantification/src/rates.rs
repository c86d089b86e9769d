//! What is the same under another mix: how a classifier treats either class.

use crate::levels::{Counts, Levels, called, logit};

/// Newton steps at most; the loss is convex, and a handful is enough.
const STEPS: usize = 50;

/// The logarithm of a ratio at most: its exponential is a finite number.
const LARGEST_LOG_RATIO: f64 = 600.0;

/// Draws slope and intercept to 1 and 0 a little, so that they stay finite where classes can be told
/// apart without an error.
const PENALTY: f64 = 0.5;

/// How a classifier treats positive and negative rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorRates {
    /// Share of the labelled rows that are positive.
    pub(crate) prior: f64,
    /// Share of positive rows that are called positive.
    pub(crate) true_positive_rate: f64,
    /// Share of negative rows that are called positive.
    pub(crate) false_positive_rate: f64,
    /// Mean probability that positive rows are given.
    pub(crate) mean_if_positive: f64,
    /// Mean probability that negative rows are given.
    pub(crate) mean_if_negative: f64,
    /// What log-odds are multiplied by to be honest on the labelled rows (Platt 2000).
    pub(crate) slope: f64,
    /// What is added to them then.
    pub(crate) intercept: f64,
}

impl ErrorRates {
    /// The rates of so many rows of either class at each level; neither class may be empty.
    pub(crate) fn of(levels: &Levels, counts: &Counts) -> Self {
        let [negatives, positives] = counts.each_ref().map(|counts| counts.iter().sum::<f64>());
        let mean = |counts: &[f64], value: &dyn Fn(f64) -> f64| {
            let rows = counts.iter().zip(&levels.probabilities);
            let sum: f64 = rows.map(|(count, said)| count * value(*said)).sum();
            sum / counts.iter().sum::<f64>()
        };
        let [negative, positive] = counts;
        let (slope, intercept) = platt(levels, counts);
        Self {
            prior: positives / (positives + negatives),
            true_positive_rate: mean(positive, &called),
            false_positive_rate: mean(negative, &called),
            mean_if_positive: mean(positive, &|said| said),
            mean_if_negative: mean(negative, &|said| said),
            slope,
            intercept,
        }
    }

    /// Shares of negative and of positive rows that are called positive.
    pub(crate) fn called(&self) -> [f64; 2] {
        [self.false_positive_rate, self.true_positive_rate]
    }

    /// How likely a text of these log-odds is if positive, by how likely it is if negative.
    pub(crate) fn ratio(&self, odds: f64) -> f64 {
        let log = self.slope * odds + self.intercept - logit(self.prior);
        log.min(LARGEST_LOG_RATIO).exp()
    }

    /// The log-odds of a text with this ratio: [`Self::ratio`] turned round.
    pub(crate) fn odds(&self, ratio: f64) -> f64 {
        (ratio.ln() - self.intercept + logit(self.prior)) / self.slope
    }

    /// Whether positives are called positive more often than negatives, by more than rounding.
    pub(crate) fn is_useful(&self) -> bool {
        let gap = 0.01;
        self.true_positive_rate - self.false_positive_rate > gap
            && self.mean_if_positive - self.mean_if_negative > gap
            && self.slope > 0.0
    }
}

/// The line through log-odds that makes them honest: logistic regression of the class on the log-odds,
/// by Newton's method with a step that is halved until it does not lead up.
fn platt(levels: &Levels, counts: &Counts) -> (f64, f64) {
    // Log-odds, class, and how many rows.
    let mut rows: Vec<(f64, f64, f64)> = Vec::new();
    for (counts, label) in counts.iter().zip([0.0, 1.0]) {
        let levels = levels.odds.iter().zip(counts);
        let levels = levels.filter(|(_, count)| **count > 0.0);
        rows.extend(levels.map(|(odds, count)| (*odds, label, *count)));
    }
    let loss = |slope: f64, intercept: f64| -> f64 {
        let rows = rows.iter().map(|(odds, label, count)| {
            let score = slope * odds + intercept;
            // ln(1 + e^s) - label * s, without overflow.
            count * (score.max(0.0) + (-score.abs()).exp().ln_1p() - label * score)
        });
        rows.sum::<f64>() + PENALTY * ((slope - 1.0).powi(2) + intercept.powi(2)) / 2.0
    };
    let (mut slope, mut intercept) = (1.0, 0.0);
    let mut now = loss(slope, intercept);
    for _ in 0..STEPS {
        let mut gradient = [PENALTY * (slope - 1.0), PENALTY * intercept];
        let mut curvature = [PENALTY, 0.0, PENALTY];
        for (odds, label, count) in &rows {
            let probability = 1.0 / (1.0 + (-(slope * odds + intercept)).exp());
            let error = count * (probability - label);
            let weight = count * probability * (1.0 - probability);
            gradient[0] += error * odds;
            gradient[1] += error;
            curvature[0] += weight * odds * odds;
            curvature[1] += weight * odds;
            curvature[2] += weight;
        }
        let determinant = curvature[0] * curvature[2] - curvature[1] * curvature[1];
        let step = [
            (curvature[2] * gradient[0] - curvature[1] * gradient[1]) / determinant,
            (curvature[0] * gradient[1] - curvature[1] * gradient[0]) / determinant,
        ];
        let mut share = 1.0;
        let next = loop {
            let next = loss(slope - share * step[0], intercept - share * step[1]);
            if next <= now || share < 1e-6 {
                break next;
            }
            share /= 2.0;
        };
        slope -= share * step[0];
        intercept -= share * step[1];
        let gain = now - next;
        now = next;
        if gain.abs() < 1e-9 {
            break;
        }
    }
    (slope, intercept)
}
