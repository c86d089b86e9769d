//! Counts groups (such as films) that are in several splits. A model may then recognise the film instead of the
//! sentiment.

use std::collections::BTreeMap;

use artifact::Split;

use super::{Groups, SharedGroup};

/// Maximum number of shared groups in the profile.
const EXAMPLES: usize = 20;

/// Counts groups by split, from the group and split of every row with a group.
pub(crate) fn shared_groups<'a>(rows: impl Iterator<Item = (&'a str, Split)>) -> Groups {
    // Rows in train, validation and test.
    let mut counts: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for (group, split) in rows {
        if let Some(index) = Split::LABELLED.iter().position(|it| *it == split) {
            counts.entry(group).or_default()[index] += 1;
        }
    }
    let mut groups = Groups::default();
    for (group, [train, validation, test]) in counts {
        groups.train += u64::from(train > 0);
        groups.validation += u64::from(validation > 0);
        groups.test += u64::from(test > 0);
        groups.in_train_and_validation += u64::from(train > 0 && validation > 0);
        if train + validation > 0 && test > 0 {
            groups.in_train_and_test += 1;
            if groups.examples.len() < EXAMPLES {
                groups.examples.push(SharedGroup {
                    group: group.to_owned(),
                    train_rows: train + validation,
                    test_rows: test,
                });
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_by_split() {
        use Split::{Test, Train, Unlabelled, Validation};
        let rows = [
            ("a", Train),
            ("a", Train),
            ("a", Test),
            ("b", Validation),
            ("b", Train),
            ("c", Test),
            ("d", Unlabelled),
        ];
        let found = shared_groups(rows.into_iter());
        let shared = SharedGroup {
            group: "a".to_owned(),
            train_rows: 2,
            test_rows: 1,
        };
        let expected = Groups {
            train: 2,
            validation: 1,
            test: 2,
            in_train_and_test: 1,
            in_train_and_validation: 1,
            examples: vec![shared],
        };
        assert_eq!(found, expected);
    }
}
