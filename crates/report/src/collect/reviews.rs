//! What ingest and clean found and left out.

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use artifact::{Artifact, Contract, Failure, read_table, schema};
use indexmap::IndexMap;

use super::profile;
use crate::data::{Example, LeftOut, ReviewsData};

/// Examples shown of each reason.
const EXAMPLES: usize = 3;

/// Characters of an example.
const EXCERPT: usize = 160;

/// The reviews by the artifacts of ingest and clean.
pub(super) fn collect(ingest: &Artifact, clean: &Artifact) -> Result<ReviewsData, Failure> {
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

fn rejected(ingest: &Artifact) -> Result<Vec<LeftOut>, Failure> {
    let mut groups = Groups::default();
    for batch in read_table(&ingest.file("rejected.parquet")?, &schema::rejected())? {
        let batch = batch?;
        let [sources, kinds, reasons, excerpts] =
            [0, 2, 3, 4].map(|column| batch.column(column).as_string::<i32>());
        let lines = batch.column(1).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let place = match lines.value(row) {
                0 => sources.value(row).to_owned(),
                line => format!("{}, line {line}", sources.value(row)),
            };
            groups.add(
                kinds.value(row),
                reasons.value(row),
                place,
                excerpts.value(row),
            );
        }
    }
    Ok(groups.finish())
}

fn removed(clean: &Artifact) -> Result<Vec<LeftOut>, Failure> {
    let mut groups = Groups::default();
    for batch in read_table(&clean.file("removed.parquet")?, &schema::removed())? {
        let batch = batch?;
        let [reasons, sources, excerpts] =
            [1, 3, 4].map(|column| batch.column(column).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let place = sources.value(row).to_owned();
            groups.add("removed", reasons.value(row), place, excerpts.value(row));
        }
    }
    Ok(groups.finish())
}

/// Rows left out, grouped by kind and reason as they come.
#[derive(Default)]
struct Groups(IndexMap<(String, String), LeftOut>);

impl Groups {
    fn add(&mut self, kind: &str, reason: &str, place: String, excerpt: &str) {
        let key = (kind.to_owned(), reason.to_owned());
        let group = self.0.entry(key).or_default();
        group.rows += 1;
        if group.examples.len() < EXAMPLES {
            let excerpt = shortened(excerpt);
            group.examples.push(Example { place, excerpt });
        }
    }

    /// The most frequent reason first.
    fn finish(self) -> Vec<LeftOut> {
        let groups = self.0.into_iter();
        let groups = groups.map(|((kind, reason), group)| LeftOut {
            kind,
            reason,
            ..group
        });
        let mut groups: Vec<LeftOut> = groups.collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
        groups
    }
}

/// The beginning of a row.
fn shortened(text: &str) -> String {
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
