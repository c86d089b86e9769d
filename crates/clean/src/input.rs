//! Reads the rows of ingest, normalises their texts in parallel, and collects what is needed per row.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};
use artifact::files::is_sampled;
use artifact::{ArtifactError, Failure, Sentiment, Split, read_columns, schema};
use rayon::prelude::*;
use settings::CleanSettings;
use stage::ProgressTask;
use text::language::Language;
use text::normalize::normalize;

use crate::row::{GroupColumn, Row, TextInfo};
use crate::text_store::{IN_MEMORY, TextStore, TextStoreWriter, store_failed};

/// Indices of the columns row id, text, label, split and group.
const TEXT_COLUMNS: [usize; 5] = [0, 1, 2, 3, 5];

/// Index of the column rating.
const RATING_COLUMN: [usize; 1] = [4];

/// What is known of all rows, by position.
#[derive(Default)]
pub(crate) struct Reviews {
    pub(crate) rows: Vec<Row>,
    pub(crate) row_ids: Vec<u64>,
    pub(crate) groups: GroupColumn,
    /// The normalised texts.
    pub(crate) texts: TextStore,
}

/// Reads and normalises a table of reviews in batches. Texts that do not fit into memory are stored in a file
/// in `folder`. The language is examined for every row if `languages`, the allowed ones, are given, otherwise for a
/// sample of the `total` rows.
///
/// # Errors
/// The table is damaged, or the file cannot be written.
pub(crate) fn read_reviews(
    table: &Path,
    folder: &Path,
    settings: &CleanSettings,
    (languages, total): (&[Language], u64),
    task: &ProgressTask,
) -> Result<Reviews, Failure> {
    let steps = settings.normalization();
    let mut reviews = Reviews::default();
    let mut texts = TextStoreWriter::new(folder, IN_MEMORY);
    for batch in read_columns(table, &schema::reviews(), &TEXT_COLUMNS)? {
        let batch = batch?;
        let raw = batch.column(1).as_string::<i32>();
        let first = reviews.rows.len() as u64;
        let normalised = |row| {
            let text = normalize(raw.value(row), &steps);
            // Without a filter, a sample is enough for the counts.
            let is_examined = !languages.is_empty() || is_sampled(first + row as u64, total);
            let info = TextInfo::of(raw.value(row), &text, is_examined.then_some(languages));
            (text, info)
        };
        let normalised = (0..raw.len()).into_par_iter().map(normalised);
        let normalised: Vec<(String, TextInfo)> = normalised.collect();
        let row_ids = batch.column(0).as_primitive::<UInt64Type>();
        let labels = batch.column(2).as_primitive::<UInt8Type>();
        let splits = batch.column(3).as_string::<i32>();
        let groups = batch.column(4).as_string::<i32>();
        reviews.row_ids.extend(row_ids.values());
        groups.iter().for_each(|group| reviews.groups.push(group));
        let known = labels.iter().zip(splits);
        for ((text, info), (label, split)) in normalised.into_iter().zip(known) {
            texts.push(&text).map_err(store_failed(folder))?;
            let official = split.and_then(Split::parse);
            reviews.rows.push(Row {
                text: info,
                label: label.and_then(Sentiment::from_id),
                official: official.filter(|_| settings.split.official),
            });
        }
        task.advance(batch.num_rows() as u64);
    }
    reviews.texts = texts.finish().map_err(store_failed(folder))?;
    Ok(reviews)
}

/// The lowest and the highest rating of a table; `None` if no row has a rating.
///
/// # Errors
/// The table is damaged.
pub(crate) fn rating_range(table: &Path) -> Result<Option<(f32, f32)>, ArtifactError> {
    let mut range = None;
    for batch in read_columns(table, &schema::reviews(), &RATING_COLUMN)? {
        let batch = batch?;
        let ratings = batch.column(0).as_primitive::<Float32Type>();
        for rating in ratings.iter().flatten() {
            let (low, high) = range.unwrap_or((rating, rating));
            range = Some((rating.min(low), rating.max(high)));
        }
    }
    Ok(range)
}
