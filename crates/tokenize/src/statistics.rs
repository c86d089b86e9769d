//! `statistics.json`: what became of the reviews as tokens.

use artifact::{Split, format};
use indexmap::IndexMap;
use serde::Serialize;
use settings::TokenizerKind;
use text::{Encoded, TokenizerFile};

/// Quantiles of row lengths that are reported, with their names.
const QUANTILES: [(&str, f64); 6] = [
    ("q25", 0.25),
    ("median", 0.5),
    ("q75", 0.75),
    ("q90", 0.9),
    ("q95", 0.95),
    ("q99", 0.99),
];

/// What is counted while a split is encoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    lengths: Vec<u32>,
    kept: u64,
    unknown: u64,
    truncated: u64,
}

impl Figures {
    /// Counts one row.
    pub(crate) fn add(&mut self, row: &Encoded, unknown_id: Option<u32>) {
        self.lengths.push(row.length);
        self.kept += row.ids.len() as u64;
        self.unknown += row.ids.iter().filter(|id| Some(**id) == unknown_id).count() as u64;
        self.truncated += u64::from(row.is_truncated());
    }

    /// Rows counted.
    pub(crate) fn rows(&self) -> u64 {
        self.lengths.len() as u64
    }

    fn report(mut self) -> SplitReport {
        self.lengths.sort_unstable();
        let tokens: u64 = self.lengths.iter().map(|length| u64::from(*length)).sum();
        SplitReport {
            rows: self.rows(),
            tokens,
            tokens_kept: self.kept,
            rows_truncated: self.truncated,
            share_truncated: share(self.truncated, self.rows()),
            tokens_unknown: self.unknown,
            share_unknown: share(self.unknown, self.kept),
            length: Lengths::of(&self.lengths, tokens),
        }
    }
}

/// The file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Statistics {
    tokenizer: TokenizerKind,
    vocabulary_size: u32,
    /// Share of the training split's kept tokens that the vocabulary has.
    training_coverage: f64,
    splits: IndexMap<&'static str, SplitReport>,
}

#[derive(Clone, Debug, Serialize)]
struct SplitReport {
    rows: u64,
    /// Before truncation.
    tokens: u64,
    /// After truncation. The shares of unknown tokens are of these.
    tokens_kept: u64,
    rows_truncated: u64,
    share_truncated: f64,
    tokens_unknown: u64,
    share_unknown: f64,
    /// Of rows before truncation; none for a split without rows.
    length: Option<Lengths>,
}

#[derive(Clone, Debug, Serialize)]
struct Lengths {
    mean: f64,
    shortest: u32,
    quantiles: serde_json::Map<String, serde_json::Value>,
    longest: u32,
}

impl Lengths {
    fn of(sorted: &[u32], sum: u64) -> Option<Self> {
        let (shortest, longest) = (*sorted.first()?, *sorted.last()?);
        let quantiles = QUANTILES
            .iter()
            .map(|(name, share)| ((*name).to_owned(), quantile(sorted, *share).into()))
            .collect();
        Some(Self {
            mean: sum as f64 / sorted.len() as f64,
            shortest,
            quantiles,
            longest,
        })
    }
}

/// The smallest value that at least this share of the values does not exceed (nearest rank).
fn quantile(sorted: &[u32], share: f64) -> u32 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

impl Statistics {
    /// Nothing counted yet.
    pub(crate) fn new(kind: TokenizerKind, tokenizer: &TokenizerFile) -> Self {
        Self {
            tokenizer: kind,
            vocabulary_size: tokenizer.vocabulary_size(),
            training_coverage: 0.0,
            splits: IndexMap::new(),
        }
    }

    /// Adds what was counted of a split.
    pub(crate) fn add(&mut self, split: Split, figures: Figures) {
        let report = figures.report();
        if split == Split::Train {
            self.training_coverage = 1.0 - report.share_unknown;
        }
        self.splits.insert(split.as_str(), report);
    }

    /// The text of the file.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("figures are plain data")
    }

    /// Coverage and truncation in half a line.
    pub(crate) fn summary(&self, max_length: u32) -> String {
        let (mut truncated, mut rows) = (0, 0);
        for report in self.splits.values() {
            truncated += report.rows_truncated;
            rows += report.rows;
        }
        format!(
            "{} of the training tokens known, {} truncated to {} tokens",
            format::percent(self.training_coverage),
            format::percent(share(truncated, rows)),
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
    fn counts_what_was_left_out_and_what_was_unknown() {
        let mut figures = Figures::default();
        figures.add(
            &Encoded {
                ids: vec![1, 5],
                length: 6,
            },
            Some(1),
        );
        figures.add(
            &Encoded {
                ids: vec![2, 3],
                length: 2,
            },
            Some(1),
        );
        let report = figures.report();
        assert_eq!((report.rows, report.tokens, report.tokens_kept), (2, 8, 4));
        assert_eq!((report.rows_truncated, report.tokens_unknown), (1, 1));
        assert_eq!((report.share_truncated, report.share_unknown), (0.5, 0.25));
        assert_eq!(
            Figures::default()
                .report()
                .length
                .map(|length| length.longest),
            None
        );
    }
}
