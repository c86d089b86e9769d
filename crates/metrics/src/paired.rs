//! The difference of two shares on the same rows.

use crate::{Estimate, wilson_interval};

/// Numbers of rows that both, one or neither of two models predict correctly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PairedCounts {
    pub(crate) both: u64,
    pub(crate) first_only: u64,
    pub(crate) second_only: u64,
    pub(crate) neither: u64,
}

impl PairedCounts {
    /// Counts rows, each given by whether the first and the second model are correct.
    pub(crate) fn count(rows: impl Iterator<Item = (bool, bool)>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            *match row {
                (true, true) => &mut counts.both,
                (true, false) => &mut counts.first_only,
                (false, true) => &mut counts.second_only,
                (false, false) => &mut counts.neither,
            } += 1;
        }
        counts
    }

    /// Accuracy of the first minus accuracy of the second model, with Newcombe's interval (Statistics in Medicine 17,
    /// 1998, pages 2635 to 2650, method 10), which combines the Wilson intervals of both shares and their correlation.
    /// Its width is positive even if both models predict all rows equally.
    ///
    /// From -1 to 1 without rows.
    pub(crate) fn difference(self, confidence: f64) -> Estimate {
        let rows = self.both + self.first_only + self.second_only + self.neither;
        let share = |count| wilson_interval(count, rows, confidence);
        let shares = share(self.both + self.first_only).zip(share(self.both + self.second_only));
        let Some((first, second)) = shares else {
            let (value, low, high) = (0.0, -1.0, 1.0);
            return Estimate { value, low, high };
        };
        let correlation = self.correlation();
        let distance = |one: f64, two: f64| {
            let square = one * one + two * two - 2.0 * correlation * one * two;
            square.max(0.0).sqrt()
        };
        let value = (self.first_only as f64 - self.second_only as f64) / rows as f64;
        let below = distance(first.value - first.low, second.high - second.value);
        let above = distance(first.high - first.value, second.value - second.low);
        let (low, high) = ((value - below).max(-1.0), (value + above).min(1.0));
        Estimate { value, low, high }
    }

    /// The phi correlation of both models being correct, from -1 to 1, with Newcombe's continuity correction if it is
    /// positive. 0 if one model is correct on all rows or on none.
    fn correlation(self) -> f64 {
        let [both, first, second, none] =
            [self.both, self.first_only, self.second_only, self.neither].map(|count| count as f64);
        let sums = [both + first, second + none, both + second, first + none];
        // Roots before the product: the product of four large counts exceeds the exact integers of f64.
        let root: f64 = sums.iter().map(|sum| sum.sqrt()).product();
        if root == 0.0 {
            return 0.0;
        }
        let cross = both * none - first * second;
        let rows = sums[0] + sums[1];
        match cross > 0.0 {
            true => (cross - rows / 2.0).max(0.0) / root,
            false => cross / root,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counts: [u64; 4], low: f64, high: f64) {
        let [both, first_only, second_only, neither] = counts;
        let found = PairedCounts {
            both,
            first_only,
            second_only,
            neither,
        }
        .difference(0.95);
        assert!(
            (found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5,
            "{counts:?}: {found:?}"
        );
    }

    #[test]
    fn intervals_agree_with_published_ones() {
        // `Newcombe_square_and_add_CI_paired_2x2` of R's contingencytables, the table of Cavo et al. (2012).
        check([59, 6, 16, 80], -0.1186, -0.0046);
        check([59, 16, 6, 80], 0.0046, 0.1186);
        // By hand: Wilson's 91.43% to 100% of 41 of 41, on either side, without correlation.
        check([41, 0, 0, 0], -0.0857, 0.0857);
        // One row that only the first predicts correctly: Wilson's 20.655% to 100%, and 0% to 79.345%.
        check([0, 1, 0, 0], 1.0 - 0.793_45 * 2.0_f64.sqrt(), 1.0);
        check([0, 0, 0, 0], -1.0, 1.0);
    }

    #[test]
    fn the_interval_of_equal_predictions_narrows_with_more_rows() {
        let width = |rows: u64| {
            let counts = PairedCounts {
                both: rows * 9 / 10,
                neither: rows / 10,
                ..PairedCounts::default()
            };
            let found = counts.difference(0.95);
            assert_eq!(found.value, 0.0);
            found.high - found.low
        };
        let widths = [10, 100, 1000, 25_000].map(width);
        assert!(widths.is_sorted_by(|one, two| one > two), "{widths:?}");
        assert!((0.0001..0.0005).contains(&widths[3]), "{widths:?}");
    }
}
