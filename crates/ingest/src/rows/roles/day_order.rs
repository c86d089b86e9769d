//! Detects the order of day and month in dates such as `03/04/2014`. A number above 12 must be the day. With two
//! digits the year may also come first; a number above 31 must be the year.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::rows::column_sample::MOST;

/// The order of day and month in the values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DayOrder {
    /// The values show the order.
    Known {
        /// The format for `strftime`.
        format: String,
        /// A value that shows the order.
        example: String,
    },
    /// Two orders are possible: an ambiguous value, and the formats, each with what it means.
    Ambiguous(String, [(String, &'static str); 2]),
}

/// A date of three numbers.
struct NumericDate<'a> {
    value: &'a str,
    numbers: [u32; 3],
    separator: char,
    year: &'static str,
    clock: String,
}

/// Detects the order; `None` unless most values are such dates in the same format.
pub(super) fn order<'a>(values: impl Iterator<Item = &'a str>) -> Option<DayOrder> {
    let (mut dates, mut all) = (Vec::<NumericDate<'_>>::new(), 0);
    for value in values {
        all += 1;
        let date = NumericDate::parse(value);
        let is_same = |date: &NumericDate<'_>| dates.first().is_none_or(|it| it.is_like(date));
        dates.extend(date.filter(is_same));
    }
    let are_most = dates.len() as f64 > MOST * all as f64;
    let first = dates.first().filter(|_| are_most)?;
    let by_day = first.format(["%d", "%m", first.year]);
    let by_month = first.format(["%m", "%d", first.year]);
    let year_first = first.format(["%y", "%m", "%d"]);
    let example = |is: fn([u32; 3]) -> bool| {
        let found = dates.iter().find(|date| is(date.numbers));
        found.map(|date| date.value.to_owned())
    };
    let known = |format: &str, example: String| {
        let format = format.to_owned();
        Some(DayOrder::Known { format, example })
    };
    let ambiguous = |one: (String, &'static str), two: (String, &'static str)| {
        let value = first.value.to_owned();
        Some(DayOrder::Ambiguous(value, [one, two]))
    };
    let long_first = example(|[first, ..]| first > 31);
    let long_last = example(|[.., last]| last > 31 || last == 0);
    match (long_first, long_last) {
        (Some(_), Some(_)) => return None,
        (Some(example), None) => return known(&year_first, example),
        (None, None) if may_start_with_year(&dates) => {
            let last = (by_day, "the year comes last");
            return ambiguous(last, (year_first, "the year comes first"));
        }
        _ => {}
    }
    let day_first = example(|[first, ..]| first > 12);
    let month_first = example(|[_, second, _]| second > 12);
    match (day_first, month_first) {
        (Some(_), Some(_)) => None,
        (Some(example), None) => known(&by_day, example),
        (None, Some(example)) => known(&by_month, example),
        // Dates with points have the day first.
        (None, None) if first.separator == '.' => known(&by_day, first.value.to_owned()),
        (None, None) => {
            let by_day = (by_day, "the day comes first");
            ambiguous(by_day, (by_month, "the month comes first"))
        }
    }
}

/// Whether dates with a year of two digits may begin with it: then their last numbers, which would be days, differ
/// more than the first.
fn may_start_with_year(dates: &[NumericDate<'_>]) -> bool {
    let distinct = |at: usize| {
        let numbers: BTreeSet<u32> = dates.iter().map(|date| date.numbers[at]).collect();
        numbers.len()
    };
    distinct(2) > distinct(0) && dates.iter().all(|date| date.numbers[1] <= 12)
}

impl<'a> NumericDate<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let value = value.trim();
        let (date, clock) = value.split_once(' ').unwrap_or((value, ""));
        let (date, comma) = match date.strip_suffix(',') {
            Some(date) => (date, ","),
            None => (date, ""),
        };
        let separator = date.chars().find(|character| !character.is_ascii_digit());
        let separator = separator.filter(|character| matches!(character, '/' | '.' | '-'))?;
        let parts: Vec<&str> = date.split(separator).collect();
        let &[first, second, last] = &parts[..] else {
            return None;
        };
        if !(is_number(first, 1..=2) && is_number(second, 1..=2) && is_number(last, 2..=4)) {
            return None;
        }
        let year = match last.len() {
            2 => "%y",
            4 => "%Y",
            _ => return None,
        };
        let clock = clock_format(clock)?;
        let numbers: [u32; 3] = [
            first.parse().ok()?,
            second.parse().ok()?,
            last.parse().ok()?,
        ];
        let [first, second, _] = numbers;
        let is_first = (1..=31).contains(&first) || year == "%y";
        let is_date = is_first && first.min(second) <= 12 && (1..=31).contains(&second);
        is_date.then(|| Self {
            value,
            // A year of four digits needs no check.
            numbers: match year {
                "%Y" => [first, second, 0],
                _ => numbers,
            },
            separator,
            year,
            clock: format!("{comma}{clock}"),
        })
    }

    /// Whether another date has the same format.
    fn is_like(&self, other: &Self) -> bool {
        self.separator == other.separator && self.year == other.year && self.clock == other.clock
    }

    fn format(&self, [one, two, three]: [&str; 3]) -> String {
        let (separator, clock) = (self.separator, &self.clock);
        format!("{one}{separator}{two}{separator}{three}{clock}")
    }
}

