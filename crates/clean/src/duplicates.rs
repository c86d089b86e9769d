//! Decides which rows are removed: empty rows, duplicates, and training rows that leak into the test split.
//!
//! An official test split is never changed, so that its results stay comparable with published ones;
//! duplicates within it are counted and kept. Elsewhere only the first row of a text is kept, and a text with
//! both labels is removed.
use std::collections::{HashMap, HashSet};

use artifact::Split;
use rayon::prelude::*;

use crate::near::{Clusters, Link};
use crate::profile::{Duplicates, Leaks, NearDuplicates};
use crate::row::{Row, TextKey};

/// Why a row is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    Empty,
    Duplicate,
    ConflictingLabels,
    /// A training row whose text is also in the official test split.
    InTest,
    /// An unlabelled row whose text a labelled row has.
    InLabelled,
    /// A row that is a near-duplicate of an official test row.
    NearTest,
    /// A row in another language than the settings allow.
    OtherLanguage,
}

impl Reason {
    /// All reasons with their names, in the order of the variants and of reports.
    pub(crate) const NAMED: [(Self, &'static str); 7] = [
        (Self::Empty, "empty"),
        (Self::Duplicate, "duplicate"),
        (Self::ConflictingLabels, "conflicting labels"),
        (Self::InTest, "stands in test"),
        (Self::InLabelled, "stands in labelled rows"),
        (Self::NearTest, "near a test row"),
        (Self::OtherLanguage, "other language"),
    ];

    /// The `reason` column of `removed.parquet`.
    pub(crate) fn as_str(self) -> &'static str {
        Self::NAMED[self as usize].1
    }
}

/// Why a row is removed, and the position of the kept row with the same or a similar text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) reason: Reason,
    pub(crate) original: Option<usize>,
}

/// The decisions about all rows, and their counts.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// One entry per row, in order.
    pub(crate) removals: Vec<Option<Removal>>,
    pub(crate) duplicates: Duplicates,
    pub(crate) leaks: Leaks,
    pub(crate) near: NearDuplicates,
}

/// Decides about every row. A decision depends only on earlier rows, except for leaks and conflicting labels,
/// which a later row may reveal.
pub(crate) fn audit(rows: &[Row]) -> Audit {
    let mut audit = Audit {
        removals: vec![None; rows.len()],
        ..Audit::default()
    };
    let mut remaining = Vec::new();
    for (position, row) in rows.iter().enumerate() {
        match (row.text.words, row.text.is_other_language) {
            (0, _) => audit.remove(position, Reason::Empty, None),
            (_, true) => audit.remove(position, Reason::OtherLanguage, None),
            (_, false) => remaining.push(position),
        }
    }
    // Groups rows with the same text. Sorting takes less memory than a hash table.
    let text = |position: &usize| rows[*position].text.normalised;
    remaining.par_sort_unstable_by_key(|position| (text(position), *position));
    for positions in remaining.chunk_by(|one, two| text(one) == text(two)) {
        if positions.len() > 1 {
            audit.add_copies(rows, positions);
        }
    }
    audit.leaks.test_rows_verbatim = verbatim_leaks(rows);
    audit
}

impl Audit {
    /// Removes near-duplicates of official test rows and counts near-duplicates. The removed rows refer to the
    /// first test row of their cluster.
    pub(crate) fn add_near(&mut self, rows: &[Row], clusters: &Clusters, links: &[Link]) {
        let mut test: HashMap<usize, usize> = HashMap::new();
        let mut sizes: HashMap<usize, u64> = HashMap::new();
        let in_cluster = |position: &usize| clusters.size(*position) > 1;
        for position in (0..rows.len()).filter(in_cluster) {
            let cluster = clusters.root(position);
            *sizes.entry(cluster).or_default() += 1;
            if rows[position].is_official_test() {
                test.entry(cluster).or_insert(position);
            }
        }
        self.near.clusters = sizes.len() as u64;
        self.near.rows = sizes.values().sum();
        self.near.largest_cluster = sizes.values().max().copied().unwrap_or(0);
        self.near.links = links.len() as u64;
        let is_other = |position: &usize| !rows[*position].is_official_test();
        for position in (0..rows.len()).filter(in_cluster).filter(is_other) {
            if let Some(original) = test.get(&clusters.root(position)) {
                self.remove(position, Reason::NearTest, Some(*original));
                match rows[position].label {
                    Some(_) => self.near.train_rows_removed += 1,
                    None => self.near.unlabelled_rows_removed += 1,
                }
            }
        }
    }

    /// For each row, whether it is kept so far.
    pub(crate) fn is_kept(&self) -> Vec<bool> {
        self.removals.iter().map(Option::is_none).collect()
    }

    fn remove(&mut self, position: usize, reason: Reason, original: Option<usize>) {
        self.removals[position] = Some(Removal { reason, original });
    }

    /// Removes rows and counts them.
    fn remove_all(&mut self, positions: &[usize], reason: Reason, original: Option<usize>) -> u64 {
        for position in positions {
            self.remove(*position, reason, original);
        }
        positions.len() as u64
    }

