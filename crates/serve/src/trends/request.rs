//! The options of a request for a trend: members of its JSON, or parameters of its address.

use std::fmt;

use quantification::Method;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use settings::{Columns, IngestSettings};
use trend::Options;
use trend::period::Period;

use crate::error::{ApiError, TREND_EXAMPLE};
use crate::json;
use crate::limits::Limits;

/// A review's text and what stands beside it, in bytes: more makes it no review.
const LONGEST_TEXT: usize = 1 << 20;

/// How many times its size a packed file may unpack to.
const UNPACKED: u64 = 16;

/// The options of a request for a trend.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(crate) struct TrendRequest {
    /// The reviews themselves, where they are no file of their own.
    pub(crate) reviews: Option<Lines>,
    /// Labelled reviews among them from which to learn how the model errs.
    pub(crate) adapt: Option<usize>,
    /// Topics that count; all where none are named.
    pub(crate) topics: Vec<String>,
    period: Option<Period>,
    method: Method,
    confidence: Option<f64>,
    horizon: Option<usize>,
    keep_all_times: bool,
    seed: u64,
    columns: Columns,
}

impl TrendRequest {
    /// The options in a body of JSON.
    pub(crate) fn of_json(body: &[u8]) -> Result<Self, ApiError> {
        let request: Self = json::parsed(body, TREND_EXAMPLE)?;
        match &request.reviews {
            None => Err(ApiError::unfit_trend("`reviews` is missing")),
            Some(Lines(lines)) if lines.is_empty() => {
                Err(ApiError::unfit_trend("`reviews` holds no review"))
            }
            Some(_) => request.checked(),
        }
    }

    /// The options in an address; `topic` may stand there several times, and `columns.text` is a member of `columns`.
    pub(crate) fn of_query(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut members = Map::new();
        let mut columns = Map::new();
        let mut topics = Vec::new();
        for (name, value) in pairs {
            let before = match (name.as_str(), name.strip_prefix("columns.")) {
                ("topic", _) => {
                    topics.push(Value::String(value));
                    None
                }
                // They are for JSON alone.
                ("reviews" | "columns" | "topics", _) => {
                    let problem = format!("`{name}` is no parameter of an address");
                    return Err(ApiError::unfit_trend(problem));
                }
                (_, Some(role)) => {
                    // A name that looks like a number stands in double quotes.
                    let is_column = |it: &Value| it.is_string() || it.is_number();
                    columns.insert(role.to_owned(), json_or_text(value, is_column))
                }
                (_, None) => {
                    let is_plain = |it: &Value| it.is_number() || it.is_boolean();
                    members.insert(name.clone(), json_or_text(value, is_plain))
                }
            };
            if before.is_some() {
                let problem = format!("`{name}` stands in the address twice");
                return Err(ApiError::unfit_trend(problem));
            }
        }
        members.insert("topics".to_owned(), Value::Array(topics));
        members.insert("columns".to_owned(), Value::Object(columns));
        let request: Self = serde_json::from_value(Value::Object(members))
            .map_err(|error| ApiError::unfit_trend(json::in_words(&error)))?;
        request.checked()
    }

    fn checked(self) -> Result<Self, ApiError> {
        let is_coverage = |share: f64| (0.5..=0.999).contains(&share);
        if !self.confidence.is_none_or(is_coverage) {
            return Err(ApiError::unfit_trend("`confidence` is from 0.5 to 0.999"));
        }
        if self.horizon.is_some_and(|periods| periods > 100) {
            let problem = "`horizon` is at most 100 periods";
            return Err(ApiError::unfit_trend(problem));
        }
        Ok(self)
    }

    /// How the trend is made.
    pub(crate) fn options(&self) -> Options {
        let usual = Options::default();
        Options {
            period: self.period,
            method: self.method,
            confidence: self.confidence.unwrap_or(usual.confidence),
            horizon: self.horizon.unwrap_or(usual.horizon),
            keep_all_times: self.keep_all_times,
            seed: self.seed,
        }
    }

