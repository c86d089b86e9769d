//! Estimates shares of positive reviews from their predictions.

use metrics::Estimate;
use quantification::{Method, PrevalenceEstimate, Quantifier, QuasiLikelihood, ScoreMeans};

use crate::data::ScoredReview;
use crate::error::{Result, TrendError};
use crate::log_odds::{difference, interval, normal_half_width};
use crate::options::Options;

/// Estimates shares of positive reviews.
pub(crate) struct Estimator<'a> {
    quantifier: &'a Quantifier,
    pub(crate) likelihood: QuasiLikelihood,
    pub(crate) options: &'a Options,
    /// Half the width of an interval in standard deviations.
    width: f64,
    /// The variance that all periods share, in squared log-odds: the uncertainty of the model's error rates.
    pub(crate) shared_variance: f64,
    is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> Estimator<'a> {
    /// Without a shared variance.
    pub(crate) fn new(
        quantifier: &'a Quantifier,
        options: &'a Options,
        is_stopped: &'a (dyn Fn() -> bool + Sync),
    ) -> Self {
        Self {
            quantifier,
            likelihood: quantifier.quasi_likelihood(options.method),
            options,
            width: normal_half_width(options.confidence),
            shared_variance: 0.0,
            is_stopped,
        }
    }

    pub(crate) fn estimate(&self, rows: &[ScoredReview]) -> Result<Option<PrevalenceEstimate>> {
        if (self.is_stopped)() {
            return Err(TrendError::Stopped);
        }
        let (rows, options) = (probabilities(rows), self.options);
        let (method, confidence) = (options.method, options.confidence);
        Ok((self.quantifier).quantify(&rows, method, confidence, options.seed))
    }

    /// The share without an interval.
    pub(crate) fn prevalence(&self, rows: &[ScoredReview], method: Method) -> Option<f64> {
        self.quantifier.prevalence(&probabilities(rows), method)
    }

    pub(crate) fn score_means<'r>(
        &self,
        rows: impl IntoIterator<Item = &'r ScoredReview>,
    ) -> Option<ScoreMeans> {
        let rows = probabilities(rows);
        self.quantifier.score_means(&self.likelihood, &rows)
    }

    /// The interval of a share whose log-odds are normal with this mean and variance.
    pub(crate) fn interval(&self, (log_odds, variance): (f64, f64)) -> Estimate {
        interval(log_odds, variance + self.shared_variance, self.width)
    }

    /// The interval of a difference of shares, in which the shared variance nearly cancels.
    pub(crate) fn difference(&self, moments: (f64, f64)) -> Estimate {
        difference(moments, self.width)
    }
}

fn probabilities<'r>(rows: impl IntoIterator<Item = &'r ScoredReview>) -> Vec<f32> {
    rows.into_iter().map(|row| row.probability).collect()
}
