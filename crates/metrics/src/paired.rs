//! The difference of two shares of the same rows.

use crate::{Estimate, wilson_interval};

/// What two models made of the same rows: right both, right only one, right neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) both: u64,
    pub(crate) first_only: u64,
    pub(crate) second_only: u64,
    pub(crate) neither: u64,
}

impl Outcomes {
    /// Counts whether the first is right about each row, and whether the second is.
    pub(crate) fn of(rows: impl Iterator<Item = (bool, bool)>) -> Self {
        let mut found = Self::default();
        for row in rows {
            *match row {
                (true, true) => &mut found.both,
                (true, false) => &mut found.first_only,
                (false, true) => &mut found.second_only,
                (false, false) => &mut found.neither,
            } += 1;
        }
        found
    }

    /// The share that the first is right about minus that of the second, with the interval of Newcombe
    /// (Statistics in Medicine 17, 1998, pages 2635 to 2650, method 10): Wilson's intervals of both
    /// shares, put together by squares as the two go together. Where no row tells the models apart it has a width,
    /// as Wilson's has where all rows are right: rows that are all alike do not show that others are.
    ///
    /// Without rows anything from -1 to 1 may be.
    pub(crate) fn difference(self, confidence: f64) -> Estimate {
        let rows = self.both + self.first_only + self.second_only + self.neither;
        let share = |count| wilson_interval(count, rows, confidence);
        let shares = share(self.both + self.first_only).zip(share(self.both + self.second_only));
        let Some((first, second)) = shares else {
            let (value, low, high) = (0.0, -1.0, 1.0);
            return Estimate { value, low, high };
        };
        let together = self.correlation();
        let distance = |one: f64, two: f64| {
            let square = one * one + two * two - 2.0 * together * one * two;
            square.max(0.0).sqrt()
        };
        let value = (self.first_only as f64 - self.second_only as f64) / rows as f64;
        let below = distance(first.value - first.low, second.high - second.value);
        let above = distance(first.high - first.value, second.value - second.low);
        let (low, high) = ((value - below).max(-1.0), (value + above).min(1.0));
        Estimate { value, low, high }
    }

    /// How the two go together, -1 to 1: the correlation of a table of four, with Newcombe's correction
    /// for continuity where it is positive; 0 where one of them is right about all rows or none.
    fn correlation(self) -> f64 {
        let [both, first_only, second_only, neither] =
            [self.both, self.first_only, self.second_only, self.neither].map(|count| count as f64);
        let sums = [
            both + first_only,
            second_only + neither,
            both + second_only,
            first_only + neither,
        ];
        // Roots first: the product of four counts of millions is beyond what an f64 holds exactly.
        let root: f64 = sums.iter().map(|sum| sum.sqrt()).product();
        if root == 0.0 {
            return 0.0;
        }
        let cross = both * neither - first_only * second_only;
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
        let found = Outcomes {
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
    fn intervals_are_those_of_others() {
        // `Newcombe_square_and_add_CI_paired_2x2` of R's contingencytables, the table of Cavo et al. (2012).
        check([59, 6, 16, 80], -0.1186, -0.0046);
        check([59, 16, 6, 80], 0.0046, 0.1186);
        // Worked by hand: Wilson's 91.43 to 100 % of 41 of 41, on either side, with no correlation.
        check([41, 0, 0, 0], -0.0857, 0.0857);
        // One row, about which only the first is right: Wilson's 20.655 to 100 % and 0 to 79.345 %.
        check([0, 1, 0, 0], 1.0 - 0.793_45 * 2.0_f64.sqrt(), 1.0);
        check([0, 0, 0, 0], -1.0, 1.0);
    }

    #[test]
    fn equal_decisions_leave_less_doubt_with_more_rows() {
        let width = |rows: u64| {
            let outcomes = Outcomes {
                both: rows * 9 / 10,
                neither: rows / 10,
                ..Outcomes::default()
            };
            let found = outcomes.difference(0.95);
            assert_eq!(found.value, 0.0);
            found.high - found.low
        };
        let widths = [10, 100, 1000, 25_000].map(width);
        assert!(widths.is_sorted_by(|one, two| one > two), "{widths:?}");
        assert!((0.0001..0.0005).contains(&widths[3]), "{widths:?}");
    }
}
