//! Times as people write them into tables, to milliseconds since 1970 in UTC.
//!
//! The commonest forms are read by a page of arithmetic, which costs nothing per row; all others by
//! `chrono`, with the zones of the IANA database.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use settings::TimestampSettings;

use crate::error::IngestError;

/// Times with a date and no zone, as `strftime` writes them.
const LOCAL_TIMES: [&str; 5] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S",
];

/// Days in an order that can only be read in one way.
const DAYS: [&str; 6] = [
    "%Y/%m/%d",
    "%Y%m%d",
    "%B %d, %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
];

/// Times with their zone.
const ZONED_TIMES: [&str; 3] = [
    "%a %b %d %H:%M:%S %z %Y",
    "%Y-%m-%d %H:%M:%S%.f %z",
    "%Y-%m-%dT%H:%M:%S%.f%z",
];

/// How the settings want times to be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    format: Option<String>,
    zone: Option<Tz>,
    missing: Vec<String>,
}

impl Times {
    /// Checks the settings.
    pub(super) fn new(settings: &TimestampSettings) -> Result<Self, IngestError> {
        let unknown = |name: &String| IngestError::Setting {
            setting: "ingest.timestamp.zone",
            problem: format!("is `{name}`, which is no time zone"),
            hint: "Take a name of the IANA database, for example `Europe/Berlin`",
        };
        let zone = settings.zone.as_ref();
        let zone = zone
            .map(|name| name.parse().map_err(|_| unknown(name)))
            .transpose()?;
        Ok(Self {
            format: settings.format.clone(),
            zone,
            missing: settings.missing.clone(),
        })
    }

    /// Whether a value stands for no time.
    pub(super) fn is_missing(&self, text: &str) -> bool {
        self.missing.iter().any(|missing| missing == text)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z; `None` for what is no time. Times without a zone are
    /// taken to be in the zone of the settings, or UTC; days begin at midnight.
    pub(super) fn parse(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if let Some(format) = &self.format {
            return self.formatted(text, format);
        }
        if self.zone.is_none()
            && let Some(time) = parse(text)
        {
            return Some(time);
        }
        let zoned =
            DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text));
        if let Ok(time) = zoned {
            return Some(time.timestamp_millis());
        }
        let zoned = ZONED_TIMES
            .iter()
            .find_map(|format| DateTime::parse_from_str(text, format).ok());
        if let Some(time) = zoned {
            return Some(time.timestamp_millis());
        }
        let local = LOCAL_TIMES
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let day = || {
            let formats = DAYS.iter().chain(["%Y-%m-%d"].iter());
            formats
                .clone()
                .find_map(|format| NaiveDate::parse_from_str(text, format).ok())
        };
        match local.or_else(|| day().map(|day| day.and_time(NaiveTime::MIN))) {
            Some(time) => self.in_zone(time),
            None => seconds(text),
        }
    }

    fn formatted(&self, text: &str, format: &str) -> Option<i64> {
        if let Ok(time) = DateTime::parse_from_str(text, format) {
            return Some(time.timestamp_millis());
        }
        let local = NaiveDateTime::parse_from_str(text, format).ok();
        let day = || {
            Some(
                NaiveDate::parse_from_str(text, format)
                    .ok()?
                    .and_time(NaiveTime::MIN),
            )
        };
        self.in_zone(local.or_else(day)?)
    }

    /// A local time; of one that occurs twice, when clocks are set back, the earlier.
    fn in_zone(&self, time: NaiveDateTime) -> Option<i64> {
        match self.zone {
            None => Some(time.and_utc().timestamp_millis()),
            Some(zone) => Some(
                zone.from_local_datetime(&time)
                    .earliest()?
                    .timestamp_millis(),
            ),
        }
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z of `YYYY-MM-DD` (midnight UTC), an RFC 3339 time, or
/// seconds since 1970; `None` for anything else.
fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.len() {
        10 if text.as_bytes()[4] == b'-' => Some(days(text)? * MILLISECONDS_PER_DAY),
        20.. if text.as_bytes()[4] == b'-' => rfc_3339(text),
        _ => seconds(text),
    }
}

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Seconds since 1970, perhaps with a fraction, at most until the year 9999; whole numbers beyond
/// that are milliseconds.
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
    if seconds.abs() <= LATEST {
        return Some((seconds * 1000.0).floor() as i64);
    }
    text.parse()
        .ok()
        .filter(|milliseconds: &i64| milliseconds.unsigned_abs() as f64 <= LATEST * 1000.0)
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
            "9999999999999999",
            "20\u{e9}4-06-01",
            "+014-06-01",
            "2014-06-01T12:34:56\u{e9}Z",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn settings_decide_about_forms_zones_and_placeholders() {
        let check = |settings: &str, text: &str, expected: Option<i64>| {
            let settings: TimestampSettings = toml::from_str(settings).expect("settings of a test");
            let times = Times::new(&settings).expect("a known zone");
            assert_eq!(times.parse(text), expected, "{settings:?}: {text}");
        };
        let noon = Some(1_401_624_000_000);
        check("", "2014-06-01T12:00:00Z", noon);
        check("", "2014-06-01 12:00:00", noon);
        check("", "2014-06-01T12:00:00.000", noon);
        check("", "Sun, 1 Jun 2014 14:00:00 +0200", noon);
        check("", "Sun Jun 01 12:00:00 +0000 2014", noon);
        check("", "June 1, 2014", Some(1_401_580_800_000));
        check("", "1 June 2014", Some(1_401_580_800_000));
        check("", "2014/06/01", Some(1_401_580_800_000));
        check("", "1401624000000", noon);
        check("", "06/01/2014", None);
        check("format = '%m/%d/%Y'", "06/01/2014", Some(1_401_580_800_000));
        check("format = '%m/%d/%Y'", "2014-06-01", None);
        check("zone = 'Europe/Berlin'", "2014-06-01 14:00:00", noon);
        check("zone = 'Europe/Berlin'", "2014-06-01T12:00:00Z", noon);
        check(
            "zone = 'Europe/Berlin'",
            "2014-06-01",
            Some(1_401_573_600_000),
        );
        // Clocks were set back at three: two o'clock and a half came twice.
        check(
            "zone = 'Europe/Berlin'",
            "2014-10-26 02:30:00",
            Some(1_414_283_400_000),
        );
        // And forward at two: it did not come at all.
        check("zone = 'Europe/Berlin'", "2014-03-30 02:30:00", None);
        let unknown = TimestampSettings {
            zone: Some("Europe/Nowhere".to_owned()),
            ..TimestampSettings::default()
        };
        let error = Times::new(&unknown).expect_err("no such zone").to_string();
        assert_eq!(
            error,
            "`ingest.timestamp.zone` is `Europe/Nowhere`, which is no time zone"
        );
    }
}
