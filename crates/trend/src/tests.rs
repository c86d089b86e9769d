//! Helpers for the tests of several modules.

use quantification::{Method, Quantifier, QuasiLikelihood};

use crate::state_space::{FittedModel, Observation, Posterior, most_likely};

/// A classifier without errors.
pub(crate) fn perfect_classifier() -> (Quantifier, QuasiLikelihood) {
    let labels = [0, 1].repeat(20);
    let probabilities: Vec<f32> = labels
        .iter()
        .map(|label| 0.1 + 0.8 * f32::from(*label))
        .collect();
    let quantifier = Quantifier::new(&labels, &probabilities, None, 10, 1).expect("both classes");
    let likelihood = quantifier.quasi_likelihood(Method::ClassifyAndCount);
    (quantifier, likelihood)
}

/// Fits a state-space model without or with a slope.
pub(crate) fn fit(observed: &[Observation], has_slope: bool) -> FittedModel {
    let variances = most_likely(observed, has_slope);
    FittedModel::new(observed, variances, Posterior::new(observed, has_slope))
}
