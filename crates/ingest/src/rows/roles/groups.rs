//! What reviews are about, and what must not stand on both sides of the split.

use super::column_names::NameMatch;
use crate::rows::column_sample::ColumnSample;

/// Fewer groups than this are too few to divide by without being asked: of one product nothing can
/// be held back, and of five a split may well get none.
pub(super) const MIN_GROUPS: usize = 20;

/// Whether there are enough different values to divide rows by.
pub(super) fn has_enough_groups(sample: &ColumnSample) -> bool {
    sample.distinct() >= MIN_GROUPS
}

/// Whether a column names what several rows are about each, with the reason.
pub(super) fn topic(sample: &ColumnSample, name: Option<NameMatch>) -> Option<String> {
    let shared =
        sample.distinct() * 5 <= sample.values.len() * 4 || sample.values.len() < MIN_GROUPS;
    (name.is_some() && !sample.is_empty() && shared).then(|| match sample.distinct() {
        1 => "1 different value".to_owned(),
        more => format!("{more} different values"),
    })
}

/// Whether a column is an id of what several rows are about each, and can divide them.
pub(super) fn group(sample: &ColumnSample, name: Option<NameMatch>) -> Option<String> {
    has_enough_groups(sample)
        .then(|| topic(sample, name))
        .flatten()
}
