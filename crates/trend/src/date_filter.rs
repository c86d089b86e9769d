//! Skips reviews with implausible dates: placeholder days of undated reviews, and dates far from all others.

use artifact::format;

use crate::data::ScoredReview;
use crate::period::date_from_day;

/// A day is a placeholder if it has more than this share of all reviews, and more than this many times as many as
/// the next day.
const PLACEHOLDER_SHARE: f64 = 0.1;
const PLACEHOLDER_FACTOR: usize = 5;

/// Minimum number of days to detect a placeholder.
const MIN_DAYS: usize = 50;

/// Up to this share of the reviews is skipped at either end ...
const MAX_SKIPPED_SHARE: f64 = 0.01;

/// ... if that shortens the time span by more than this share.
const MIN_SHORTENING: f64 = 0.2;

/// Up to this share of the reviews at either end is skipped if they are apart from the others by more than the others
/// span, and by more than ten years.
const MAX_APART_SHARE: f64 = 0.05;

/// The reviews with plausible dates, sorted by day; and sentences about skipped reviews.
pub(crate) fn filter_dates(
    rows: &[ScoredReview],
    keep_all: bool,
) -> (Vec<ScoredReview>, Vec<String>) {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.day);
    let mut skipped = Vec::new();
    if keep_all {
        return (rows, skipped);
    }
    while let Some(day) = placeholder_day(&rows) {
        let before = rows.len();
        rows.retain(|row| row.day != day);
        skipped.push(format!(
            "Skipped {} of {} reviews with the date {}: it has far more reviews than any other day, so it is probably a placeholder for a missing date",
            format::count((before - rows.len()) as u64),
            format::count(before as u64),
            date_from_day(day)
        ));
    }
    let cut = (rows.len() as f64 * MAX_SKIPPED_SHARE) as usize;
    if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
        let end = rows.len() - 1;
        let few = (rows.len() as f64 * MAX_APART_SHARE) as usize;
        let gap = (rows[end - few].day - rows[few].day).max(3652);
        let is_apart = |at: &usize| rows[*at].day - rows[at - 1].day > gap;
        let low = (1..=few).rev().find(is_apart).unwrap_or(0).max(cut);
        let high = (1..=few).rev().find(|it| is_apart(&(end + 1 - it)));
        let (from, to) = (rows[low].day, rows[end - high.unwrap_or(0).max(cut)].day);
        let (whole, middle) = (last.day - first.day + 1, to - from + 1);
        if (middle as f64) < (1.0 - MIN_SHORTENING) * whole as f64 {
            let before = rows.len();
            rows.retain(|row| (from..=to).contains(&row.day));
            skipped.push(format!(
                "Skipped {} before {} or after {}: the dates are far from those of all other reviews",
                format::plural((before - rows.len()) as u64, "review", "reviews"),
                date_from_day(from),
                date_from_day(to)
            ));
        }
    }
    (rows, skipped)
}

/// The day that stands for missing dates, if any.
fn placeholder_day(rows: &[ScoredReview]) -> Option<i64> {
    let days = rows.chunk_by(|one, two| one.day == two.day);
    let mut counts: Vec<(usize, i64)> = days.map(|rows| (rows.len(), rows[0].day)).collect();
    if counts.len() < MIN_DAYS {
        return None;
    }
    counts.sort_unstable_by(|one, two| two.cmp(one));
    let [(most, day), (next, _), ..] = counts.as_slice() else {
        return None;
    };
    let is_placeholder =
        *most as f64 > PLACEHOLDER_SHARE * rows.len() as f64 && *most > PLACEHOLDER_FACTOR * next;
    is_placeholder.then_some(*day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::TextOrigin;

    fn rows(days: impl Iterator<Item = i64>) -> Vec<ScoredReview> {
        let row = |day| ScoredReview {
            topic: 0,
            day,
            probability: 0.5,
            author_label: None,
            words: 0,
            origin: TextOrigin::New,
        };
        days.map(row).collect()
    }

    #[test]
    fn placeholders_and_dates_far_from_all_others_are_skipped() {
        let real = 11_000..13_000;
        let all = rows(
            real.clone()
                .chain((0..900).map(|_| 10_957))
                .chain([-62_000, 40_000]),
        );
        let (kept, skipped) = filter_dates(&all, false);
        assert!(
            kept.len() >= 1950 && kept.iter().all(|row| real.contains(&row.day)),
            "{}",
            kept.len()
        );
        assert!(
            skipped[0].starts_with("Skipped 900 of 2,902 reviews with the date 2000-01-01"),
            "{skipped:?}"
        );
        assert_eq!(skipped.len(), 2, "{skipped:?}");
        assert_eq!(filter_dates(&all, true).0.len(), all.len());
    }

    #[test]
    fn more_than_one_percent_of_far_dates_is_skipped() {
        let real = (0..800).map(|row| 19_700 + row / 2);
        let far = (0..8).map(|_| 0).chain((0..9).map(|_| 84_738));
        let (kept, skipped) = filter_dates(&rows(real.chain(far)), false);
        assert!(kept.len() >= 784 && kept.iter().all(|row| (19_700..20_100).contains(&row.day)));
        assert_eq!(skipped.len(), 1, "{skipped:?}");
    }

    #[test]
    fn plausible_dates_are_kept() {
        let (kept, skipped) = filter_dates(&rows((0..3000).map(|row| 15_000 + row / 30)), false);
        assert_eq!((kept.len(), skipped.len()), (3000, 0));
        assert!(filter_dates(&[], false).0.is_empty());
    }
}
