//! The reviews after ingest and clean, and the rows that were not used.

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use artifact::{Artifact, Contract, StageName, read_table, schema};
use indexmap::IndexMap;
use stage::Context;

use super::{Result, profile};
use crate::data::{Example, ReviewsData, SkippedRows};

/// Largest number of examples of a reason.
const EXAMPLES: usize = 3;

/// Largest length of an example in characters.
const EXCERPT: usize = 160;

/// Reads the artifacts of ingest and clean.
pub(super) fn collect(context: &Context) -> Result<ReviewsData> {
    let [ingest, clean] = [StageName::Ingest, StageName::Clean].map(|it| context.input(it));
    let mut reviews = ReviewsData {
        rejected: rejected(ingest)?,
        removed: removed(clean)?,
        ..ReviewsData::default()
    };
    if let Contract::Reviews { rows } = ingest.manifest().contract {
        reviews.accepted = rows;
    }
    profile::add(clean, &mut reviews)?;
    Ok(reviews)
}

fn rejected(ingest: &Artifact) -> Result<Vec<SkippedRows>> {
    let mut groups = Groups::default();
    for batch in read_table(&ingest.file("rejected.parquet")?, &schema::rejected())? {
        let batch = batch?;
        let text = |column: usize, row| batch.column(column).as_string::<i32>().value(row);
        let lines = batch.column(1).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let location = match lines.value(row) {
                0 => text(0, row).to_owned(),
                line => format!("{}, line {line}", text(0, row)),
            };
            groups.add(text(2, row), text(3, row), location, text(4, row));
        }
    }
    Ok(groups.finish())
}

fn removed(clean: &Artifact) -> Result<Vec<SkippedRows>> {
    let mut groups = Groups::default();
    for batch in read_table(&clean.file("removed.parquet")?, &schema::removed())? {
        let batch = batch?;
        let text = |column: usize, row| batch.column(column).as_string::<i32>().value(row);
        for row in 0..batch.num_rows() {
            let location = text(3, row).to_owned();
            groups.add("removed", text(1, row), location, text(4, row));
        }
    }
    Ok(groups.finish())
}

/// Skipped rows by kind and reason.
#[derive(Default)]
struct Groups(IndexMap<(String, String), SkippedRows>);

impl Groups {
    fn add(&mut self, kind: &str, reason: &str, location: String, excerpt: &str) {
        let (kind, reason) = (kind.to_owned(), reason.to_owned());
        let group = self.0.entry((kind.clone(), reason.clone())).or_default();
        (group.kind, group.reason) = (kind, reason);
        group.rows += 1;
        if group.examples.len() < EXAMPLES {
            let excerpt = truncated(excerpt);
            group.examples.push(Example { location, excerpt });
        }
    }

    /// The groups, the largest first.
    fn finish(self) -> Vec<SkippedRows> {
        let mut groups: Vec<SkippedRows> = self.0.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
        groups
    }
}

/// The beginning of a row, with an ellipsis if it is longer.
fn truncated(text: &str) -> String {
    if text.chars().count() <= EXCERPT {
        return text.to_owned();
    }
    text.chars().take(EXCERPT).chain([' ', '…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_with_a_few_examples() {
        let mut groups = Groups::default();
        groups.add("rejected", "no text", "a.csv, line 3".to_owned(), "");
        for line in 1..=5 {
            groups.add(
                "set_aside",
                "rating near 0",
                format!("a.csv, line {line}"),
                &"é".repeat(200),
            );
        }
        let found = groups.finish();
        let summary: Vec<_> = found
            .iter()
            .map(|group| (group.reason.as_str(), group.rows, group.examples.len()))
            .collect();
        assert_eq!(summary, [("rating near 0", 5, 3), ("no text", 1, 1)]);
        assert_eq!(found[0].examples[0].excerpt.chars().count(), EXCERPT + 2);
    }
}
