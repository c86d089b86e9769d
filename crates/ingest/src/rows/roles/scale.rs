//! How a rating becomes a label, told by the ratings that were seen.
//!
//! A wrong scale labels reviews wrongly without anybody noticing, so only what is plain is taken: the
//! top of a usual scale must have been seen. Five of seven stars looks like five of ten otherwise.

use settings::RatingRule;

/// The rule for the scale that ratings from `low` to `high` are on; what is in the middle says
/// neither. `None` where the scale is not plain.
pub(super) fn rule(low: f64, high: f64) -> Option<RatingRule> {
    let centre = |centre, dead_zone| Some(RatingRule::Centre { centre, dead_zone });
    if low < 0.0 {
        // Around zero, whatever the width: the sign says it.
        return (high > 0.0).then_some(()).and_then(|()| centre(0.0, 0.0));
    }
    if high == 5.0 && low >= 1.0 {
        centre(3.0, 0.0)
    } else if (high == 5.0 || high == 4.5) && low >= 0.5 {
        centre(2.75, 0.25)
    } else if high == 10.0 && low >= 1.0 {
        centre(5.5, 0.5)
    } else if high == 10.0 {
        centre(5.0, 0.5)
    } else if high > 50.0 && high <= 100.0 && low < 50.0 {
        centre(50.0, 10.0)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_scale_is_taken() {
        let check = |low: f64, high: f64, expected: Option<(f64, f64)>| {
            let expected =
                expected.map(|(centre, dead_zone)| RatingRule::Centre { centre, dead_zone });
            assert_eq!(rule(low, high), expected, "{low} to {high}");
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
}
