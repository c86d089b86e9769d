//! Converts the fields of a record to a review, or to the reason for its rejection.

use std::borrow::Cow;
use std::collections::HashMap;

use artifact::{Sentiment, Split};
use settings::{IngestSettings, RatingRule};

use super::columns::{ColumnMap, Role};
use super::roles::Roles;
use super::timestamp::TimestampParser;
use super::values::{is_missing, parse_rating};
use crate::row::{Reason, Review, check_text};
use tables::{InputError, Record, Result};

/// Converts records according to the settings.
pub(super) struct RowParser<'a> {
    /// The roles of the columns.
    map: ColumnMap,
    labels: HashMap<String, Option<Sentiment>>,
    rating: Option<RatingRule>,
    /// The highest possible rating, if the ratings state it.
    out_of: Option<f64>,
    times: TimestampParser,
    settings: &'a IngestSettings,
    /// Whether a review with an invalid or neutral label or rating is accepted without a label.
    pub(super) ignores_label_errors: bool,
}

impl<'a> RowParser<'a> {
    /// Checks that no label value has two meanings. `detected` contains the rating scale and the date format
    /// for settings that do not define them.
    pub(super) fn new(settings: &'a IngestSettings, detected: &Roles) -> Result<Self> {
        let values = &settings.labels;
        let meanings = [
            (&values.positive, Some(Sentiment::Positive)),
            (&values.negative, Some(Sentiment::Negative)),
            (&values.unlabelled, None),
        ];
        let mut labels = HashMap::new();
        for (list, meaning) in meanings {
            for value in list {
                let before = labels.insert(value.trim().to_lowercase(), meaning);
                if before.is_some_and(|before| before != meaning) {
                    let message =
                        format!("`ingest.labels` lists the value `{value}` with two meanings");
                    let hint = "List each value once, in `positive`, `negative` or `unlabelled`";
                    return Err(InputError::other(message, hint));
                }
            }
        }
        Ok(Self {
            map: detected.map.clone(),
            labels,
            rating: settings.rating.or(detected.rating.map(|scale| scale.rule)),
            out_of: detected.out_of,
            times: TimestampParser::new(&settings.timestamp, detected.date_format.as_deref())?,
            settings,
            ignores_label_errors: false,
        })
    }

    /// Converts a record to a review.
    pub(super) fn review<'r>(&self, record: &'r Record) -> Result<Review<'r>, Reason>
    where
        'a: 'r,
    {
        let text = self.text(record)?;
        let rating = self.rating(record)?;
        let label = self.label(record);
        let (rating, label) = match self.ignores_label_errors {
            true => (rating.and_then(Result::ok), label.ok().flatten()),
            false => (rating.transpose()?, label?),
        };
        let topic = self.field(record, Role::Topic)?;
        Ok(Review {
            text,
            label,
            split: self.field(record, Role::Split)?.map(split).transpose()?,
            rating: rating.map(|rating| rating as f32),
            group: self.field(record, Role::Group)?.map(Cow::Borrowed),
            topic: topic.or(self.settings.topic.as_deref()).map(Cow::Borrowed),
            timestamp: self.timestamp(record)?,
        })
    }

    /// The text of a record; empty if it is missing.
    pub(super) fn text<'r>(&self, record: &'r Record) -> Result<&'r str, Reason> {
        let column = self.map.get(Role::Text).unwrap_or(usize::MAX);
        let text = check_text(record.field(column), self.settings.max_text_bytes)?;
        Ok(match is_missing(text, self.settings) {
            true => "",
            false => text,
        })
    }

    /// The label of a record, from its label column or its rating.
    pub(super) fn label(&self, record: &Record) -> Result<Option<Sentiment>, Reason> {
        let Some(column) = self.map.get(Role::Label) else {
            return self.label_of_rating(self.rating(record)?.transpose()?);
        };
        let value = utf8_field(record.field(column))?.trim();
        match self.labels.get(&value.to_lowercase()) {
            Some(label) => Ok(*label),
            // `-` may be a negative label, so the settings take precedence.
            None if is_missing(value, self.settings) => Ok(None),
            None => {
                let what = "the label is none of the values in `ingest.labels`";
                Err(Reason::rejected(what).of(Role::Label.as_str(), value))
            }
        }
    }

    /// The rating of a record, or why its value is not a rating; `None` if it is missing.
    fn rating(&self, record: &Record) -> Result<Option<Result<f64, Reason>>, Reason> {
        let is_on_scale = |most: f64| self.out_of.is_none_or(|known| known == most);
        let what = "the rating is not a number";
        let parse = |value: &str| match parse_rating(value) {
            Some(rating) if rating.out_of.is_none_or(is_on_scale) => Ok(rating.value),
            _ => Err(Reason::rejected(what).of(Role::Rating.as_str(), value)),
        };
        Ok(self.field(record, Role::Rating)?.map(parse))
    }

    /// The trimmed value of a column; `None` if there is no such column or the value is missing.
    pub(super) fn field<'r>(
        &self,
        record: &'r Record,
        role: Role,
    ) -> Result<Option<&'r str>, Reason> {
        let Some(column) = self.map.get(role) else {
            return Ok(None);
        };
        let value = utf8_field(record.field(column))?.trim();
        Ok(Some(value).filter(|value| !is_missing(value, self.settings)))
    }

    fn timestamp(&self, record: &Record) -> Result<Option<i64>, Reason> {
        let value = self.field(record, Role::Timestamp)?;
        let Some(value) = value.filter(|value| !self.times.is_missing(value)) else {
            return Ok(None);
        };
        let time = self.times.parse(value).map(Some);
        let what = "the timestamp is in no form that is known, see `[ingest.timestamp]`";
        time.ok_or_else(|| Reason::rejected(what).of(Role::Timestamp.as_str(), value))
    }

    fn label_of_rating(&self, rating: Option<f64>) -> Result<Option<Sentiment>, Reason> {
        let (Some(rule), Some(rating)) = (self.rating, rating) else {
            return Ok(None);
        };
        match rating - rule.centre {
            distance if distance.abs() <= rule.dead_zone => Err(Reason {
                skipped: true,
                ..Reason::rejected("the rating is within the dead zone of `ingest.rating`")
            }),
            distance if distance > 0.0 => Ok(Some(Sentiment::Positive)),
            _ => Ok(Some(Sentiment::Negative)),
        }
    }
}

