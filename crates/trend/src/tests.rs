//! What tests of several modules share.

use quantification::{Method, Quantifier, Response};

use crate::state_space::{Fitted, Observed, Posterior, most_likely};

/// A model that does not err.
pub(crate) fn perfect() -> (Quantifier, Response) {
    let labels = [0, 1].repeat(20);
    let said: Vec<f32> = labels
        .iter()
        .map(|label| 0.1 + 0.8 * f32::from(*label))
        .collect();
    let quantifier = Quantifier::new(&labels, &said, 10, 1).expect("both classes");
    let response = quantifier.response(Method::ClassifyAndCount);
    (quantifier, response)
}

/// A model without or with a slope.
pub(crate) fn fit(observed: &[Observed], has_slope: bool) -> Fitted {
    let variances = most_likely(observed, has_slope);
    Fitted::new(observed, variances, Posterior::of(observed, has_slope))
}
