//! Times that are none: a day on which half of all reviews were "written" is what a file says of undated
//! ones, and a review from the year 1800 is a slip.

use artifact::format;

use crate::data::ScoredReview;
use crate::period::date_from_day;

/// A day with so large a part of all reviews, and so many times as many as the next, is a placeholder.
const PART: f64 = 0.1;
const TIMES: usize = 5;

/// Days that must be there for one of them to be strange.
const DAYS: usize = 50;

/// At either end so large a part of the reviews may be cut off ...
const END: f64 = 0.01;

/// ... if the time becomes shorter by this part.
const SHORTER: f64 = 0.2;

/// The reviews whose times make sense, and what was left out, in sentences.
pub(crate) fn filter_dates(
    rows: &[ScoredReview],
    keep_all: bool,
) -> (Vec<ScoredReview>, Vec<String>) {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.day);
    let mut probabilities = Vec::new();
    if keep_all {
        return (rows, probabilities);
    }
    while let Some(day) = placeholder_day(&rows) {
        let before = rows.len();
        rows.retain(|row| row.day != day);
        probabilities.push(format!(
            "{} of {} reviews have the day {}, far more than any other: taken for undated and left out",
            format::count((before - rows.len()) as u64),
            format::count(before as u64),
            date_from_day(day)
        ));
    }
    let cut = (rows.len() as f64 * END) as usize;
    if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
        let (from, to) = (rows[cut].day, rows[rows.len() - 1 - cut].day);
        let (whole, middle) = (last.day - first.day + 1, to - from + 1);
        if (middle as f64) < (1.0 - SHORTER) * whole as f64 {
            let before = rows.len();
            rows.retain(|row| (from..=to).contains(&row.day));
            probabilities.push(format!(
                "{} far before {} or far after {}: left out, because hardly anything lies between",
                format::plural((before - rows.len()) as u64, "review lies", "reviews lie"),
                date_from_day(from),
                date_from_day(to)
            ));
        }
    }
    (rows, probabilities)
}

/// The day that is none.
fn placeholder_day(rows: &[ScoredReview]) -> Option<i64> {
    let days = rows.chunk_by(|one, two| one.day == two.day);
    let mut counts: Vec<(usize, i64)> = days.map(|rows| (rows.len(), rows[0].day)).collect();
    if counts.len() < DAYS {
        return None;
    }
    counts.sort_unstable_by(|one, two| two.cmp(one));
    let [(most, day), (next, _), ..] = counts.as_slice() else {
        return None;
    };
    let is_strange = *most as f64 > PART * rows.len() as f64 && *most > TIMES * next;
    is_strange.then_some(*day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(days: impl Iterator<Item = i64>) -> Vec<ScoredReview> {
        let row = |day| ScoredReview {
            topic: 0,
            day,
            probability: 0.5,
            author_label: None,
        };
        days.map(row).collect()
    }

    #[test]
    fn a_placeholder_and_a_lost_century_are_left_out_and_said() {
        let real = 11_000..13_000;
        let all = rows(
            real.clone()
                .chain((0..900).map(|_| 10_957))
                .chain([-62_000, 40_000]),
        );
        let (kept, probabilities) = filter_dates(&all, false);
        assert!(
            kept.len() >= 1950 && kept.iter().all(|row| real.contains(&row.day)),
            "{}",
            kept.len()
        );
        assert!(
            probabilities[0].starts_with("900 of 2,902 reviews have the day 2000-01-01"),
            "{probabilities:?}"
        );
        assert_eq!(probabilities.len(), 2, "{probabilities:?}");
        assert_eq!(filter_dates(&all, true).0.len(), all.len());
    }

    #[test]
    fn ordinary_times_stay() {
        let (kept, probabilities) =
            filter_dates(&rows((0..3000).map(|row| 15_000 + row / 30)), false);
        assert_eq!((kept.len(), probabilities.len()), (3000, 0));
        assert!(filter_dates(&[], false).0.is_empty());
    }
}
