//! Times as people write them into tables, to milliseconds since 1970 in UTC.
//!
//! Three forms need a page of arithmetic, which is less than a date crate and its time zones.

/// Milliseconds since 1970-01-01T00:00:00Z of `YYYY-MM-DD` (midnight UTC), an RFC 3339 time, or
/// seconds since 1970; `None` for anything else.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.len() {
        10 if text.as_bytes()[4] == b'-' => Some(days(text)? * MILLISECONDS_PER_DAY),
        20.. if text.as_bytes()[4] == b'-' => rfc_3339(text),
        _ => seconds(text),
    }
}

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Seconds since 1970, perhaps with a fraction; at most until the year 9999.
fn seconds(text: &str) -> Option<i64> {
    const LATEST: f64 = 253_402_300_799.999;
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let seconds: f64 = if plain {
        text.parse().ok()?
    } else {
        return None;
    };
    (seconds.abs() <= LATEST).then(|| (seconds * 1000.0).floor() as i64)
}

/// `YYYY-MM-DDThh:mm:ss[.fraction](Z|+hh:mm|-hh:mm)`.
fn rfc_3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = time.split_at_checked(8)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|character: char| !character.is_ascii_digit())?),
        None => ("0", rest),
    };
    let milliseconds = days(date)? * MILLISECONDS_PER_DAY
        + clock_milliseconds(clock)?
        + fraction_milliseconds(fraction)?;
    Some(milliseconds - offset_minutes(zone)? * 60_000)
}

/// Days since 1970 of `YYYY-MM-DD`.
fn days(date: &str) -> Option<i64> {
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=longest)
        .contains(&day)
        .then(|| days_from_civil(year, month, day))
}

/// Days since 1970 of a date in the Gregorian calendar, after Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms": the year is taken to begin in March, so that the
/// day that is sometimes missing is its last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn clock_milliseconds(clock: &str) -> Option<i64> {
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    // 60 is a leap second, which counts as the first of the next minute.
    (hour < 24 && minute < 60 && second <= 60)
        .then_some(((hour * 60 + minute) * 60 + second) * 1000)
}

fn fraction_milliseconds(digits: &str) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    format!("{digits:0<3}").get(..3)?.parse().ok()
}

fn offset_minutes(zone: &str) -> Option<i64> {
    let (sign, offset) = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", offset) => (1, offset),
        ("-", offset) => (-1, offset),
        _ => return None,
    };
    let [hours, minutes] = numbers(offset, ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Numbers of exactly these many digits.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| {
            part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
        })?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse(text), expected, "{text}");
        check("1970-01-01", Some(0));
        check("2000-02-29", Some(951_782_400_000));
        check("1969-12-31", Some(-86_400_000));
        check("1800-01-01", Some(-5_364_662_400_000));
        check("9999-12-31", Some(253_402_214_400_000));
        check("0000-03-01", Some(-62_162_035_200_000));
        check("2014-06-01T12:34:56Z", Some(1_401_626_096_000));
        check("2014-06-01 12:34:56z", Some(1_401_626_096_000));
        check("2014-06-01T12:34:56.789Z", Some(1_401_626_096_789));
        check("2014-06-01T12:34:56.7891234+02:00", Some(1_401_618_896_789));
        check("2014-06-01T12:34:56.5-00:30", Some(1_401_627_896_500));
        check("2016-12-31T23:59:60Z", Some(1_483_228_800_000));
        check("1401626096", Some(1_401_626_096_000));
        check("-1", Some(-1000));
        check("0.25", Some(250));
        check("-0.0005", Some(-1));
        for wrong in [
            "",
            "yesterday",
            "2014-6-1",
            "2014-02-29",
            "2100-02-29",
            "2014-13-01",
            "2014-00-10",
            "2014-01-00",
            "01/06/2014",
            "2014-06-01T12:34:56",
            "2014-06-01T24:00:00Z",
            "2014-06-01T12:60:00Z",
            "2014-06-01T12:34:56.Z",
            "2014-06-01T12:34:56+2:00",
            "2014-06-01X12:34:56Z",
            "1e9",
            "inf",
            "999999999999999",
            "20\u{e9}4-06-01",
            "+014-06-01",
            "2014-06-01T12:34:56\u{e9}Z",
        ] {
            check(wrong, None);
        }
    }
}
