//! Parses dates with the name of a month, in several languages: `March 1, 2021`, `1. März 2021`, `01-Jan-23`,
//! `May 2023`, `Q1 2023`, also at the end of a sentence: `Reviewed in the United States on March 1, 2021`.

use chrono::{NaiveDate, NaiveTime};

/// Names of the months in English, German, French, Spanish, Italian, Portuguese and Dutch, without points.
const MONTHS: [&str; 12] = [
    "january jan januar jänner janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar februari février févr febrero febbraio febr fevereiro fev",
    "march mar märz mär mrz mars marzo março maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
];

/// Words that may stand between the parts of a date.
const CONNECTORS: &str = "de del of at um uhr à the";

/// Words before a date at the end of a sentence.
const PREPOSITIONS: &str = "on am vom le el il em op den";

/// Parses a date with the name of a month, and the time of day if there is one. A month without a day is its first
/// day. `None` for any other text.
pub(super) fn parse(text: &str) -> Option<(NaiveDate, Option<NaiveTime>)> {
    let lower = text.to_lowercase();
    if let Some(date) = quarter(&lower) {
        return Some((date, None));
    }
    let parts = lower.split(|it: char| it.is_whitespace() || ",-/.".contains(it));
    let is_connector = |part: &str| CONNECTORS.split(' ').any(|word| word == part);
    let parts = parts.filter(|it| !it.is_empty() && !is_connector(it));
    let parts: Vec<&str> = parts.collect();
    let mut months = parts.iter().enumerate().rev();
    // The last name of a month: `mar` may also be a weekday.
    let (at, month) = months.find_map(|(at, part)| Some((at, month(part)?)))?;
    let (before, after) = (&parts[..at], &parts[at + 1..]);
    let next = after.first().copied().unwrap_or_default();
    let last = before.last().copied().unwrap_or_default();
    let (day, year, prefix, clock) = match (day(last), day(next)) {
        (Some(day), _) if year(next).is_some() => {
            (day, year(next)?, &before[..before.len() - 1], &after[1..])
        }
        (None, Some(day)) if long_year(last).is_some() => {
            (day, year(last)?, &before[..before.len() - 1], &after[1..])
        }
        (None, Some(day)) => (day, long_year(after.get(1)?)?, before, &after[2..]),
        (None, None) if after.len() == 1 => (1, long_year(next)?, before, &after[1..]),
        _ => return None,
    };
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    match (is_prefix(prefix), clock) {
        (false, _) => None,
        (true, []) => Some((date, None)),
        (true, clock) => Some((date, Some(time_of_day(&clock.join(" "))?))),
    }
}

/// The first day of a quarter: `Q1 2023`, `2023-Q1`, `2023Q1`.
fn quarter(text: &str) -> Option<NaiveDate> {
    let (before, after) = text.split_once('q')?;
    let (number, rest) = after.split_at_checked(1)?;
    let quarter: u32 = number.parse().ok().filter(|it| (1..=4).contains(it))?;
    let year = format!("{before}{rest}");
    let year = year.trim_matches(|it: char| it.is_whitespace() || "-/".contains(it));
    NaiveDate::from_ymd_opt(long_year(year)?, 3 * quarter - 2, 1)
}

/// Whether these words may stand before a date: a weekday or another single word, or the start of a sentence.
fn is_prefix(words: &[&str]) -> bool {
    let has_digit = |word: &&str| word.bytes().any(|it| it.is_ascii_digit());
    let ends_well = match words {
        [] | [_] => true,
        [.., last] => last.ends_with(':') || PREPOSITIONS.split(' ').any(|word| word == *last),
    };
    ends_well && !words.iter().any(has_digit)
}

/// The number of a month, from 1.
fn month(part: &str) -> Option<u32> {
    let is_name = |names: &&str| names.split(' ').any(|name| name == part);
    let index = MONTHS.iter().position(is_name)?;
    u32::try_from(index + 1).ok()
}

