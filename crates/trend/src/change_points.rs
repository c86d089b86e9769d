//! Probabilities of change points, computed exactly: the product-partition model of Barry and Hartigan (1993), in
//! which the level is constant between changes, with the recursions of Fearnhead (2006).

use crate::state_space::Observation;

/// Prior expectation of the number of changes in the whole series.
const EXPECTED_CHANGES: f64 = 1.0;

/// The probability of a change at the start of each period, `[T]`; 0 for the first. `irregular` is the variance of
/// the irregular component, which is added to that of each observation.
///
/// The prior of the levels is normal, with the mean and variance of all observations (empirical Bayes).
pub fn probabilities(observed: &[Observation], irregular: f64) -> Vec<f64> {
    let count = observed.len();
    let known: Vec<f64> = observed.iter().flatten().map(|(value, _)| *value).collect();
    if known.len() < 2 {
        return vec![0.0; count];
    }
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    let squares = known.iter().map(|value| (value - mean).powi(2));
    let spread = squares.sum::<f64>() / known.len() as f64;
    let prior = spread.max(1e-4);
    let hazard = (EXPECTED_CHANGES / count as f64).min(0.5);
    // Cumulative sums over periods: precision, precision times value, and the remaining log-density.
    let mut sums = vec![[0.0; 3]];
    for observation in observed {
        let mut next = *sums.last().unwrap_or(&[0.0; 3]);
        if let Some((value, error)) = observation {
            let (precision, value) = (1.0 / (error + irregular).max(1e-9), value - mean);
            next[0] += precision;
            next[1] += precision * value;
            next[2] +=
                0.5 * (precision / std::f64::consts::TAU).ln() - 0.5 * precision * value * value;
        }
        sums.push(next);
    }
    // Log-density of the periods from `start` up to `end` as one segment.
    let segment = |start: usize, end: usize| {
        let [precision, weighted, rest] = [0, 1, 2].map(|at| sums[end][at] - sums[start][at]);
        let total = precision + 1.0 / prior;
        rest + 0.5 * weighted * weighted / total - 0.5 * (total * prior).ln()
    };
    let (change, stay) = (hazard.ln(), (1.0 - hazard).ln());
    // Log-density of all periods before a segment that starts at `t`, and of all periods from `t` on.
    let mut before = vec![0.0; count + 1];
    for end in 1..=count {
        let segmentations = (0..end).map(|from| {
            let begun = if from > 0 { before[from] + change } else { 0.0 };
            begun + segment(from, end) + stay * (end - from - 1) as f64
        });
        before[end] = log_sum(segmentations);
    }
    let mut after = vec![0.0; count + 1];
    for start in (0..count).rev() {
        let segmentations = (start + 1..=count).map(|to| {
            let rest = if to < count { change + after[to] } else { 0.0 };
            segment(start, to) + stay * (to - start - 1) as f64 + rest
        });
        after[start] = log_sum(segmentations);
    }
    let log = |at: usize| before[at] + change + after[at] - before[count];
    let probabilities = (1..count).map(|at| log(at).exp().clamp(0.0, 1.0));
    std::iter::once(0.0).chain(probabilities).collect()
}

/// The logarithm of a sum of exponentials.
fn log_sum(logs: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = logs.collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts = logs.iter().map(|log| (log - largest).exp());
    largest + parts.sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enumerates all segmentations of the series.
    fn by_enumeration(values: &[f64], error: f64) -> Vec<f64> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let prior = values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / count as f64;
        let hazard: f64 = 1.0 / count as f64;
        // The density of values with a common level: a multivariate normal, from its eigenvalues.
        let density = |values: &[f64]| {
            let n = values.len() as f64;
            let sum: f64 = values.iter().map(|value| value - mean).sum();
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let large = error + n * prior;
            let quadratic = (squares - sum * sum / n) / error + sum * sum / n / large;
            let determinant = (n - 1.0) * error.ln() + large.ln();
            (-0.5 * (n * std::f64::consts::TAU.ln() + determinant + quadratic)).exp()
        };
        let (mut total, mut with) = (0.0, vec![0.0; count]);
        for cuts in 0..1_usize << (count - 1) {
            let indices: Vec<usize> = (1..count).filter(|at| cuts >> (at - 1) & 1 == 1).collect();
            let ends = indices.iter().copied().chain([count]);
            let mut start = 0;
            let mut weight = hazard.powi(indices.len() as i32)
                * (1.0 - hazard).powi((count - 1 - indices.len()) as i32);
            for end in ends {
                weight *= density(&values[start..end]);
                start = end;
            }
            total += weight;
            indices.iter().for_each(|index| with[*index] += weight);
        }
        with.iter().map(|weight| weight / total).collect()
    }

    #[test]
    fn the_recursion_agrees_with_enumeration() {
        let values = [0.1, 0.3, 0.2, 1.1, 0.9, 1.2, 0.2];
        let observed: Vec<Observation> = values.iter().map(|value| Some((*value, 0.02))).collect();
        for (found, expected) in probabilities(&observed, 0.03)
            .iter()
            .zip(by_enumeration(&values, 0.05))
        {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn a_jump_is_found_at_its_period_and_noise_is_no_change() {
        let series = |jump: f64| -> Vec<Observation> {
            let noise = |at: usize| 0.1 * ((at * 7919 % 13) as f64 / 6.0 - 1.0);
            let value = |at: usize| noise(at) + if at >= 12 { jump } else { 0.0 };
            // One period is empty.
            (0..30)
                .map(|at| (at != 20).then(|| (value(at), 0.01)))
                .collect()
        };
        let found = probabilities(&series(0.8), 0.0);
        assert!(found[12] > 0.95, "{found:?}");
        assert!(
            found.iter().enumerate().all(|(at, p)| at == 12 || *p < 0.2),
            "{found:?}"
        );
        let none = probabilities(&series(0.0), 0.0);
        assert!(none.iter().all(|p| *p < 0.3), "{none:?}");
        assert_eq!(probabilities(&[None, Some((0.0, 1.0))], 0.0), [0.0, 0.0]);
        // Two distant values make one change.
        let two = probabilities(&[Some((-1.0, 0.01)), Some((1.0, 0.01))], 0.0);
        assert!(two[1] > 0.95, "{two:?}");
    }
}
