//! Parses times in many formats to milliseconds since 1970 in UTC.
//!
//! Plain digits are interpreted by the year they give, and dates with the name of a month by `written_date`. All
//! other formats are parsed by `chrono`, with the time zones of the IANA database.

use std::ops::{Range, RangeInclusive};

use chrono::{
    DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike,
};
use chrono_tz::Tz;
use settings::TimestampSettings;

use super::written_date;
use tables::{InputError, Result};

/// Maximum length of a time in bytes, so that long texts are not parsed.
const MAX_BYTES: usize = 120;

/// Formats with date and time but without a time zone, as for `strftime`.
const LOCAL_FORMATS: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
];

/// Date formats with an unambiguous order. A month or an ISO week is its first day.
const DATE_FORMATS: [&str; 8] = [
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%G-W%V",
];

/// Formats with a time zone.
const ZONED_FORMATS: [&str; 3] = [
    "%a %b %d %H:%M:%S %z %Y",
    "%Y-%m-%d %H:%M:%S%.f %z",
    "%Y-%m-%dT%H:%M:%S%.f%z",
];

/// Abbreviations of time zones: those of RFC 2822, and of Europe and East Asia that have one meaning.
const ZONES: [(&str, &str); 11] = [
    ("+0000", "UTC GMT WET"),
    ("-0400", "EDT"),
    ("-0500", "EST CDT"),
    ("-0600", "CST MDT"),
    ("-0700", "MST PDT"),
    ("-0800", "PST"),
    ("+0100", "WEST CET"),
    ("+0200", "CEST EET"),
    ("+0300", "EEST MSK"),
    ("+0800", "HKT"),
    ("+0900", "JST KST"),
];

/// Parses times according to the settings.
#[derive(Clone, Debug, Default)]
pub(super) struct TimestampParser {
    format: Option<String>,
    zone: Option<Tz>,
    missing: Vec<String>,
}

impl TimestampParser {
    /// Checks the settings. `detected` is the format detected from the values, used if the settings name none.
    pub(super) fn new(settings: &TimestampSettings, detected: Option<&str>) -> Result<Self> {
        let zone = |name: &String| {
            let message =
                format!("`ingest.timestamp.zone` is `{name}`, which is not a known time zone");
            let hint = "Use a name of the IANA time zone database, for example `Europe/Berlin`";
            name.parse().map_err(|_| InputError::other(message, hint))
        };
        let zone = settings.zone.as_ref().map(zone).transpose()?;
        Ok(Self {
            format: settings.format.clone().or(detected.map(str::to_owned)),
            zone,
            missing: settings.missing.clone(),
        })
    }

    /// Whether a value means that the time is missing.
    pub(super) fn is_missing(&self, text: &str) -> bool {
        self.missing.iter().any(|missing| missing == text)
    }

    /// Returns milliseconds since 1970-01-01T00:00:00Z, or `None` if the text is not a time. Times without a time
    /// zone are in the zone of the settings, or UTC. A date without a time is midnight UTC in every zone,
    /// because shifting it could change the date.
    pub(super) fn parse(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if text.len() > MAX_BYTES || !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if let Some(format) = &self.format {
            let format = &[format.as_str()];
            return self.parse_as(text, format, format, format);
        }
        let rfc = || {
            let time = DateTime::parse_from_rfc3339(text);
            let time = time.or_else(|_| DateTime::parse_from_rfc2822(text)).ok()?;
            Some(time.timestamp_millis())
        };
        parse_digits(text)
            .or_else(rfc)
            .or_else(|| self.parse_as(text, &ZONED_FORMATS, &LOCAL_FORMATS, &DATE_FORMATS))
            .or_else(|| self.parse_with_names(text))
    }

    /// Parses a date with the name of a month or of a time zone.
    fn parse_with_names(&self, text: &str) -> Option<i64> {
        for word in text.split(' ') {
            let is_listed = |names: &str| names.split(' ').any(|name| name == word);
            if let Some((offset, _)) = ZONES.iter().find(|(_, names)| is_listed(names)) {
                return self.parse_as(&text.replacen(word, offset, 1), &ZONED_FORMATS, &[], &[]);
            }
        }
        match written_date::parse(text)? {
            (day, Some(time)) => self.to_millis(day.and_time(time)),
            (day, None) => Some(midnight_utc(day)),
        }
    }

    /// Parses a time in one of these formats: with a time zone, without one, or a date.
    fn parse_as(&self, text: &str, zoned: &[&str], local: &[&str], days: &[&str]) -> Option<i64> {
        let mut zoned = zoned.iter();
        if let Some(time) = zoned.find_map(|format| DateTime::parse_from_str(text, format).ok()) {
            let is_plausible = MIN_YEAR <= time.year();
            return is_plausible.then(|| time.timestamp_millis());
        }
        let mut local = local.iter();
        let time = local.find_map(|format| {
            let time = NaiveDateTime::parse_from_str(text, format).ok()?;
            Some(full_year(time.date(), format)?.and_time(time.time()))
        });
        if let Some(time) = time {
            return self.to_millis(time);
        }
        let day = days.iter().find_map(|format| parse_day(text, format));
        day.map(midnight_utc)
    }