    /// Decides about several rows with the same text.
    fn add_copies(&mut self, rows: &[Row], positions: &[usize]) {
        let partition = |positions: &[usize], is: fn(&Row) -> bool| -> (Vec<usize>, Vec<usize>) {
            positions.iter().partition(|position| is(&rows[**position]))
        };
        let (labelled, unlabelled) = partition(positions, |row| row.label.is_some());
        let (test, other) = partition(&labelled, Row::is_official_test);
        let mut labels = labelled.iter().map(|position| rows[*position].label);
        let first = labels.next();
        let conflict = labels.any(|label| Some(label) != first);
        if conflict {
            self.duplicates.conflicting_texts += 1;
            self.duplicates.conflicting_rows += labelled.len() as u64;
        }
        self.duplicates.kept_in_test += test.len().saturating_sub(1) as u64;
        let representative = if let Some(&first) = test.first() {
            if !other.is_empty() {
                self.leaks.texts += 1;
                self.leaks.test_rows += test.len() as u64;
                let removed = self.remove_all(&other, Reason::InTest, Some(first));
                self.leaks.train_rows_removed += removed;
            }
            Some(first)
        } else if conflict {
            self.remove_all(&other, Reason::ConflictingLabels, None);
            None
        } else if let [first, copies @ ..] = &other[..] {
            self.duplicates.removed_labelled +=
                self.remove_all(copies, Reason::Duplicate, Some(*first));
            Some(*first)
        } else {
            None
        };
        if !labelled.is_empty() {
            self.duplicates.removed_unlabelled_in_labelled +=
                self.remove_all(&unlabelled, Reason::InLabelled, representative);
        } else if let [first, copies @ ..] = &unlabelled[..] {
            self.duplicates.removed_unlabelled +=
                self.remove_all(copies, Reason::Duplicate, Some(*first));
        }
    }
}

/// Number of official test rows whose text, before normalisation, is also in the official training split.
fn verbatim_leaks(rows: &[Row]) -> u64 {
    let texts_of = |split| {
        let is_in = move |row: &&Row| row.label.is_some() && row.official == Some(split);
        rows.iter().filter(is_in).map(|row| row.text.raw)
    };
    let train: HashSet<TextKey> = texts_of(Split::Train).collect();
    let is_in_train = |text: &TextKey| train.contains(text);
    texts_of(Split::Test).filter(is_in_train).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::TextInfo;
    use artifact::Sentiment;

    /// A row from a code: split (`T` official test, `t` official train, `-` none), label (`+`, `-`, `?`) and text.
    fn row(code: &str) -> Row {
        let mut letters = code.chars();
        let official = match letters.next() {
            Some('T') => Some(Split::Test),
            Some('t') => Some(Split::Train),
            _ => None,
        };
        let label = match letters.next() {
            Some('+') => Some(Sentiment::Positive),
            Some('-') => Some(Sentiment::Negative),
            _ => None,
        };
        let text = letters.as_str();
        Row {
            text: TextInfo::of(text, text, None),
            label,
            official,
        }
    }

    fn check(codes: &[&str], expected: &[&str]) {
        let rows: Vec<Row> = codes.iter().map(|code| row(code)).collect();
        let found: Vec<String> = audit(&rows)
            .removals
            .iter()
            .map(|removal| match removal {
                None => String::new(),
                Some(Removal {
                    reason,
                    original: Some(original),
                }) => format!("{} {original}", reason.as_str()),
                Some(Removal {
                    reason,
                    original: None,
                }) => reason.as_str().to_owned(),
            })
            .collect();
        assert_eq!(found, expected, "{codes:?}");
    }

    #[test]
    fn the_first_copy_is_kept() {
        check(
            &["-+a", "-+b", "-+a", "-+a"],
            &["", "", "duplicate 0", "duplicate 0"],
        );
        check(&["t+a", "t+a"], &["", "duplicate 0"]);
        check(&["-+", "--", "-?"], &["empty", "empty", "empty"]);
    }

    #[test]
    fn a_text_with_both_labels_is_removed() {
        check(
            &["-+a", "--a", "-+b"],
            &["conflicting labels", "conflicting labels", ""],
        );
        check(
            &["-+a", "--a", "-?a"],
            &[
                "conflicting labels",
                "conflicting labels",
                "stands in labelled rows",
            ],
        );
    }

    #[test]
    fn the_official_test_split_is_not_changed() {
        check(&["T+a", "T+a"], &["", ""]);
        check(&["T+a", "T-a"], &["", ""]);
        check(
            &["t+a", "T+a", "T+a", "t+a"],
            &["stands in test 1", "", "", "stands in test 1"],
        );
        check(&["t-a", "T+a"], &["stands in test 1", ""]);
        check(&["T+"], &["empty"]);
    }

    #[test]
    fn unlabelled_copies_are_removed() {
        check(&["-?a", "-+a"], &["stands in labelled rows 1", ""]);
        check(
            &["-?a", "t+a", "T+a"],
            &["stands in labelled rows 2", "stands in test 2", ""],
        );
        check(&["-?a", "-?a", "-?b"], &["", "duplicate 0", ""]);
        check(&["T?a", "T?a"], &["", "duplicate 0"]);
    }

    #[test]
    fn removals_are_counted() {
        let codes = [
            "T+a", "T+a", "t+a", "t+b", "t+b", "-?b", "-?c", "-?c", "t+d", "t-d", "T+",
        ];
        let rows: Vec<Row> = codes.iter().map(|code| row(code)).collect();
        let Audit {
            duplicates, leaks, ..
        } = audit(&rows);
        assert_eq!(
            duplicates,
            Duplicates {
                removed_labelled: 1,
                removed_unlabelled: 1,
                removed_unlabelled_in_labelled: 1,
                kept_in_test: 1,
                conflicting_texts: 1,
                conflicting_rows: 2,
            }
        );
        assert_eq!(
            leaks,
            Leaks {
                texts: 1,
                test_rows: 2,
                test_rows_verbatim: 2,
                train_rows_removed: 1
            }
        );
    }
}
