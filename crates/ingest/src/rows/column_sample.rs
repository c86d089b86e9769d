//! The values of a column in the sample of rows.

use std::collections::HashMap;

use artifact::format;
use settings::IngestSettings;

use super::values::{RatingValue, is_missing, parse_number, parse_rating, rating_of};
use crate::row::truncate;

/// Smallest share of values that decides about a column. The other values may be damaged; they are rejected later.
pub(super) const MOST: f64 = 0.9;

/// Lowest and highest rating of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RatingRange {
    pub(super) low: f64,
    pub(super) high: f64,
    /// The highest possible rating, if the values state it.
    pub(super) out_of: Option<f64>,
}

/// The values of a column in the sample, trimmed, without missing values.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnSample {
    /// Number of values.
    pub(super) len: usize,
    pub(super) mean_words: f64,
    counts: HashMap<String, usize>,
    /// Lowest and highest value, if most values are numbers.
    pub(super) range: Option<(f64, f64)>,
    /// The ratings, if most values are ratings on one scale.
    pub(super) ratings: Option<RatingRange>,
}

impl ColumnSample {
    /// Creates a sample from all values of a column.
    pub(super) fn new(
        values: impl Iterator<Item = impl AsRef<str>>,
        settings: &IngestSettings,
    ) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for value in values {
            let value = value.as_ref().trim();
            match counts.get_mut(value) {
                Some(count) => *count += 1,
                None => _ = counts.insert(value.to_owned(), 1),
            }
        }
        // Beside `+`, `-` means negative.
        let has_signs = counts.contains_key("+");
        counts.retain(|value, _| (has_signs && value == "-") || !is_missing(value, settings));
        let len: usize = counts.values().sum();
        let words = |(value, rows): (&String, &usize)| rows * value.split_whitespace().count();
        let words: usize = counts.iter().map(words).sum();
        let mut sample = Self {
            len,
            mean_words: words as f64 / len.max(1) as f64,
            counts,
            ..Self::default()
        };
        let plain = |value: &str| rating_of(&[parse_number(value)?]);
        sample.range = sample.range_of(plain).map(|it| (it.low, it.high));
        sample.ratings = sample.range_of(parse_rating);
        sample
    }

    /// The range of the parsed values, if most values can be parsed and all state the same scale.
    fn range_of(&self, parse: impl Fn(&str) -> Option<RatingValue>) -> Option<RatingRange> {
        let (mut range, mut rows) = (None::<RatingRange>, 0);
        for (value, count) in &self.counts {
            let Some(RatingValue { value, out_of }) = parse(value) else {
                continue;
            };
            rows += count;
            let known = range.get_or_insert(RatingRange {
                low: value,
                high: value,
                out_of,
            });
            known.out_of = known.out_of.or(out_of);
            if out_of.is_some() && out_of != known.out_of {
                return None;
            }
            (known.low, known.high) = (known.low.min(value), known.high.max(value));
        }
        range.filter(|_| rows as f64 > MOST * self.len as f64)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn distinct(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn is_numeric(&self) -> bool {
        self.range.is_some()
    }

    /// The different values with their number of rows.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        let counts = self.counts.iter();
        counts.map(|(value, rows)| (value.as_str(), *rows))
    }

    /// Whether a value is common in the column.
    pub(super) fn is_common(&self, value: &str) -> bool {
        let rows = self.counts.get(value).copied().unwrap_or_default();
        rows > 0 && rows * 20 >= self.len
    }

    /// The share of values that meet a condition; 0 if there are no values.
    pub(super) fn share(&self, condition: impl Fn(&str) -> bool) -> f64 {
        let rows = self.counts().filter(|(value, _)| condition(value));
        rows.map(|(_, rows)| rows).sum::<usize>() as f64 / self.len.max(1) as f64
    }

    /// The most common values with their number of rows, at most `limit` of them.
    pub(super) fn most_common(&self, limit: usize) -> Vec<(&str, usize)> {
        let mut counts: Vec<(&str, usize)> = self.counts().collect();
        counts.sort_by(|one, two| two.1.cmp(&one.1).then(one.0.cmp(two.0)));
        counts.truncate(limit);
        counts
    }

    /// The three most common values, for messages.
    pub(super) fn format_most_common(&self) -> String {
        let shown = self.most_common(3).into_iter();
        let shown = shown.map(|(value, _)| format!("`{}`", truncate(value, 40)));
        shown.collect::<Vec<_>>().join(", ")
    }

    /// The most common values with their number of rows, at most `limit` of them, for messages.
    pub(super) fn format_counts(&self, limit: usize) -> String {
        let shown = self.most_common(limit);
        let shown = shown.iter().map(|(value, rows)| {
            let rows = format::plural(*rows as u64, "row", "rows");
            format!("`{}` ({rows})", truncate(value, 40))
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        match self.distinct() > limit {
            true => shown + " and others",
            false => shown,
        }
    }
}