/// A day of the month: `1`, `01`, `1st`.
fn day(part: &str) -> Option<u32> {
    let digits = part.trim_end_matches(|it: char| !it.is_ascii_digit());
    let suffix = &part[digits.len()..];
    let is_suffix = matches!(suffix, "" | "st" | "nd" | "rd" | "th" | "er" | "º");
    let is_day = is_suffix && matches!(digits.len(), 1 | 2);
    let day = digits.parse().ok();
    day.filter(|day| is_day && (1..=31).contains(day))
}

/// A year of four digits.
fn long_year(part: &str) -> Option<i32> {
    let is_year = part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    part.parse().ok().filter(|year| is_year && *year >= 1000)
}

/// A year of four digits, or of two digits with the pivot of POSIX: 69 to 99 is 19xx, otherwise 20xx.
fn year(part: &str) -> Option<i32> {
    let is_short = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let short = part.parse().ok().filter(|_| is_short);
    let short = short.map(|year: i32| year + if year >= 69 { 1900 } else { 2000 });
    short.or_else(|| long_year(part))
}

fn time_of_day(clock: &str) -> Option<NaiveTime> {
    let formats = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p"];
    let parse = |format: &&str| NaiveTime::parse_from_str(clock, format).ok();
    formats.iter().find_map(parse)
}

/// Whether a text is a time relative to an unknown day: `3 days ago`, `yesterday`.
pub(super) fn is_relative(text: &str) -> bool {
    let lower = text.trim().to_lowercase();
    let mut days = "yesterday|today|just now|gestern|heute|hier|ayer|hoy".split('|');
    let starts = ["vor ", "il y a ", "hace ", "há "];
    let ends = [" ago", " fa", " geleden"];
    let is_relative = days.any(|day| day == lower)
        || starts.iter().any(|start| lower.starts_with(start))
        || ends.iter().any(|end| lower.ends_with(end));
    is_relative && lower.len() <= 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_with_the_name_of_a_month_are_parsed() {
        let check = |text: &str, expected: &str| {
            let found = parse(text).map(|(date, time)| match time {
                Some(time) => format!("{date} {time}"),
                None => date.to_string(),
            });
            assert_eq!(found.unwrap_or_default(), expected, "{text}");
        };
        check("March 1, 2021", "2021-03-01");
        check("1 March 2021", "2021-03-01");
        check("Mar 1st, 2021", "2021-03-01");
        check("01-Jan-23", "2023-01-01");
        check("01-Jan-2023", "2023-01-01");
        check("31-Dec-69", "1969-12-31");
        check("2023-Jan-05", "2023-01-05");
        check("May 2023", "2023-05-01");
        check("1. März 2021", "2021-03-01");
        check("1er août 2021", "2021-08-01");
        check("1 de marzo de 2021", "2021-03-01");
        check("Monday, March 1, 2021", "2021-03-01");
        check("Mar 1, 2021 10:15 PM", "2021-03-01 22:15:00");
        check("1 Mar 2021 at 10:15:30", "2021-03-01 10:15:30");
        check(
            "Reviewed in the United States on March 1, 2021",
            "2021-03-01",
        );
        check("Rezension aus Deutschland vom 1. März 2021", "2021-03-01");
        check("Commenté en France le 1 mars 2021", "2021-03-01");
        check("Posted: 2 June, 2023", "2023-06-02");
        check("Q2 2023", "2023-04-01");
        check("2023-Q4", "2023-10-01");
        for other in [
            "",
            "May",
            "Q5 2023",
            "January 5",
            "May-23",
            "32 March 2021",
            "31 June 2021",
            "March 1, 2021 in the rain",
            "I bought 3 of them on March 1, 2021",
            "The film came out in May 2023",
            "1 March 2021 UTC",
            "3 days ago",
        ] {
            check(other, "");
        }
    }

    #[test]
    fn relative_times_are_recognised() {
        for text in [
            "3 days ago",
            "a month ago",
            "vor 2 Tagen",
            "il y a 3 jours",
            "hace un mes",
            "yesterday",
        ] {
            assert!(is_relative(text), "{text}");
        }
        for text in [
            "2023-01-01",
            "ago",
            "long ago they made better films than the one I saw",
            "sofa",
        ] {
            assert!(!is_relative(text), "{text}");
        }
    }
}
