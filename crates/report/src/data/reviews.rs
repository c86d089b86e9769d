//! The results of ingest and clean.

use artifact::Split;
use artifact::files::profile::{Bin as LengthBin, ClassWords};
use serde::Serialize;

use crate::format;

/// The results of ingest and clean.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReviewsData {
    /// Reviews that ingest accepted.
    pub accepted: u64,
    /// Rows that ingest rejected or skipped, by reason.
    pub rejected: Vec<SkippedRows>,
    /// Reviews that clean removed, by reason.
    pub removed: Vec<SkippedRows>,
    /// Reviews by split and class after cleaning.
    pub splits: Vec<SplitCount>,
    /// How the reviews were split.
    pub splitting: String,
    /// Checks for duplicates, leaks and the like.
    #[serde(rename = "audit")]
    pub checks: Vec<DataCheck>,
    /// Examples of near-duplicates.
    pub near_pairs: Vec<NearPair>,
    /// Lengths of the reviews after cleaning, in words.
    pub lengths: Vec<LengthBin>,
    /// The words that differ most between the classes of the training split.
    pub words: Vec<ClassWords>,
}

impl ReviewsData {
    /// The reviews of a split.
    pub(crate) fn split(&self, split: Split) -> Option<&SplitCount> {
        self.splits.iter().find(|count| count.split == split)
    }

    /// Reviews after cleaning.
    pub(crate) fn used(&self) -> u64 {
        self.splits.iter().map(SplitCount::rows).sum()
    }
}

/// Rows that are not used, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SkippedRows {
    /// `rejected`, `set_aside` (skipped because of a setting) or `removed`.
    pub kind: String,
    /// The reason.
    pub reason: String,
    /// Number of rows.
    pub rows: u64,
    /// The first few of them.
    pub examples: Vec<Example>,
}

/// The beginning of a row of the source. Untrusted text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Example {
    /// File or archive member, with the line number where there is one.
    #[serde(rename = "place")]
    pub location: String,
    /// The beginning of the row.
    pub excerpt: String,
}

/// Reviews of one split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SplitCount {
    /// The split.
    pub split: Split,
    /// Negative reviews.
    pub negative: u64,
    /// Positive reviews.
    pub positive: u64,
    /// Reviews without a label.
    pub unlabelled: u64,
}

impl SplitCount {
    /// All reviews of the split.
    pub fn rows(&self) -> u64 {
        self.negative + self.positive + self.unlabelled
    }
}

/// Two near-duplicates.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NearPair {
    /// Jaccard similarity of their shingles of five words.
    pub similarity: f64,
    /// Their beginnings.
    pub texts: [String; 2],
}

/// One check of the data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataCheck {
    /// The name of the findings, in the plural.
    pub what: String,
    /// Number of findings.
    pub count: u64,
    /// The result in one line without its full stop; empty where nothing was found.
    #[serde(rename = "remark")]
    pub result: String,
    /// Whether the finding can make the figures wrong.
    pub is_warning: bool,
}

impl DataCheck {
    /// A check with a result.
    pub(crate) fn new(what: &str, count: u64, result: String) -> Self {
        Self {
            what: what.to_owned(),
            count,
            result,
            is_warning: false,
        }
    }

    /// A check that has a result only if something was found.
    pub(crate) fn found(what: &str, count: u64, result: String) -> Self {
        let found = Some(result).filter(|_| count > 0);
        Self::new(what, count, found.unwrap_or_default())
    }

    /// Like [`Self::found`]; the result is the name, the number and a remark.
    pub(crate) fn counted(what: &str, count: u64, remark: &str) -> Self {
        let (name, number) = (what.to_lowercase(), format::count(count));
        Self::found(what, count, format!("{name}: {number}{remark}"))
    }

    /// Makes a finding a warning.
    pub(crate) fn warning(self) -> Self {
        let is_warning = self.count > 0;
        Self { is_warning, ..self }
    }
}
