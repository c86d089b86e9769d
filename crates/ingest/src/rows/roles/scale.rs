//! Detects the rating scale from the ratings in the sample.
//!
//! A wrong scale would give wrong labels without an error. So a scale is accepted only if its highest rating
//! occurs or is stated: ratings up to 5 of 7 stars would otherwise look like ratings out of 10. Later rows may still
//! contradict the scale, so every rating is checked against it.

use settings::RatingRule;

use crate::rows::column_sample::RatingRange;

/// A rating scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// Which ratings are positive, negative and neutral.
    pub(crate) rule: RatingRule,
    /// The lowest possible rating.
    pub(crate) low: f64,
    /// The highest possible rating.
    pub(crate) high: f64,
}

impl Scale {
    /// The scale of ratings, which may state their highest value; `None` if it is ambiguous.
    pub(super) fn of(ratings: RatingRange) -> Option<Self> {
        Self::detect(ratings.low, ratings.out_of.unwrap_or(ratings.high))
    }

    /// The scale of ratings from `low` to `high`; `None` if it is ambiguous.
    pub(super) fn detect(low: f64, high: f64) -> Option<Self> {
        let any = f64::INFINITY;
        let (low, high, centre, dead_zone) = match (low, high) {
            // Ratings around zero: the sign gives the label.
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

    /// Whether a rating is possible on this scale.
    pub(crate) fn contains(&self, rating: f32) -> bool {
        (self.low..=self.high).contains(&f64::from(rating))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_scales_are_detected() {
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
        // 7, 6 and 4 stars; school marks up to 20; wine points; votes.
        check(1.0, 7.0, None);
        check(1.0, 6.0, None);
        check(1.0, 4.0, None);
        check(0.0, 20.0, None);
        check(80.0, 100.0, None);
        check(200.0, 976.0, None);
        check(-8.0, 0.0, None);
        // 0 may be the lowest rating or mean that no rating was given.
        check(0.0, 5.0, None);
    }

    #[test]
    fn a_rating_outside_the_scale_is_found() {
        let contains = |low: f64, high: f64, rating: f32| {
            Scale::detect(low, high).is_some_and(|scale| scale.contains(rating))
        };
        assert!(contains(1.0, 5.0, 4.9) && contains(2.0, 5.0, 1.0));
        assert!(!contains(1.0, 5.0, 6.0) && !contains(1.0, 5.0, 0.0));
        assert!(contains(-1.0, 2.0, 1e6));
    }
}
