//! How a rating becomes a label, told by the ratings that were seen.
//!
//! A wrong scale labels reviews wrongly without anybody noticing, so only what is plain is taken: the
//! top of a usual scale must have been seen. Five of seven stars looks like five of ten otherwise.
//! Rows that were not looked at may still contradict it, so that the scale goes along with its rule.

use settings::RatingRule;

/// A scale that ratings are on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// What is in the middle says neither.
    pub(crate) rule: RatingRule,
    /// The lowest rating that there is on it.
    pub(crate) low: f64,
    /// The highest.
    pub(crate) high: f64,
}

impl Scale {
    /// The scale that ratings from `low` to `high` are on; `None` where that is not plain.
    pub(super) fn detect(low: f64, high: f64) -> Option<Self> {
        let any = f64::INFINITY;
        let (low, high, centre, dead_zone) = match (low, high) {
            // Around zero, whatever the width: the sign says it.
            (..0.0, _) if high > 0.0 => (-any, any, 0.0, 0.0),
            (..0.0, _) => return None,
            (1.0.., 5.0) => (1.0, 5.0, 3.0, 0.0),
            (0.5.., 4.5 | 5.0) => (0.5, 5.0, 2.75, 0.25),
            (1.0.., 10.0) => (1.0, 10.0, 5.5, 0.5),
            (_, 10.0) => (0.0, 10.0, 5.0, 0.5),
            (..50.0, ..=100.0) if high > 50.0 => (0.0, 100.0, 50.0, 10.0),
            _ => return None,
        };
        let rule = RatingRule { centre, dead_zone };
        Some(Self { rule, low, high })
    }

    /// Whether a rating can be on it.
    pub(crate) fn contains(&self, rating: f32) -> bool {
        (self.low..=self.high).contains(&f64::from(rating))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_scale_is_taken() {
        let check = |low: f64, high: f64, expected: Option<(f64, f64)>| {
            let expected = expected.map(|(centre, dead_zone)| RatingRule { centre, dead_zone });
            let found = Scale::detect(low, high).map(|scale| scale.rule);
            assert_eq!(found, expected, "{low} to {high}");
        };
        check(1.0, 5.0, Some((3.0, 0.0)));
        check(5.0, 5.0, Some((3.0, 0.0)));
        check(0.5, 5.0, Some((2.75, 0.25)));
        check(0.5, 4.5, Some((2.75, 0.25)));
        check(1.0, 10.0, Some((5.5, 0.5)));
        check(0.0, 10.0, Some((5.0, 0.5)));
        check(0.0, 100.0, Some((50.0, 10.0)));
        check(12.0, 97.0, Some((50.0, 10.0)));
        check(-4.0, 3.9, Some((0.0, 0.0)));
        // Stars of seven, of six and of four; marks of twenty; points of wines; votes.
        check(1.0, 7.0, None);
        check(1.0, 6.0, None);
        check(1.0, 4.0, None);
        check(0.0, 20.0, None);
        check(80.0, 100.0, None);
        check(200.0, 976.0, None);
        check(-8.0, 0.0, None);
        // Perhaps nought is the lowest mark, perhaps none was given.
        check(0.0, 5.0, None);
    }

    #[test]
    fn what_is_off_the_scale_contradicts_it() {
        let contains = |low: f64, high: f64, rating: f32| {
            Scale::detect(low, high).is_some_and(|scale| scale.contains(rating))
        };
        assert!(contains(1.0, 5.0, 4.9) && contains(2.0, 5.0, 1.0));
        assert!(!contains(1.0, 5.0, 6.0) && !contains(1.0, 5.0, 0.0));
        assert!(contains(-1.0, 2.0, 1e6));
    }
}
