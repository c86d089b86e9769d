//! Periods of the calendar: days, weeks, months, quarters and years.

use chrono::{Datelike, NaiveDate, TimeDelta};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The length of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// From midnight to midnight, UTC
    Day,
    /// From Monday to Sunday
    Week,
    /// Calendar month
    Month,
    /// Three calendar months, from January, April, July or October
    Quarter,
    /// Calendar year
    #[default]
    Year,
}

/// Day 0.
const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a date");

/// Minimum number of reviews in the median period when the length is chosen.
const MIN_REVIEWS: usize = 30;

/// Maximum number of periods when the length is chosen; a picture cannot show more.
const MAX_PERIODS: i64 = 400;

impl Period {
    /// The number of the period that contains a day (days since 1970-01-01). Consecutive periods have consecutive
    /// numbers.
    pub fn number(self, day: i64) -> i64 {
        let date = date_from_day(day);
        let months = i64::from(date.year()) * 12 + i64::from(date.month0());
        match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => months,
            Self::Quarter => months.div_euclid(3),
            Self::Year => i64::from(date.year()),
        }
    }

    /// The first day of a period.
    pub fn start(self, number: i64) -> i64 {
        let months = |months: i64| {
            let year = i32::try_from(months.div_euclid(12)).unwrap_or(1970);
            let month = u32::try_from(months.rem_euclid(12)).unwrap_or(0) + 1;
            NaiveDate::from_ymd_opt(year, month, 1).map_or(0, day_from_date)
        };
        match self {
            Self::Day => number,
            Self::Week => number * 7 - 3,
            Self::Month => months(number),
            Self::Quarter => months(number * 3),
            Self::Year => months(number * 12),
        }
    }

    /// The label of a period: `2018-07-09`, `2018-07`, `2018 Q3`, `2018`.
    pub fn label(self, number: i64) -> String {
        let date = date_from_day(self.start(number));
        match self {
            Self::Day | Self::Week => date.to_string(),
            Self::Month => date.format("%Y-%m").to_string(),
            Self::Quarter => format!("{} Q{}", date.year(), date.month0() / 3 + 1),
            Self::Year => date.year().to_string(),
        }
    }

    /// `day`, `week`, `month`, `quarter` or `year`.
    pub fn name(self) -> &'static str {
        ["day", "week", "month", "quarter", "year"][self as usize]
    }

    /// The shortest length with at least 30 reviews in the median period and fewer than
    /// 400 periods; a year if there is none.
    pub fn choose(days: &[i64]) -> Self {
        let fits = |period: &Self| {
            let numbers = days.iter().map(|day| period.number(*day));
            let first = numbers.clone().min().unwrap_or(0);
            let last = numbers.clone().max().unwrap_or(0);
            if last - first >= MAX_PERIODS {
                return false;
            }
            // The median over all periods between the first and the last, empty ones included.
            let mut counts = vec![0; (last - first + 1) as usize];
            numbers.for_each(|number| counts[(number - first) as usize] += 1);
            counts.sort_unstable();
            counts[counts.len() / 2] >= MIN_REVIEWS
        };
        let mut all = Self::value_variants().iter().copied();
        all.find(fits).unwrap_or_default()
    }
}

/// The date of a day number.
pub fn date_from_day(day: i64) -> NaiveDate {
    let date = TimeDelta::try_days(day).and_then(|days| EPOCH.checked_add_signed(days));
    date.unwrap_or(EPOCH)
}

/// The day number of a date.
pub fn day_from_date(date: NaiveDate) -> i64 {
    date.signed_duration_since(EPOCH).num_days()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        day_from_date(text.parse().expect("a date"))
    }

    #[test]
    fn periods_start_at_calendar_boundaries() {
        for (period, date, label, start) in [
            (Period::Day, "2018-07-11", "2018-07-11", "2018-07-11"),
            (Period::Week, "2018-07-11", "2018-07-09", "2018-07-09"),
            (Period::Week, "1969-12-31", "1969-12-29", "1969-12-29"),
            (Period::Month, "2018-07-11", "2018-07", "2018-07-01"),
            (Period::Quarter, "2018-12-31", "2018 Q4", "2018-10-01"),
            (Period::Year, "1899-12-31", "1899", "1899-01-01"),
        ] {
            let number = period.number(day(date));
            assert_eq!(
                (period.label(number), period.start(number)),
                (label.to_owned(), day(start))
            );
        }
    }

    #[test]
    fn consecutive_periods_have_consecutive_numbers() {
        for period in Period::value_variants() {
            let first = period.number(day("2015-12-30"));
            for number in first..first + 30 {
                let start = period.start(number);
                assert_eq!(period.number(start), number);
                assert_eq!(period.number(start - 1), number - 1);
            }
        }
    }

    #[test]
    fn the_shortest_period_with_enough_reviews_is_chosen() {
        let spread = |count: i64, every: f64| -> Vec<i64> {
            (0..count)
                .map(|row| (row as f64 * every) as i64 + 15_000)
                .collect()
        };
        assert_eq!(Period::choose(&spread(6000, 0.02)), Period::Day);
        assert_eq!(Period::choose(&spread(2000, 0.2)), Period::Week);
        assert_eq!(Period::choose(&spread(1000, 0.9)), Period::Month);
        assert_eq!(Period::choose(&spread(10, 40.0)), Period::Year);
        assert_eq!(Period::choose(&[]), Period::Year);
    }
}
