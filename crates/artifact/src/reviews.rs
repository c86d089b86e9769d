//! Looking up groups and texts in the cleaned reviews.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::UInt64Type;

use parquet::arrow::arrow_reader::RowSelection;

use crate::tables::read_rows;
use crate::{Artifact, ArtifactError, Result, Split, read_columns, schema};

/// The positions of columns in the cleaned reviews.
const ROW_ID: usize = 0;
const TEXT: usize = 1;
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

/// Calls `visit` with every cleaned text of a split.
///
/// # Errors
/// The artifact has no cleaned reviews, or they cannot be read.
pub fn for_each_text(reviews: &Artifact, split: Split, mut visit: impl FnMut(&str)) -> Result<()> {
    let path = reviews.file("clean.parquet")?;
    for batch in read_columns(&path, &schema::clean(), &[TEXT, SPLIT])? {
        let batch = batch?;
        let splits = batch.column(1).as_string::<i32>().iter();
        let texts = batch.column(0).as_string::<i32>().iter().flatten();
        for (text, _) in texts
            .zip(splits)
            .filter(|(_, it)| *it == Some(split.as_str()))
        {
            visit(text);
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
