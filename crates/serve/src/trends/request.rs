//! The options of a request for a trend: members of its JSON, or parameters of its query string.

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

/// Maximum size of a review with its other fields, in bytes.
const MAX_REVIEW_BYTES: usize = 1 << 20;

/// Maximum ratio of the decompressed size to the maximum size of a body.
const MAX_COMPRESSION_RATIO: u64 = 16;

/// The options of a request for a trend.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
pub(crate) struct TrendRequest {
    /// The reviews of a JSON request; `None` if the body is a file.
    pub(crate) reviews: Option<JsonLines>,
    /// Number of labelled reviews from which to estimate the error rates of the model.
    pub(crate) calibrate_on: Option<usize>,
    /// Topics to select; all if it is empty.
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
    /// Parses the options and reviews of a JSON body.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        let request: Self = json::parse(body, TREND_EXAMPLE)?;
        match &request.reviews {
            None => Err(ApiError::invalid_trend("`reviews` is missing")),
            Some(JsonLines(lines)) if lines.is_empty() => {
                Err(ApiError::invalid_trend("`reviews` is empty"))
            }
            Some(_) => request.check(),
        }
    }

    /// Parses the options of a query string; `topic` may be repeated, and `columns.text` is a member of `columns`.
    pub(crate) fn from_query(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut members = Map::new();
        let mut columns = Map::new();
        let mut topics = Vec::new();
        for (name, value) in pairs {
            let previous = match (name.as_str(), name.strip_prefix("columns.")) {
                ("topic", _) => {
                    topics.push(Value::String(value));
                    None
                }
                ("reviews" | "columns" | "topics", _) => {
                    let error = format!("`{name}` is for JSON requests, not for the query string");
                    return Err(ApiError::invalid_trend(error));
                }
                (_, Some(role)) => {
                    // A column name that looks like a number must be in double quotes.
                    let is_column = |it: &Value| it.is_string() || it.is_number();
                    columns.insert(role.to_owned(), json_or_text(value, is_column))
                }
                (_, None) => {
                    let is_plain = |it: &Value| it.is_number() || it.is_boolean();
                    members.insert(name.clone(), json_or_text(value, is_plain))
                }
            };
            if previous.is_some() {
                let problem = format!("`{name}` is in the query string twice");
                return Err(ApiError::invalid_trend(problem));
            }
        }
        members.insert("topics".to_owned(), Value::Array(topics));
        members.insert("columns".to_owned(), Value::Object(columns));
        let request: Self = serde_json::from_value(Value::Object(members))
            .map_err(|error| ApiError::invalid_trend(json::describe(&error)))?;
        request.check()
    }

    fn check(self) -> Result<Self, ApiError> {
        let is_valid = |confidence: f64| (0.5..=0.999).contains(&confidence);
        if !self.confidence.is_none_or(is_valid) {
            let problem = "`confidence` must be from 0.5 to 0.999";
            return Err(ApiError::invalid_trend(problem));
        }
        if self.horizon.is_some_and(|periods| periods > 100) {
            let problem = "`horizon` must be at most 100 periods";
            return Err(ApiError::invalid_trend(problem));
        }
        Ok(self)
    }

    /// The options of the computation.
    pub(crate) fn options(&self) -> Options {
        let defaults = Options::default();
        Options {
            period: self.period,
            method: self.method,
            confidence: self.confidence.unwrap_or(defaults.confidence),
            horizon: self.horizon.unwrap_or(defaults.horizon),
            keep_all_times: self.keep_all_times,
            seed: self.seed,
        }
    }

    /// The settings for reading the reviews.
    pub(crate) fn ingest_settings(&self, limits: &Limits) -> IngestSettings {
        IngestSettings {
            columns: self.columns.clone(),
            max_text_bytes: MAX_REVIEW_BYTES,
            max_decompressed_bytes: MAX_COMPRESSION_RATIO * limits.trend_body as u64,
            ..IngestSettings::default()
        }
    }
}

/// Parses a parameter as JSON if the result is an allowed value; otherwise the value is a string.
fn json_or_text(value: String, is_allowed: impl Fn(&Value) -> bool) -> Value {
    let parsed = serde_json::from_str(&value).ok().filter(is_allowed);
    parsed.unwrap_or(Value::String(value))
}

/// The objects of an array as JSON lines. Only one object at a time is parsed, because parsed values need many times
/// the memory.
#[derive(Default)]
pub(crate) struct JsonLines(pub(crate) Vec<u8>);

impl fmt::Debug for JsonLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Texts of users must not be logged.
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl<'de> Deserialize<'de> for JsonLines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects;
        impl<'de> Visitor<'de> for Objects {
            type Value = JsonLines;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of reviews, each an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<JsonLines, A::Error> {
                let mut lines = Vec::new();
                while let Some(review) = array.next_element::<Map<String, Value>>()? {
                    serde_json::to_writer(&mut lines, &review).map_err(serde::de::Error::custom)?;
                    lines.push(b'\n');
                }
                Ok(JsonLines(lines))
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
        TrendRequest::from_query(pairs.iter().map(owned).collect())
    }

    #[test]
    fn a_query_string_has_the_options_of_json() {
        let found = query(&[
            ("period", "month"),
            ("calibrate_on", "300"),
            ("topic", "1984"),
            ("topic", "Heat & Dust"),
            ("columns.text", "3"),
            ("columns.timestamp", "posted"),
            ("columns.topic", "\"2024\""),
            ("columns.label", "true"),
            ("method", "acc"),
            ("keep_all_times", "true"),
        ])
        .expect("valid");
        assert_eq!(found.topics, ["1984", "Heat & Dust"]);
        assert_eq!(
            (found.calibrate_on, found.keep_all_times),
            (Some(300), true)
        );
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
    fn invalid_query_strings_are_rejected() {
        for pairs in [
            &[("perid", "month")][..],
            &[("period", "decade")],
            &[("period", "day"), ("period", "week")],
            &[("calibrate_on", "-1")],
            &[("calibrate_on", "many")],
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
    fn reviews_are_converted_to_json_lines() {
        let body = br#" {"period": "day", "reviews": [{"text": "a\nb", "time": 5}, {}]}"#;
        let found = TrendRequest::from_json(body).expect("valid");
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
            TrendRequest::from_json(wrong).expect_err("it is invalid");
        }
    }
}
