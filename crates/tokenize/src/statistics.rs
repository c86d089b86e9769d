//! `statistics.json`: lengths, truncation and unknown tokens of the encoded reviews.

use artifact::{Split, format};
use serde_json::{Map, Value, json};
use settings::TokenizerKind;
use text::{Encoded, TokenizerFile};

/// The reported quantiles of row lengths, with their names.
const QUANTILES: [(&str, f64); 6] = [
    ("q25", 0.25),
    ("median", 0.5),
    ("q75", 0.75),
    ("q90", 0.9),
    ("q95", 0.95),
    ("q99", 0.99),
];

/// Counts of a split.
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitCounts {
    /// Tokens of each row before truncation.
    lengths: Vec<u32>,
    /// Tokens after truncation.
    kept: u64,
    /// Unknown tokens after truncation.
    unknown: u64,
    /// Truncated rows.
    truncated: u64,
}

impl SplitCounts {
    /// Counts a row.
    pub(crate) fn add(&mut self, row: &Encoded, unknown_id: Option<u32>) {
        self.lengths.push(row.length);
        self.kept += row.ids.len() as u64;
        self.unknown += row.ids.iter().filter(|id| Some(**id) == unknown_id).count() as u64;
        self.truncated += u64::from(row.is_truncated());
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> u64 {
        self.lengths.len() as u64
    }

    /// The entry of a split. `tokens` and `length` are before truncation, `tokens_kept` is after it; `share_unknown` is
    /// the share of `tokens_kept`. `length` is null for a split without rows.
    fn to_json(&self) -> Value {
        let mut lengths = self.lengths.clone();
        lengths.sort_unstable();
        let tokens: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        let quantiles = QUANTILES.iter().filter(|_| !lengths.is_empty());
        let quantiles: Map<String, Value> = quantiles
            .map(|(name, share)| ((*name).to_owned(), quantile(&lengths, *share).into()))
            .collect();
        let length = lengths.first().map(|shortest| {
            json!({
                "mean": tokens as f64 / lengths.len() as f64,
                "shortest": shortest,
                "quantiles": quantiles,
                "longest": lengths.last(),
            })
        });
        json!({
            "rows": self.rows(),
            "tokens": tokens,
            "tokens_kept": self.kept,
            "rows_truncated": self.truncated,
            "share_truncated": share(self.truncated, self.rows()),
            "tokens_unknown": self.unknown,
            "share_unknown": share(self.unknown, self.kept),
            "length": length,
        })
    }
}

/// The smallest value that at least this share of the values does not exceed (nearest rank).
fn quantile(sorted: &[u32], share: f64) -> u32 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// The statistics of all splits.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// Share of the training tokens after truncation that are in the vocabulary.
    training_coverage: f64,
    rows: u64,
    truncated: u64,
    splits: Map<String, Value>,
}

impl Statistics {
    /// Adds the counts of a split.
    pub(crate) fn add(&mut self, split: Split, counts: &SplitCounts) {
        if split == Split::Train {
            self.training_coverage = 1.0 - share(counts.unknown, counts.kept);
        }
        self.rows += counts.rows();
        self.truncated += counts.truncated;
        self.splits.insert(split.to_string(), counts.to_json());
    }

    /// The content of the file.
    pub(crate) fn to_json(&self, kind: TokenizerKind, tokenizer: &TokenizerFile) -> Vec<u8> {
        let statistics = json!({
            "tokenizer": kind,
            "vocabulary_size": tokenizer.vocabulary_size(),
            "training_coverage": self.training_coverage,
            "splits": self.splits,
        });
        serde_json::to_vec_pretty(&statistics).expect("figures are plain data")
    }

    /// Coverage and truncation for the last line of the stage.
    pub(crate) fn summary(&self, max_length: u32) -> String {
        format!(
            "{} of the training tokens known, {} of the reviews truncated to {} tokens",
            format::percent(self.training_coverage),
            format::percent(share(self.truncated, self.rows)),
            format::count(max_length)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occur() {
        let cases = [
            (&[7][..], 0.5, 7),
            (&[1, 2, 3, 4], 0.5, 2),
            (&[1, 2, 3, 4], 0.75, 3),
            (&[1, 2, 3, 4], 0.99, 4),
        ];
        for (values, share, expected) in cases {
            assert_eq!(quantile(values, share), expected, "{share} of {values:?}");
        }
    }

    #[test]
    fn truncated_rows_and_unknown_tokens_are_counted() {
        let mut counts = SplitCounts::default();
        counts.add(
            &Encoded {
                ids: vec![1, 5],
                length: 6,
            },
            Some(1),
        );
        counts.add(
            &Encoded {
                ids: vec![2, 3],
                length: 2,
            },
            Some(1),
        );
        let entry = counts.to_json();
        let expected = [
            ("rows", json!(2)),
            ("tokens", json!(8)),
            ("tokens_kept", json!(4)),
            ("rows_truncated", json!(1)),
            ("tokens_unknown", json!(1)),
            ("share_truncated", json!(0.5)),
            ("share_unknown", json!(0.25)),
        ];
        for (name, value) in expected {
            assert_eq!(entry[name], value, "{name}");
        }
        assert_eq!(SplitCounts::default().to_json()["length"], Value::Null);
    }
}
