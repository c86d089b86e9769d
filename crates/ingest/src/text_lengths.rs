//! The distribution of text lengths, from which `max_length` of the tokenizers can be chosen.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts texts by their number of words. Words are separated by white space.
#[derive(Clone, Debug, Default)]
pub struct TextLengths {
    /// Number of texts per number of words.
    texts: BTreeMap<u64, u64>,
}

/// Summary of the text lengths, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LengthSummary {
    /// Half of the texts are not longer.
    pub median: u64,
    /// 95% of the texts are not longer.
    pub p95: u64,
    /// The longest text.
    pub max: u64,
}

impl TextLengths {
    /// Counts a text. A text without words is not counted.
    pub fn add(&mut self, text: &str) {
        let words = text.split_whitespace().count() as u64;
        if words > 0 {
            *self.texts.entry(words).or_default() += 1;
        }
    }

    /// The smallest length that at least this share (0 to 1) of the texts does not exceed; `None` without texts.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let all: u64 = self.texts.values().sum();
        let needed = (share * all as f64).ceil();
        let mut seen = 0;
        let mut lengths = self.texts.iter();
        let length = lengths.find(|(_, texts)| {
            seen += **texts;
            seen as f64 >= needed
        });
        length.map(|(words, _)| *words)
    }

    /// Median, 95% quantile and maximum; `None` without texts.
    pub fn summary(&self) -> Option<LengthSummary> {
        Some(LengthSummary {
            median: self.quantile(0.5)?,
            p95: self.quantile(0.95)?,
            max: self.quantile(1.0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_summarised() {
        let mut lengths = TextLengths::default();
        assert_eq!(lengths.summary(), None);
        for words in 1..=100 {
            lengths.add(&"good ".repeat(words));
        }
        lengths.add(" \n");
        let expected = LengthSummary {
            median: 50,
            p95: 95,
            max: 100,
        };
        assert_eq!(lengths.summary(), Some(expected));
    }
}
