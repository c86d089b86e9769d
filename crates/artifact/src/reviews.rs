//! Looking up groups and texts in the cleaned reviews.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{UInt8Type, UInt64Type};

use parquet::arrow::arrow_reader::RowSelection;

use crate::tables::read_rows;
use crate::{Artifact, ArtifactError, Result, Split, read_columns, schema};

/// The positions of columns in the cleaned reviews.
const ROW_ID: usize = 0;
const TEXT: usize = 1;
const LABEL: usize = 2;
const SPLIT: usize = 3;
const GROUP: usize = 5;

/// The group of each review by row id, as the row id of the first review of the group. Reviews of one group, for
/// example of one film, are correlated, so intervals treat them as one unit. Reviews without a group are not in the
/// map.
///
/// # Errors
/// The artifact has no cleaned reviews, or they cannot be read.
pub fn groups_by_row_id(reviews: &Artifact) -> Result<HashMap<u64, u64>> {
    let mut groups = HashMap::new();
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let path = reviews.file("clean.parquet")?;
    for batch in read_columns(&path, &schema::clean(), &[ROW_ID, GROUP])? {
        let batch = batch?;
        let row_ids = batch.column(0).as_primitive::<UInt64Type>();
        let names = batch.column(1).as_string::<i32>();
        for row in (0..batch.num_rows()).filter(|row| names.is_valid(*row)) {
            let row_id = row_ids.value(row);
            let name = names.value(row);
            let number = match numbers.get(name) {
                Some(number) => *number,
                None => *numbers.entry(name.to_owned()).or_insert(row_id),
            };
            groups.insert(row_id, number);
        }
    }
    Ok(groups)
}

/// The rows of a split in a batch of `clean.parquet`. The batch must have at least the first four columns.
///
/// # Errors
/// Arrow cannot filter the rows.
pub fn filter_split(path: &Path, reviews: &RecordBatch, split: Split) -> Result<RecordBatch> {
    let splits = reviews.column(SPLIT).as_string::<i32>().iter();
    let mask = splits.map(|name| Some(name == Some(split.as_str())));
    filter_record_batch(reviews, &mask.collect::<BooleanArray>())
        .map_err(ArtifactError::table("read", path))
}

/// A cleaned review.
#[derive(Clone, Copy, Debug)]
pub struct CleanedReview<'a> {
    /// Its row id.
    pub row_id: u64,
    /// Its cleaned text.
    pub text: &'a str,
    /// Its class id, if it has a label.
    pub label: Option<u8>,
    /// The name of its split.
    pub split: &'a str,
}

/// Calls `visit` with every cleaned review.
///
/// # Errors
/// The artifact has no cleaned reviews, or they cannot be read.
pub fn for_each_review(reviews: &Artifact, mut visit: impl FnMut(CleanedReview<'_>)) -> Result<()> {
    let path = reviews.file("clean.parquet")?;
    for batch in read_columns(&path, &schema::clean(), &[ROW_ID, TEXT, LABEL, SPLIT])? {
        let batch = batch?;
        let row_ids = batch.column(0).as_primitive::<UInt64Type>();
        let texts = batch.column(1).as_string::<i32>();
        let labels = batch.column(2).as_primitive::<UInt8Type>();
        let splits = batch.column(3).as_string::<i32>();
        for row in 0..batch.num_rows() {
            visit(CleanedReview {
                row_id: row_ids.value(row),
                text: texts.value(row),
                label: labels.is_valid(row).then(|| labels.value(row)),
                split: splits.value(row),
            });
        }
    }
    Ok(())
}

/// The cleaned texts of reviews by row id. Unknown ids are not in the map.
///
/// # Errors
/// The artifact has no cleaned reviews, or they cannot be read.
pub fn texts_by_row_id(reviews: &Artifact, wanted: &HashSet<u64>) -> Result<HashMap<u64, String>> {
    let path = reviews.file("clean.parquet")?;
    let mut row_ids = Vec::new();
    for batch in read_columns(&path, &schema::clean(), &[ROW_ID])? {
        row_ids.extend_from_slice(batch?.column(0).as_primitive::<UInt64Type>().values());
    }
    let rows = (0..row_ids.len()).filter(|row| wanted.contains(&row_ids[*row]));
    let selected = RowSelection::from_consecutive_ranges(rows.map(|it| it..it + 1), row_ids.len());
    let mut texts = HashMap::new();
    for batch in read_rows(&path, &schema::clean(), &[ROW_ID, TEXT], Some(selected))? {
        let batch = batch?;
        let row_ids = batch.column(0).as_primitive::<UInt64Type>().values();
        let found = batch.column(1).as_string::<i32>().iter().flatten();
        texts.extend(row_ids.iter().copied().zip(found.map(str::to_owned)));
    }
    Ok(texts)
}
