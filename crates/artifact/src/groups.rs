//! Which reviews are of one group, such as a film: they are alike, so that they tell less than as many reviews
//! of as many groups.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::UInt64Type;

use crate::{Artifact, ArtifactError, read_columns, schema};

/// Where `row_id` and `group` stand in the cleaned reviews.
const COLUMNS: [usize; 2] = [0, 5];

/// The group of each row of the cleaned reviews, by row id, as a number: the id of the group's first row. A row
/// without a group is not among them.
///
/// # Errors
/// The artifact holds no cleaned reviews, or they cannot be read.
pub fn groups_of(reviews: &Artifact) -> Result<HashMap<u64, u64>, ArtifactError> {
    let mut groups = HashMap::new();
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let path = reviews.file("clean.parquet")?;
    for batch in read_columns(&path, &schema::clean(), &COLUMNS)? {
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
