//! Isotonic calibration: the non-decreasing function that fits validation best (Zadrozny and Elkan 2002).

use serde::{Deserialize, Serialize};

use crate::MetricsError;
use crate::temperature::check_differences;

/// A knot of the fitted piecewise linear function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knot {
    /// The positive logit minus the negative one.
    pub difference: f64,
    /// The probability of the positive class at this difference.
    pub probability: f64,
}

/// Rows with one difference, or with a range of differences after pooling.
#[derive(Clone, Copy)]
struct Block {
    first: f64,
    last: f64,
    rows: f64,
    positives: f64,
}

impl Block {
    fn share(self) -> f64 {
        self.positives / self.rows
    }
}

/// The non-decreasing function of the difference with the smallest squared error on the rows, by pooling adjacent
/// violators (Ayer et al. 1955). Returns the two ends of each pooled block, in ascending order: `[N]` differences and
/// class ids give at most `2 N` knots, and none without rows.
///
/// A block with one class would have a probability of 0 or 1, which no number of rows can prove. So probabilities stay
/// at least `1 / (N + 2)` away from both (Laplace's rule of succession).
///
/// # Errors
/// Lengths differ, a label is neither 0 nor 1, or a difference is not finite.
pub fn fit_isotonic(logit_differences: &[f32], labels: &[u8]) -> Result<Vec<Knot>, MetricsError> {
    check_differences(logit_differences, labels)?;
    let rows = logit_differences.iter().copied();
    let mut rows: Vec<(f32, u8)> = rows.zip(labels.iter().copied()).collect();
    rows.sort_unstable_by(|one, two| one.0.total_cmp(&two.0));
    let mut blocks: Vec<Block> = Vec::new();
    for ties in rows.chunk_by(|one, two| one.0 == two.0) {
        let difference = f64::from(ties[0].0);
        let mut block = Block {
            first: difference,
            last: difference,
            rows: ties.len() as f64,
            positives: ties.iter().filter(|(_, label)| *label == 1).count() as f64,
        };
        while let Some(before) = blocks.pop_if(|before| before.share() >= block.share()) {
            block = Block {
                first: before.first,
                last: block.last,
                rows: before.rows + block.rows,
                positives: before.positives + block.positives,
            };
        }
        blocks.push(block);
    }
    let margin = 1.0 / (rows.len() as f64 + 2.0);
    let knots = blocks.into_iter().flat_map(|block| {
        let knot = |difference| Knot {
            difference,
            probability: block.share().clamp(margin, 1.0 - margin),
        };
        let last = (block.last > block.first).then(|| knot(block.last));
        std::iter::once(knot(block.first)).chain(last)
    });
    Ok(knots.collect())
}

/// The probability at a difference, by linear interpolation between knots, constant beyond the outermost knots. One half
/// without knots.
pub fn interpolate(knots: &[Knot], difference: f64) -> f64 {
    let above = knots.partition_point(|knot| knot.difference < difference);
    let below = above.checked_sub(1).map(|below| &knots[below]);
    match (below, knots.get(above)) {
        (None, None) => 0.5,
        (Some(only), None) | (None, Some(only)) => only.probability,
        (Some(below), Some(above)) => {
            let fraction = (difference - below.difference) / (above.difference - below.difference);
            below.probability + fraction * (above.probability - below.probability)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CounterRng;

    fn fitted(rows: &[(f32, u8)]) -> Vec<Knot> {
        let (differences, labels): (Vec<f32>, Vec<u8>) = rows.iter().copied().unzip();
        fit_isotonic(&differences, &labels).expect("valid rows")
    }

    #[test]
    fn violators_are_pooled_as_computed_by_hand() {
        // Shares by difference: 0, 1, 0, 1 (twice); the middle two are pooled to one half.
        let knots = fitted(&[(2.0, 1), (-1.0, 1), (1.0, 0), (-3.0, 0), (2.0, 1)]);
        let found: Vec<(f64, f64)> = knots
            .iter()
            .map(|knot| (knot.difference, knot.probability))
            .collect();
        let margin = 1.0 / 7.0;
        assert_eq!(
            found,
            [(-3.0, margin), (-1.0, 0.5), (1.0, 0.5), (2.0, 1.0 - margin)]
        );
        for (difference, expected) in [
            (-9.0, margin),
            (-2.0, (margin + 0.5) / 2.0),
            (0.3, 0.5),
            (1.5, (1.5 - margin) / 2.0),
            (7.0, 1.0 - margin),
        ] {
            assert!((interpolate(&knots, difference) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_step_function_is_recovered_which_no_temperature_fits() {
        // A curve with a step: 0.3 below 0, 0.9 above.
        let rng = CounterRng::for_sample(5, 0);
        let unit = |index: u64| rng.bits(index) as f64 / u64::MAX as f64;
        let rows: Vec<(f32, u8)> = (0..40_000)
            .map(|row| {
                let difference = unit(2 * row) * 8.0 - 4.0;
                let truth = if difference < 0.0 { 0.3 } else { 0.9 };
                (difference as f32, u8::from(unit(2 * row + 1) < truth))
            })
            .collect();
        let knots = fitted(&rows);
        for (difference, expected) in [(-3.0, 0.3), (-0.5, 0.3), (0.5, 0.9), (3.0, 0.9)] {
            let found = interpolate(&knots, difference);
            assert!((found - expected).abs() < 0.03, "{difference}: {found}");
        }
        assert!(
            knots
                .windows(2)
                .all(|pair| pair[0].probability <= pair[1].probability
                    && pair[0].difference < pair[1].difference)
        );
    }

    #[test]
    fn edge_cases_give_probabilities() {
        assert_eq!(interpolate(&fitted(&[]), 3.0), 0.5);
        let knots = fitted(&[(1.0, 1), (1.0, 1)]);
        assert_eq!(knots.len(), 1);
        assert_eq!(interpolate(&knots, -5.0), 0.75);
        // Worse than chance: one block with the share of positive rows.
        let knots = fitted(&[(1.0, 0), (2.0, 0), (-1.0, 1), (-2.0, 1)]);
        assert_eq!(interpolate(&knots, 1.7), 0.5);
        assert!(fit_isotonic(&[f32::NAN], &[1]).is_err());
        assert!(fit_isotonic(&[1.0], &[]).is_err());
    }
}