fn utf8_field(bytes: &[u8]) -> Result<&str, Reason> {
    let what = "a column beside the text has bytes that are invalid in its encoding";
    std::str::from_utf8(bytes).map_err(|_| Reason::rejected(what))
}

fn split(value: &str) -> Result<Split, Reason> {
    let mut all = [Split::Train, Split::Test].into_iter();
    let found = all.find(|split| split.as_str().eq_ignore_ascii_case(value));
    let what = "the split is neither `train` nor `test`";
    found.ok_or_else(|| Reason::rejected(what).of(Role::Split.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: &str, map: &ColumnMap, line: &[u8], expected: &str) {
        let settings: IngestSettings = toml::from_str(settings).expect("settings of a test");
        let mut record = Record::default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        record.set(line.split(|byte| *byte == b','), 1, 1);
        let roles = Roles {
            map: map.clone(),
            ..Roles::default()
        };
        let parser = RowParser::new(&settings, &roles).expect("rules of a test");
        let detected = match parser.review(&record) {
            Ok(review) => format!(
                "{:?} {:?} {:?}",
                review.text,
                review.label.map(Sentiment::as_str),
                review.rating
            ),
            Err(reason) => format!("{}: {reason}", reason.kind()),
        };
        assert_eq!(detected, expected);
    }

    #[test]
    fn labels() {
        let map = {
            let mut map = ColumnMap::default();
            map.set(Role::Text, 0);
            map.set(Role::Label, 1);
            map
        };
        check(
            "",
            &map,
            b"good,positive",
            "\"good\" Some(\"positive\") None",
        );
        check("", &map, b"bad, NEG ", "\"bad\" Some(\"negative\") None");
        check("", &map, b"so,", "\"so\" None None");
        check(
            "",
            &map,
            b"so,maybe",
            "rejected: the label is none of the values in `ingest.labels`: `maybe`",
        );
        check(
            "labels = { positive = ['fresh'], negative = ['rotten'] }",
            &map,
            b"x,Fresh",
            "\"x\" Some(\"positive\") None",
        );
        check(
            "",
            &map,
            b"caf\xe9,pos",
            "rejected: the text has bytes that are invalid in its encoding: at character 4",
        );
        check(
            "",
            &map,
            b"cafe,p\xe9s",
            "rejected: a column beside the text has bytes that are invalid in its encoding",
        );
    }

    #[test]
    fn ratings() {
        let map = {
            let mut map = ColumnMap::default();
            map.set(Role::Text, 0);
            map.set(Role::Rating, 1);
            map
        };
        let rule = "rating = { centre = 0, dead_zone = 0.5 }";
        check(rule, &map, b"x,0.75", "\"x\" Some(\"positive\") Some(0.75)");
        check(rule, &map, b"x,-3", "\"x\" Some(\"negative\") Some(-3.0)");
        check(
            rule,
            &map,
            b"x,0.5",
            "set_aside: the rating is within the dead zone of `ingest.rating`",
        );
        check(
            rule,
            &map,
            b"x,-0.5",
            "set_aside: the rating is within the dead zone of `ingest.rating`",
        );
        check(
            "rating = { centre = 3 }",
            &map,
            b"x,3",
            "set_aside: the rating is within the dead zone of `ingest.rating`",
        );
        check(
            "rating = { centre = 3 }",
            &map,
            b"x,3.1",
            "\"x\" Some(\"positive\") Some(3.1)",
        );
        check(
            rule,
            &map,
            b"x,good",
            "rejected: the rating is not a number: `good`",
        );
        check(rule, &map, b"x,NaN", "\"x\" None None");
        check(
            rule,
            &map,
            b"NA,2 of 5",
            "\"\" Some(\"positive\") Some(2.0)",
        );
        check(
            rule,
            &map,
            b"x,1e300",
            "rejected: the rating is not a number: `1e300`",
        );
        check(rule, &map, b"x,", "\"x\" None None");
        check("", &map, b"x,4", "\"x\" None Some(4.0)");
    }

    #[test]
    fn splits() {
        let check = |value: &str, expected: Option<Split>| {
            assert_eq!(split(value).ok(), expected, "{value}")
        };
        check("train", Some(Split::Train));
        check("TEST", Some(Split::Test));
        check("validation", None);
    }

    #[test]
    fn a_value_with_two_meanings_is_an_error() {
        let settings: IngestSettings =
            toml::from_str("labels = { positive = ['Yes'], negative = ['yes'] }")
                .expect("settings of a test");
        let error = RowParser::new(&settings, &Roles::default())
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("`ingest.labels` lists the value `yes` with two meanings")
        );
    }
}