    /// How the reviews are read.
    pub(crate) fn reading(&self, limits: &Limits) -> IngestSettings {
        IngestSettings {
            columns: self.columns.clone(),
            max_text_bytes: LONGEST_TEXT,
            max_decompressed_bytes: UNPACKED * limits.trend_body as u64,
            ..IngestSettings::default()
        }
    }
}

/// A value of an address: what it is as JSON, where that is allowed, and a text otherwise.
fn json_or_text(value: String, is_allowed: impl Fn(&Value) -> bool) -> Value {
    let found = serde_json::from_str(&value).ok().filter(is_allowed);
    found.unwrap_or(Value::String(value))
}

/// Objects of an array, each on a line of its own as a file has them: never all of them as values, which take
/// many times their room.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Vec<u8>);

impl fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not a word of them gets anywhere.
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects;
        impl<'de> Visitor<'de> for Objects {
            type Value = Lines;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of reviews, each an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Lines, A::Error> {
                let mut lines = Vec::new();
                while let Some(review) = all.next_element::<Map<String, Value>>()? {
                    serde_json::to_writer(&mut lines, &review).map_err(serde::de::Error::custom)?;
                    lines.push(b'\n');
                }
                Ok(Lines(lines))
            }
        }
        deserializer.deserialize_seq(Objects)
    }
}

#[cfg(test)]
mod tests {
    use settings::Column;

    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Result<TrendRequest, ApiError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TrendRequest::of_query(pairs.iter().map(owned).collect())
    }

    #[test]
    fn an_address_says_what_json_says() {
        let found = query(&[
            ("period", "month"),
            ("adapt", "300"),
            ("topic", "1984"),
            ("topic", "Heat & Dust"),
            ("columns.text", "3"),
            ("columns.timestamp", "posted"),
            ("columns.topic", "\"2024\""),
            ("columns.label", "true"),
            ("method", "acc"),
            ("keep_all_times", "true"),
        ])
        .expect("sound");
        assert_eq!(found.topics, ["1984", "Heat & Dust"]);
        assert_eq!((found.adapt, found.keep_all_times), (Some(300), true));
        assert_eq!(found.columns.text, Some(Column::Position(3)));
        let posted = Column::Name("posted".to_owned());
        assert_eq!(found.columns.timestamp, Some(posted));
        let year = Column::Name("2024".to_owned());
        assert_eq!(found.columns.topic, Some(year));
        assert_eq!(found.columns.label, Some(Column::Name("true".to_owned())));
        let options = found.options();
        assert_eq!(options.period, Some(Period::Month));
        assert_eq!(options.method, Method::AdjustedCount);
        assert_eq!(options.horizon, Options::default().horizon);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for pairs in [
            &[("perid", "month")][..],
            &[("period", "decade")],
            &[("period", "day"), ("period", "week")],
            &[("adapt", "-1")],
            &[("adapt", "many")],
            &[("columns.colour", "red")],
            &[("columns", "red")],
            &[("confidence", "1")],
            &[("horizon", "101")],
            &[("reviews", "x")],
        ] {
            query(pairs).expect_err(&format!("{pairs:?}"));
        }
    }

    #[test]
    fn reviews_become_lines() {
        let body = br#" {"period": "day", "reviews": [{"text": "a\nb", "time": 5}, {}]}"#;
        let found = TrendRequest::of_json(body).expect("sound");
        let lines = found.reviews.expect("reviews").0;
        assert_eq!(lines, b"{\"text\":\"a\\nb\",\"time\":5}\n{}\n");
        for wrong in [
            &b"{}"[..],
            b"{\"reviews\": [1]}",
            b"{\"reviews\": {}}",
            b"{\"reviews\": []}",
            b"[[{}]]",
            b"{\"reviews\": [], \"tone\": 1}",
            b"{\"reviews\": [{}",
            b"",
        ] {
            TrendRequest::of_json(wrong).expect_err("it makes no sense");
        }
    }
}
