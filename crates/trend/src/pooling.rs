//! Topics lean on each other: shares of few texts are drawn towards the mean of all topics by as much as
//! they are unsure (empirical Bayes, Efron and Morris 1975), with the spread between topics by the
//! moments of DerSimonian and Laird (1986).

/// Estimates with the variance of their errors become posterior means and variances; `[N]` each.
pub fn pooled(estimates: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if estimates.len() < 3 {
        // Two topics say too little about how topics differ.
        return estimates.to_vec();
    }
    let weights: Vec<f64> = estimates
        .iter()
        .map(|(_, error)| 1.0 / error.max(1e-12))
        .collect();
    let total: f64 = weights.iter().sum();
    let mean = weighted(estimates, &weights);
    let heterogeneity: f64 = estimates
        .iter()
        .zip(&weights)
        .map(|((value, _), weight)| weight * (value - mean).powi(2))
        .sum();
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    let degrees = estimates.len() as f64 - 1.0;
    let spread = ((heterogeneity - degrees) / (total - squares / total)).max(0.0);
    let weights: Vec<f64> = estimates
        .iter()
        .map(|(_, error)| 1.0 / (error + spread))
        .collect();
    let mean = weighted(estimates, &weights);
    let of_mean = 1.0 / weights.iter().sum::<f64>();
    estimates
        .iter()
        .map(|(value, error)| {
            let own = spread / (spread + error);
            let posterior = own * error + (1.0 - own).powi(2) * of_mean;
            (own * value + (1.0 - own) * mean, posterior)
        })
        .collect()
}

fn weighted(estimates: &[(f64, f64)], weights: &[f64]) -> f64 {
    let pairs = estimates.iter().zip(weights);
    pairs
        .map(|((value, _), weight)| value * weight)
        .sum::<f64>()
        / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsure_topics_lean_on_the_others_and_sure_ones_stand() {
        let found = pooled(&[(0.0, 0.01), (1.0, 0.01), (-1.0, 0.01), (3.0, 4.0)]);
        assert!(
            (found[0].0 - 0.0).abs() < 0.02 && found[3].0 < 1.0,
            "{found:?}"
        );
        assert!(found[3].1 < 4.0);
    }

    #[test]
    fn topics_that_do_not_differ_become_one() {
        let found = pooled(&[(0.5, 0.2), (0.52, 0.2), (0.48, 0.2), (0.5, 0.2)]);
        assert!(
            found
                .iter()
                .all(|(value, variance)| (value - 0.5).abs() < 1e-9
                    && (variance - 0.05).abs() < 1e-9),
            "{found:?}"
        );
        assert_eq!(pooled(&[(1.0, 0.3)]), [(1.0, 0.3)]);
        assert!(pooled(&[]).is_empty());
    }
}
