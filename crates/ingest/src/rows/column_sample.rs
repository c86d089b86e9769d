//! The values of a column in the sample of rows.

use std::collections::HashMap;

use crate::row::truncate;

/// The non-empty values of a column in the sample, trimmed.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnSample {
    pub(super) values: Vec<String>,
    pub(super) mean_words: f64,
    counts: HashMap<String, usize>,
    /// Lowest and highest value, if all values are numbers.
    pub(super) range: Option<(f64, f64)>,
}

impl ColumnSample {
    /// Creates a sample from all values of a column.
    pub(super) fn new(values: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let values = values.map(|value| value.as_ref().trim().to_owned());
        let values: Vec<String> = values.filter(|value| !value.is_empty()).collect();
        let mut counts: HashMap<String, usize> = HashMap::new();
        for value in &values {
            *counts.entry(value.clone()).or_default() += 1;
        }
        let number = |value: &String| value.parse().ok().filter(|number: &f64| number.is_finite());
        let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
        let range = numbers.and_then(|numbers| {
            let lowest = numbers.iter().copied().reduce(f64::min)?;
            Some((lowest, numbers.iter().copied().reduce(f64::max)?))
        });
        let words = values.iter().map(|value| value.split_whitespace().count());
        Self {
            mean_words: words.sum::<usize>() as f64 / values.len().max(1) as f64,
            values,
            counts,
            range,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn distinct(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn is_numeric(&self) -> bool {
        self.range.is_some()
    }

    /// The share of values that meet a condition; 0 if there are no values.
    pub(super) fn share(&self, condition: impl Fn(&str) -> bool) -> f64 {
        let count = self.values.iter().filter(|value| condition(value)).count();
        count as f64 / self.values.len().max(1) as f64
    }

    /// The most common values, at most `limit` of them.
    pub(super) fn most_common(&self, limit: usize) -> Vec<&str> {
        let mut counts: Vec<(&String, &usize)> = self.counts.iter().collect();
        counts.sort_by(|one, two| two.1.cmp(one.1).then(one.0.cmp(two.0)));
        let values = counts.iter().take(limit);
        values.map(|(value, _)| value.as_str()).collect()
    }

    /// The three most common values, for messages.
    pub(super) fn format_most_common(&self) -> String {
        let shown = |value: &&str| format!("`{}`", truncate(value, 40));
        let shown: Vec<String> = self.most_common(3).iter().map(shown).collect();
        shown.join(", ")
    }
}
