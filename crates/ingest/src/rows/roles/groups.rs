//! What reviews are about, and what must not stand on both sides of the split.

use super::names::Match;
use crate::rows::evidence::Evidence;

/// Fewer groups than this are too few to divide by without being asked: of one product nothing can
/// be held back, and of five a split may well get none.
pub(super) const FEWEST: usize = 20;

/// Whether there are enough different values to divide rows by.
pub(super) fn are_enough(evidence: &Evidence) -> bool {
    evidence.distinct() >= FEWEST
}

/// Whether a column names what several rows are about each, with the reason.
pub(super) fn topic(evidence: &Evidence, name: Option<Match>) -> Option<String> {
    let shared =
        evidence.distinct() * 5 <= evidence.values.len() * 4 || evidence.values.len() < FEWEST;
    (name.is_some() && !evidence.is_empty() && shared).then(|| match evidence.distinct() {
        1 => "1 different value".to_owned(),
        more => format!("{more} different values"),
    })
}

/// Whether a column is an id of what several rows are about each, and can divide them.
pub(super) fn group(evidence: &Evidence, name: Option<Match>) -> Option<String> {
    are_enough(evidence)
        .then(|| topic(evidence, name))
        .flatten()
}
