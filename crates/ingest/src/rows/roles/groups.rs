//! Detects columns of topics and groups.

use super::column_names::NameMatch;
use crate::rows::column_sample::ColumnSample;

/// Minimum number of groups for a split by groups. With 25, a split of 10% gets none in 7% of the files.
const MIN_GROUPS: usize = 25;

/// With fewer values, a split by groups is not even suggested; in a table of fewer rows, each may have its own topic.
pub(super) const SMALL: usize = 20;

/// Whether a column has enough different values for a split by groups.
pub(super) fn has_enough(sample: &ColumnSample) -> bool {
    sample.distinct() >= MIN_GROUPS
}

/// Whether a column names topics that several reviews share, with the reason.
pub(super) fn topic(sample: &ColumnSample, name: Option<NameMatch>) -> Option<String> {
    let shared = sample.distinct() * 5 <= sample.len * 4 || sample.len < SMALL;
    (name.is_some() && !sample.is_empty() && shared).then(|| match sample.distinct() {
        1 => "1 distinct value".to_owned(),
        more => format!("{more} distinct values"),
    })
}

/// Whether a column contains ids that several reviews share and is fit for a split by groups.
pub(super) fn group(sample: &ColumnSample, name: Option<NameMatch>) -> Option<String> {
    has_enough(sample).then(|| topic(sample, name)).flatten()
}