/// Whether a text consists of digits, with a length in this range.
fn is_number(text: &str, digits: RangeInclusive<usize>) -> bool {
    digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn clock_format(clock: &str) -> Option<&'static str> {
    if clock.is_empty() {
        return Some("");
    }
    let (time, half) = clock.split_once(' ').unwrap_or((clock, ""));
    if !time.split(':').all(|part| is_number(part, 1..=2)) {
        return None;
    }
    let (colons, half) = (time.matches(':').count(), half.to_ascii_lowercase());
    match (colons, half.as_str()) {
        (1, "") => Some(" %H:%M"),
        (2, "") => Some(" %H:%M:%S"),
        (1, "am" | "pm") => Some(" %I:%M %p"),
        (2, "am" | "pm") => Some(" %I:%M:%S %p"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: &str) {
        let found = match order(values.iter().copied()) {
            Some(DayOrder::Known { format, example }) => format!("{format} by {example}"),
            Some(DayOrder::Ambiguous(value, [(one, _), (two, _)])) => {
                format!("open: {value}, {one} or {two}")
            }
            None => "no".to_owned(),
        };
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn a_number_above_twelve_shows_the_order() {
        check(&["03/04/2014", "03/14/2014"], "%m/%d/%Y by 03/14/2014");
        check(&["3/4/14", "14/3/14"], "%d/%m/%y by 14/3/14");
        check(&["03-04-2014", "31-04-2014"], "%d-%m-%Y by 31-04-2014");
        check(&["03.04.2014"], "%d.%m.%Y by 03.04.2014");
        check(
            &["3/14/2014 9:05 PM", "3/4/2014 10:15 am"],
            "%m/%d/%Y %I:%M %p by 3/14/2014 9:05 PM",
        );
        check(
            &["3/14/2014 19:05:06"],
            "%m/%d/%Y %H:%M:%S by 3/14/2014 19:05:06",
        );
        check(&["24/12/23", "05/11/23"], "%d/%m/%y by 24/12/23");
        check(
            &["01/01/23", "04/01/23"],
            "open: 01/01/23, %d/%m/%y or %m/%d/%y",
        );
        check(
            &["1/13/2014, 9:05:00 PM"],
            "%m/%d/%Y, %I:%M:%S %p by 1/13/2014, 9:05:00 PM",
        );
        // The year comes first, or may come first.
        check(&["95/01/13", "95/02/01"], "%y/%m/%d by 95/01/13");
        check(
            &["23/01/13", "23/01/14", "23/02/15"],
            "open: 23/01/13, %d/%m/%y or %y/%m/%d",
        );
        // A damaged value does not hide the format of the others.
        let mut values = vec!["13/01/2014"; 20];
        values.push("unknown");
        check(&values, "%d/%m/%Y by 13/01/2014");
        check(
            &["03/04/2014", "12/12/2014"],
            "open: 03/04/2014, %d/%m/%Y or %m/%d/%Y",
        );
    }

    #[test]
    fn other_values_show_no_order() {
        check(&[], "no");
        check(&["2014-03-04"], "no");
        check(&["03/14/2014", "14/03/2014"], "no");
        check(&["03/04/2014", "03-04-2014"], "no");
        check(&["13/13/2014"], "no");
        check(&["0/4/2014"], "no");
        check(&["3/4"], "no");
        check(&["3/4/2014/5"], "no");
        check(&["3/4/2014 noon"], "no");
        check(&["3/4/2014  PM"], "no");
        check(&["\u{e9}/4/2014"], "no");
    }
}
