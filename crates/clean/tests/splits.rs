//! Tests with random rows: groups and near-duplicates are in one split, and new rows do not move others.

#![allow(missing_docs)]

mod common;

use std::collections::{BTreeMap, HashMap};

use clean::{TextStore, near_duplicates};
use common::{CleanRow, Project};
use proptest::prelude::*;

/// The near-duplicate threshold of these tests. Texts of ten words reach it if only the last word differs, but
/// not if a word in the middle differs.
const THRESHOLD: f64 = 0.6;

/// A text of ten unique words. If `edit` is greater than 0, the last word differs.
fn text(number: usize, edit: usize) -> String {
    let words = (0..9).map(|word| format!("w{number}x{word}"));
    let last = if edit == 0 {
        "end".to_owned()
    } else {
        format!("edit{edit}")
    };
    words.chain([last]).collect::<Vec<_>>().join(" ")
}

#[derive(Clone, Debug)]
struct RandomRow {
    number: usize,
    edit: usize,
    group: Option<usize>,
}

fn rows() -> impl Strategy<Value = Vec<RandomRow>> {
    let row = (0..40_usize, 0..3_usize, prop::option::of(0..12_usize));
    let row = row.prop_map(|(number, edit, group)| RandomRow {
        number,
        edit,
        group,
    });
    prop::collection::vec(row, 30..80)
}

fn line(row: &RandomRow) -> String {
    let group = row
        .group
        .map_or(String::new(), |group| format!("film {group}"));
    // Copies of a text have the same label, or all would be removed.
    format!(
        "{},{},,{group},",
        text(row.number, row.edit),
        row.number % 2
    )
}

/// The kept rows; `None` if a split is empty, which is possible with so few rows.
fn clean(lines: &[String]) -> Option<Vec<CleanRow>> {
    let settings = format!(
        "split = {{ test = 0.3, validation = 0.3 }}\nnear_duplicates = {{ threshold = {THRESHOLD} }}"
    );
    match Project::new().clean(lines, &settings) {
        Ok(cleaned) => Some(cleaned.rows()),
        Err(error) => {
            assert!(error.contains("has no"), "{error}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_and_near_duplicates_are_in_one_split(drawn in rows()) {
        let lines: Vec<String> = drawn.iter().map(line).collect();
        let Some(rows) = clean(&lines) else { return Ok(()) };
        let mut sides: HashMap<&str, &str> = HashMap::new();
        for row in &rows {
            if let Some(group) = &row.group {
                let side = sides.entry(group).or_insert(&row.split);
                prop_assert_eq!(*side, &row.split, "{}", group);
            }
        }
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        let links = near_duplicates(&TextStore::of(&texts), THRESHOLD).expect("texts in memory");
        for link in links {
            prop_assert_eq!(&rows[link.one].split, &rows[link.two].split, "{:?}", link);
        }
    }

    #[test]
    fn new_rows_do_not_move_others(drawn in rows(), more in 1..40_usize) {
        let mut lines: Vec<String> = drawn.iter().map(line).collect();
        let before = clean(&lines);
        // Adds unique rows before, between and after the others.
        for number in 0..more {
            let new = RandomRow { number: 100 + number, edit: 0, group: (number % 3 == 0).then_some(100 + number) };
            lines.insert((number * 7) % (lines.len() + 1), line(&new));
        }
        let (Some(before), Some(after)) = (before, clean(&lines)) else { return Ok(()) };
        let after: BTreeMap<&str, &str> = after.iter().map(|row| (row.text.as_str(), row.split.as_str())).collect();
        for row in &before {
            prop_assert_eq!(after.get(row.text.as_str()), Some(&row.split.as_str()), "{}", row.text);
        }
    }
}
