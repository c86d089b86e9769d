//! Detects the order of day and month in dates such as `03/04/2014`. A number above 12 must be the day.

use std::ops::RangeInclusive;

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
    /// Both orders are possible, because no number is above 12: an ambiguous value, and the formats if the day or the
    /// month comes first.
    Ambiguous(String, [String; 2]),
}

/// Detects the order; `None` unless all values are such dates in the same format.
pub(super) fn order<'a>(values: impl Iterator<Item = &'a str>) -> Option<DayOrder> {
    let mut formats: Option<[String; 2]> = None;
    let mut example = None;
    let (mut day_first, mut month_first) = (None, None);
    for value in values {
        let (first, second, found) = written(value)?;
        if *formats.get_or_insert_with(|| found.clone()) != found {
            return None;
        }
        example.get_or_insert(value);
        match (first, second) {
            (1..=12, 1..=12) => {}
            (13..=31, 1..=12) => _ = day_first.get_or_insert(value),
            (1..=12, 13..=31) => _ = month_first.get_or_insert(value),
            _ => return None,
        }
    }
    let ([by_day, by_month], example) = (formats?, example?);
    let (format, example) = match (day_first, month_first) {
        (Some(_), Some(_)) => return None,
        (Some(example), None) => (by_day, example),
        (None, Some(example)) => (by_month, example),
        // Dates with points have the day first.
        (None, None) if by_day.starts_with("%d.") => (by_day, example),
        (None, None) => {
            return Some(DayOrder::Ambiguous(example.to_owned(), [by_day, by_month]));
        }
    };
    let example = example.to_owned();
    Some(DayOrder::Known { format, example })
}

/// The two numbers before the year, and the formats with the day first and with the month first.
fn written(value: &str) -> Option<(u32, u32, [String; 2])> {
    let value = value.trim();
    let (date, clock) = value.split_once(' ').unwrap_or((value, ""));
    let separator = date.chars().find(|character| !character.is_ascii_digit());
    let separator = separator.filter(|character| matches!(character, '/' | '.' | '-'))?;
    let parts: Vec<&str> = date.split(separator).collect();
    let &[first, second, year] = &parts[..] else {
        return None;
    };
    if !(is_number(first, 1..=2) && is_number(second, 1..=2)) {
        return None;
    }
    let year = match year.len() {
        _ if !is_number(year, 2..=4) => return None,
        2 => "%y",
        4 => "%Y",
        _ => return None,
    };
    let clock = clock_format(clock)?;
    let format = |one, two| format!("{one}{separator}{two}{separator}{year}{clock}");
    let formats = [format("%d", "%m"), format("%m", "%d")];
    Some((first.parse().ok()?, second.parse().ok()?, formats))
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
            Some(DayOrder::Ambiguous(value, [day_first, month_first])) => {
                format!("open: {value}, {day_first} or {month_first}")
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
