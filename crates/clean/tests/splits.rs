//! What holds for the split of any rows: nothing stands on two sides, and no row moves because
//! others came.

#![allow(missing_docs)]

mod common;

use std::collections::{BTreeMap, HashMap};

use clean::{TextStore, near_duplicates};
use common::{Bench, CleanRow};
use proptest::prelude::*;

/// The near-duplicate threshold of these tests, below which texts of ten words fall with one word
/// changed in the middle and above which they stay with the last one changed.
const THRESHOLD: f64 = 0.6;

/// A text of ten words of its own, with the last word changed for `edit` above 0.
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
struct Drawn {
    number: usize,
    edit: usize,
    group: Option<usize>,
}

fn rows() -> impl Strategy<Value = Vec<Drawn>> {
    let row = (0..40_usize, 0..3_usize, prop::option::of(0..12_usize));
    let row = row.prop_map(|(number, edit, group)| Drawn {
        number,
        edit,
        group,
    });
    prop::collection::vec(row, 30..80)
}

fn line(row: &Drawn) -> String {
    let group = row
        .group
        .map_or(String::new(), |group| format!("film {group}"));
    // Copies of a text have one label, or they would all go.
    format!(
        "{},{},,{group},",
        text(row.number, row.edit),
        row.number % 2
    )
}

/// The kept rows, or nothing where a split came out empty, which so few rows can do.
fn clean(lines: &[String]) -> Option<Vec<CleanRow>> {
    let settings = format!(
        "split = {{ test = 0.3, validation = 0.3 }}\nnear_duplicates = {{ threshold = {THRESHOLD} }}"
    );
    match Bench::new().clean(lines, &settings) {
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
    fn nothing_stands_on_two_sides(drawn in rows()) {
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
    fn no_row_moves_because_others_came(drawn in rows(), more in 1..40_usize) {
        let mut lines: Vec<String> = drawn.iter().map(line).collect();
        let before = clean(&lines);
        // Rows like no other, before and between and after.
        for number in 0..more {
            let new = Drawn { number: 100 + number, edit: 0, group: (number % 3 == 0).then_some(100 + number) };
            lines.insert((number * 7) % (lines.len() + 1), line(&new));
        }
        let (Some(before), Some(after)) = (before, clean(&lines)) else { return Ok(()) };
        let after: BTreeMap<&str, &str> = after.iter().map(|row| (row.text.as_str(), row.split.as_str())).collect();
        for row in &before {
            prop_assert_eq!(after.get(row.text.as_str()), Some(&row.split.as_str()), "{}", row.text);
        }
    }
}
