//! Which rows are removed: empty ones, copies, and training rows that would tell the answer to a
//! test row.
//!
//! An official test split stays complete, so that its figures can be compared with everybody
//! else's: copies inside it are counted and kept. Everywhere else the first row of a text stands
//! for all of them, and a text with two labels teaches nothing and goes.

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
    /// A training row whose text is in the official test split.
    InTest,
    /// An unlabelled row whose text some labelled row has.
    InLabelled,
    /// A row of the other side that shares most of its wording with an official test row.
    NearTest,
    /// A row in a language that is not wanted.
    OtherLanguage,
}

impl Reason {
    /// All of them with their names, in the order of reports, which is also that of the variants.
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

/// A removed row: why, and the position of the row that stands for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) reason: Reason,
    pub(crate) duplicate_of: Option<usize>,
}

/// What was found and decided.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// For each row, in order.
    pub(crate) removals: Vec<Option<Removal>>,
    pub(crate) duplicates: Duplicates,
    pub(crate) leaks: Leaks,
    pub(crate) near: NearDuplicates,
}

/// Decides about every row. Which rows are removed does not depend on rows after them, except for
/// leaks and conflicts, which only come to light with the later row.
pub(crate) fn audit(rows: &[Row]) -> Audit {
    let mut audit = Audit {
        removals: vec![None; rows.len()],
        ..Audit::default()
    };
    let mut remaining = Vec::new();
    for (position, row) in rows.iter().enumerate() {
        if row.text.words == 0 {
            audit.remove(position, Reason::Empty, None);
        } else if row.text.other_language.is_some() {
            audit.remove(position, Reason::OtherLanguage, None);
        } else {
            remaining.push(position);
        }
    }
    // Rows of one text beside each other, in order. Sorting takes less memory than a table would.
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
    /// Removes from the other side what is near an official test row, and counts what is near what.
    /// Of each cluster the first test row is named.
    pub(crate) fn add_near_duplicates(
        &mut self,
        rows: &[Row],
        clusters: &Clusters,
        links: &[Link],
    ) {
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
            if let Some(kept) = test.get(&clusters.root(position)) {
                self.remove(position, Reason::NearTest, Some(*kept));
                match rows[position].label {
                    Some(_) => self.near.train_rows_removed += 1,
                    None => self.near.unlabelled_rows_removed += 1,
                }
            }
        }
    }

    /// Whether each row is kept, as far as was decided.
    pub(crate) fn is_kept(&self) -> Vec<bool> {
        self.removals.iter().map(Option::is_none).collect()
    }

    fn remove(&mut self, position: usize, reason: Reason, duplicate_of: Option<usize>) {
        self.removals[position] = Some(Removal {
            reason,
            duplicate_of,
        });
    }

    /// Removes rows that one row stands for, and counts them.
    fn remove_all(
        &mut self,
        positions: &[usize],
        reason: Reason,
        duplicate_of: Option<usize>,
    ) -> u64 {
        for position in positions {
            self.remove(*position, reason, duplicate_of);
        }
        positions.len() as u64
    }

    /// Decides about all rows of one text, of which there are several.
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

/// Official test rows whose text, before normalisation, an official training row has.
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

    /// A row in a few letters: side (`T` official test, `t` official train, `-` none), label (`+`,
    /// `-`, `?`), text.
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
            text: TextInfo::of(text, text, &[]),
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
                    duplicate_of: Some(kept),
                }) => format!("{} {kept}", reason.as_str()),
                Some(Removal {
                    reason,
                    duplicate_of: None,
                }) => reason.as_str().to_owned(),
            })
            .collect();
        assert_eq!(found, expected, "{codes:?}");
    }

    #[test]
    fn the_first_copy_stays() {
        check(
            &["-+a", "-+b", "-+a", "-+a"],
            &["", "", "duplicate 0", "duplicate 0"],
        );
        check(&["t+a", "t+a"], &["", "duplicate 0"]);
        check(&["-+", "--", "-?"], &["empty", "empty", "empty"]);
    }

    #[test]
    fn two_labels_for_a_text_remove_it() {
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
    fn the_official_test_split_stays_complete() {
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
    fn unlabelled_copies_of_anything_go() {
        check(&["-?a", "-+a"], &["stands in labelled rows 1", ""]);
        check(
            &["-?a", "t+a", "T+a"],
            &["stands in labelled rows 2", "stands in test 2", ""],
        );
        check(&["-?a", "-?a", "-?b"], &["", "duplicate 0", ""]);
        check(&["T?a", "T?a"], &["", "duplicate 0"]);
    }

    #[test]
    fn everything_is_counted() {
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