    /// Converts a local time to UTC. If clock changes make it ambiguous, the earlier time is used; if they skip
    /// it, the next existing time.
    fn to_millis(&self, time: NaiveDateTime) -> Option<i64> {
        let Some(zone) = self.zone else {
            return Some(time.and_utc().timestamp_millis());
        };
        let occurs = |time: &NaiveDateTime| zone.from_local_datetime(time).earliest();
        let found = occurs(&time).or_else(|| {
            let minute = time.with_second(0)?.with_nanosecond(0)?;
            (1..=MAX_GAP_MINUTES).find_map(|it| occurs(&(minute + TimeDelta::minutes(it))))
        });
        found.map(|time| time.timestamp_millis())
    }
}

/// Maximum clock change in minutes: a day, for countries that crossed the date line.
const MAX_GAP_MINUTES: i64 = 24 * 60;

/// The first year that `%Y` can mean: with fewer than four digits it is not a year of our calendar.
const MIN_YEAR: i32 = 1000;

/// Parses a date. If the format has no day, no month or no day of an ISO week, it is the first one.
fn parse_day(text: &str, format: &str) -> Option<NaiveDate> {
    if format.contains("%d") {
        return full_year(NaiveDate::parse_from_str(text, format).ok()?, format);
    }
    let missing = [("", ""), (" 1", " %d"), (" 1 1", " %m %d"), (" 1", " %u")];
    let mut missing = missing.into_iter();
    missing.find_map(|(value, specifier)| {
        let (text, format) = (format!("{text}{value}"), format!("{format}{specifier}"));
        full_year(NaiveDate::parse_from_str(&text, &format).ok()?, &format)
    })
}

/// Checks the year of a date that was parsed with a format. Two digits have the pivot of POSIX: 69 is 1969.
fn full_year(date: NaiveDate, format: &str) -> Option<NaiveDate> {
    match date.year() {
        ..MIN_YEAR => None,
        2069 if format.contains("%y") => date.with_year(1969),
        _ => Some(date),
    }
}

/// Midnight UTC at the start of a day.
fn midnight_utc(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp_millis()
}

/// Years that plain digits may mean.
const YEARS: RangeInclusive<i32> = 1900..=2100;

/// Plausible times of reviews in seconds since 1970: 1990 to 2100.
const SECONDS: Range<i64> = 631_152_000..4_102_444_800;

/// Parses a time of plain digits: `YYYY` (January 1), `YYYYMMDD`, or seconds (also with a fraction),
/// milliseconds, microseconds or nanoseconds since 1970. The unit is the one that gives a plausible year.
/// Other numbers are not times.
fn parse_digits(text: &str) -> Option<i64> {
    let split = text.split_once('.');
    let (whole, fraction) = split.map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let all_digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    if let Some(fraction) = fraction {
        let milliseconds: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        let is_time = SECONDS.contains(&number);
        return is_time.then_some(number * 1000 + milliseconds);
    }
    match whole.len() {
        4 => date_millis(number, 1, 1),
        8 => date_millis(number / 10_000, number / 100 % 100, number % 100),
        _ => {
            let mut units = [1, 1000, 1_000_000, 1_000_000_000].into_iter();
            let per_second = units.find(|unit| SECONDS.contains(&(number / unit)))?;
            i64::try_from(i128::from(number) * 1000 / i128::from(per_second)).ok()
        }
    }
}

