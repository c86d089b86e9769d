//! Temperature scaling: one number, fitted on validation, that calibrates probabilities without changing any
//! predicted label (Guo et al. 2017, section 4.2).

use crate::MetricsError;
use crate::scored_rows::{check_each, check_labels};

/// Search range of `1 / T`. The ends are reached if all validation rows are correct (T towards 0), or if the model is
/// no better than chance (T towards infinity).
const INVERSE_RANGE: (f64, f64) = (0.05, 20.0);

/// The temperature T, from 0.05 to 20, that minimises the mean log loss of `sigmoid(difference / T)`, where a
/// difference is the positive logit minus the negative one. It is 1 without rows, or if all differences are 0.
///
/// The loss is convex in `1 / T`, so its derivative has at most one zero, which bisection always finds.
///
/// # Errors
/// Lengths differ, a label is neither 0 nor 1, or a logit is not finite.
pub fn fit_temperature(logit_differences: &[f32], labels: &[u8]) -> Result<f64, MetricsError> {
    check_differences(logit_differences, labels)?;
    if logit_differences.iter().all(|it| *it == 0.0) {
        return Ok(1.0);
    }
    // Positive if the predicted label is correct.
    let signed = |(&difference, &label): (&f32, &u8)| match label {
        1 => f64::from(difference),
        _ => -f64::from(difference),
    };
    let margins: Vec<f64> = logit_differences.iter().zip(labels).map(signed).collect();
    let slope = |inverse: f64| {
        let slopes = margins.iter().map(|it| it * sigmoid(-it * inverse));
        -slopes.sum::<f64>()
    };
    let (mut low, mut high) = INVERSE_RANGE;
    for _ in 0..100 {
        let middle = (low * high).sqrt();
        if slope(middle) < 0.0 {
            low = middle
        } else {
            high = middle
        }
    }
    Ok(1.0 / (low * high).sqrt())
}

/// Fails for rows that no calibration can be fitted to.
pub(crate) fn check_differences(differences: &[f32], labels: &[u8]) -> Result<(), MetricsError> {
    check_labels(labels, differences.len(), "logits")?;
    check_each("logit", differences, "a finite number", f32::is_finite)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CounterRng;

    #[test]
    fn the_temperature_of_simulated_labels_is_recovered() {
        for truth in [0.5, 1.0, 2.5] {
            let rng = CounterRng::for_sample(11, 0);
            let unit = |index: u64| rng.bits(index) as f64 / u64::MAX as f64;
            let logits: Vec<f32> = (0..40_000)
                .map(|row| ((unit(2 * row) - 0.5) * 8.0) as f32)
                .collect();
            let labels: Vec<u8> = logits
                .iter()
                .enumerate()
                .map(|(row, &logit)| {
                    u8::from(unit(2 * row as u64 + 1) < sigmoid(f64::from(logit) / truth))
                })
                .collect();
            let found = fit_temperature(&logits, &labels).expect("valid rows");
            assert!((found / truth - 1.0).abs() < 0.05, "{truth}: {found}");
        }
    }

    #[test]
    fn edge_cases_stay_in_range() {
        let check = |logits: &[f32], labels: &[u8], expected: f64| {
            let found = fit_temperature(logits, labels).expect("valid rows");
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        };
        check(&[], &[], 1.0);
        check(&[0.0, 0.0], &[0, 1], 1.0);
        check(&[3.0, -2.0], &[1, 0], 0.05);
        check(&[3.0, -2.0], &[0, 1], 20.0);
        // Three of four correct with a margin of 2: sigmoid(2 / T) = 3/4, so T = 2 / ln 3.
        check(&[2.0, 2.0, 2.0, 2.0], &[1, 1, 1, 0], 2.0 / 3.0_f64.ln());
        assert!(fit_temperature(&[f32::NAN], &[0]).is_err());
        assert!(fit_temperature(&[f32::INFINITY], &[1]).is_err());
        assert!(fit_temperature(&[1.0], &[]).is_err());
    }
}
