//! The rows of ingest: texts normalised on all threads, and what is known of every row.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};
use artifact::{ArtifactError, Failure, Sentiment, Split, read_columns, schema};
use rayon::prelude::*;
use settings::CleanSettings;
use stage::ProgressTask;
use text::normalize::normalize;
use whatlang::Lang;

use crate::row::{GroupColumn, Row, TextFacts};
use crate::texts::{IN_MEMORY, TextStore, TextStoreWriter, failed};

/// Where the row id, text, label, split and group stand in the table.
const READ: [usize; 5] = [0, 1, 2, 3, 5];

/// Where the rating stands.
const RATING: [usize; 1] = [4];

/// What is known of all rows, by position.
#[derive(Default)]
pub(crate) struct Reviews {
    pub(crate) rows: Vec<Row>,
    pub(crate) row_ids: Vec<u64>,
    pub(crate) groups: GroupColumn,
    /// Normalised.
    pub(crate) texts: TextStore,
}

/// Reads and normalises a table of reviews, batch by batch. Texts that do not fit into memory go into
/// a file in `folder`.
///
/// # Errors
/// The table is damaged, or the folder refuses the file.
pub(crate) fn read(
    table: &Path,
    folder: &Path,
    settings: &CleanSettings,
    wanted: &[Lang],
    task: &ProgressTask,
) -> Result<Reviews, Failure> {
    let steps = settings.normalization();
    let mut reviews = Reviews::default();
    let mut texts = TextStoreWriter::new(folder, IN_MEMORY);
    for batch in read_columns(table, &schema::reviews(), &READ)? {
        let batch = batch?;
        let raw = batch.column(1).as_string::<i32>();
        let normalised = |row| {
            let text = normalize(raw.value(row), &steps);
            let facts = TextFacts::of(raw.value(row), &text, wanted);
            (text, facts)
        };
        let normalised = (0..raw.len()).into_par_iter().map(normalised);
        let normalised: Vec<(String, TextFacts)> = normalised.collect();
        let row_ids = batch.column(0).as_primitive::<UInt64Type>();
        let labels = batch.column(2).as_primitive::<UInt8Type>();
        let splits = batch.column(3).as_string::<i32>();
        let groups = batch.column(4).as_string::<i32>();
        reviews.row_ids.extend(row_ids.values());
        groups.iter().for_each(|group| reviews.groups.push(group));
        let known = labels.iter().zip(splits);
        for ((text, facts), (label, split)) in normalised.into_iter().zip(known) {
            texts.push(&text).map_err(failed(folder))?;
            let official = split.and_then(Split::parse);
            reviews.rows.push(Row {
                text: facts,
                label: label.and_then(Sentiment::from_id),
                official: official.filter(|_| settings.split.official),
            });
        }
        task.advance(batch.num_rows() as u64);
    }
    reviews.texts = texts.finish().map_err(failed(folder))?;
    Ok(reviews)
}

/// The lowest and the highest rating of a table; `None` where no row has one.
///
/// # Errors
/// The table is damaged.
pub(crate) fn ratings(table: &Path) -> Result<Option<(f32, f32)>, ArtifactError> {
    let mut range = None;
    for batch in read_columns(table, &schema::reviews(), &RATING)? {
        let batch = batch?;
        let ratings = batch.column(0).as_primitive::<Float32Type>();
        for rating in ratings.iter().flatten() {
            let (low, high) = range.unwrap_or((rating, rating));
            range = Some((rating.min(low), rating.max(high)));
        }
    }
    Ok(range)
}