/// Milliseconds since 1970 of a date in a plausible year.
fn date_millis(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = i32::try_from(year).ok().filter(|it| YEARS.contains(it))?;
    let (month, day) = (u32::try_from(month).ok()?, u32::try_from(day).ok()?);
    NaiveDate::from_ymd_opt(year, month, day).map(midnight_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_parsed() {
        let parser = TimestampParser::default();
        let check =
            |text: &str, expected: Option<i64>| assert_eq!(parser.parse(text), expected, "{text}");
        check("1970-01-01", Some(0));
        check("2000-02-29", Some(951_782_400_000));
        check("1969-12-31", Some(-86_400_000));
        check("1800-01-01", Some(-5_364_662_400_000));
        check("9999-12-31", Some(253_402_214_400_000));
        // A year of two digits is not a year.
        check("24/12/23", None);
        check("23-01-05", None);
        check("0000-03-01", None);
        check("01-Jan-23", Some(1_672_531_200_000));
        check("2023-05", Some(1_682_899_200_000));
        check("05/2023", Some(1_682_899_200_000));
        check("May 2023", Some(1_682_899_200_000));
        check("2023-W01", Some(1_672_617_600_000));
        check("2023-13", None);
        check("Mon Apr 06 00:00:00 PDT 2009", Some(1_239_001_200_000));
        check("2014-06-01 12:34:56 UTC", Some(1_401_626_096_000));
        check("3 days ago", None);
        check("2014-06-01T12:34:56Z", Some(1_401_626_096_000));
        check("2014-06-01 12:34:56z", Some(1_401_626_096_000));
        check("2014-06-01T12:34:56.789Z", Some(1_401_626_096_789));
        check("2014-06-01T12:34:56.7891234+02:00", Some(1_401_618_896_789));
        check("2014-06-01T12:34:56.5-00:30", Some(1_401_627_896_500));
        check("2016-12-31T23:59:60Z", Some(1_483_228_800_000));
        check("1401626096", Some(1_401_626_096_000));
        check("1401626096.5", Some(1_401_626_096_500));
        check("1401626096789", Some(1_401_626_096_789));
        check("1401626096789012", Some(1_401_626_096_789));
        check("1401626096789012345", Some(1_401_626_096_789));
        check("20140601", Some(1_401_580_800_000));
        check("19000101", Some(-2_208_988_800_000));
        check("2019", Some(1_546_300_800_000));
        for wrong in [
            "",
            "yesterday",
            "2014-02-29",
            "2100-02-29",
            "2014-13-01",
            "2014-00-10",
            "2014-01-00",
            "01/06/2014",
            "2014-06-01T24:00:00Z",
            "2014-06-01T12:60:00Z",
            "2014-06-01T12:34:56.Z",
            "2014-06-01T12:34:56+2:00",
            "2014-06-01X12:34:56Z",
            "1e9",
            "inf",
            "5",
            "0.25",
            "-1",
            "2150",
            "1899",
            "201901",
            "20191301",
            "20190230",
            "123456789",
            "1401626096.",
            "1401626096789.5",
            "99999999999999999999",
            "9999999999999999",
            "20\u{e9}4-06-01",
            "2014-06-01T12:34:56\u{e9}Z",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn settings_define_formats_zones_and_missing_values() {
        let check = |settings: &str, text: &str, expected: Option<i64>| {
            let settings: TimestampSettings = toml::from_str(settings).expect("settings of a test");
            let parser = TimestampParser::new(&settings, None).expect("a known zone");
            assert_eq!(parser.parse(text), expected, "{settings:?}: {text}");
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
        // The pivot of POSIX.
        check("format = '%d/%m/%y'", "01/06/68", Some(3_105_734_400_000));
        check("format = '%d/%m/%y'", "01/06/69", Some(-18_489_600_000));
        check("format = '%d/%m/%Y'", "01/06/14", None);
        check("format = '%b-%y'", "Jun-14", Some(1_401_580_800_000));
        check("format = '%Y/%m'", "2014/06", Some(1_401_580_800_000));
        check("format = 'year %Y'", "year 2014", Some(1_388_534_400_000));
        check("zone = 'Europe/Berlin'", "2014-06-01 14:00:00", noon);
        check("zone = 'Europe/Berlin'", "2014-06-01T12:00:00Z", noon);
        // A date is the same day in every zone.
        check(
            "zone = 'Europe/Berlin'",
            "2014-06-01",
            Some(1_401_580_800_000),
        );
        check(
            "zone = 'Asia/Tokyo'\nformat = '%m/%d/%Y'",
            "06/01/2014",
            Some(1_401_580_800_000),
        );
        // Clocks were set back at three o'clock, so 2:30 occurred twice.
        check(
            "zone = 'Europe/Berlin'",
            "2014-10-26 02:30:00",
            Some(1_414_283_400_000),
        );
        // Clocks were set forward at two o'clock, so 2:30 did not occur.
        check(
            "zone = 'Europe/Berlin'",
            "2014-03-30 02:30:17",
            Some(1_396_141_200_000),
        );
        check(
            "zone = 'America/Sao_Paulo'",
            "2018-11-04 00:00:00",
            Some(1_541_300_400_000),
        );
        // Samoa skipped this day.
        check(
            "zone = 'Pacific/Apia'",
            "2011-12-30 00:00:00",
            Some(1_325_239_200_000),
        );
        let unknown = TimestampSettings {
            zone: Some("Europe/Nowhere".to_owned()),
            ..TimestampSettings::default()
        };
        let error = TimestampParser::new(&unknown, None)
            .expect_err("no such zone")
            .to_string();
        assert_eq!(
            error,
            "`ingest.timestamp.zone` is `Europe/Nowhere`, which is not a known time zone"
        );
    }
}
