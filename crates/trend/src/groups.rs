//! Which of the validation reviews are of one group: reviews of one film are alike, so that they tell less
//! of how a model errs than as many reviews of as many films.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{Array, AsArray};
use arrow::datatypes::UInt64Type;
use artifact::{Artifact, ArtifactError, StageName, Store, read_columns, schema};
use evaluate::Prediction;

/// Groups at least that rows are drawn by: how much groups differ is learned from them.
const FEWEST: usize = 30;

/// Where `row_id` and `group` stand in the cleaned reviews.
const COLUMNS: [usize; 2] = [0, 5];

/// A number for the group of each row, a row without a group being one by itself. `None` where each row
/// stands for itself: there are no groups, or too few, or the cleaned reviews are in the store no more.
pub(crate) fn of_rows(
    store: &Store,
    evaluation: &Artifact,
    rows: &[Prediction],
) -> Result<Option<Vec<u64>>, ArtifactError> {
    let Some(reviews) = cleaned(store, evaluation)? else {
        return Ok(None);
    };
    let places: HashMap<u64, usize> = rows.iter().map(|row| row.row_id).zip(0..).collect();
    let mut groups: Vec<u64> = (0..rows.len() as u64).collect();
    // The number of a group is that of the first of its rows.
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let path = reviews.file("clean.parquet")?;
    for batch in read_columns(&path, &schema::clean(), &COLUMNS)? {
        let batch = batch?;
        let row_ids = batch.column(0).as_primitive::<UInt64Type>();
        let names = batch.column(1).as_string::<i32>();
        for row in (0..batch.num_rows()).filter(|row| names.is_valid(*row)) {
            if let Some(place) = places.get(&row_ids.value(row)) {
                let name = names.value(row).to_owned();
                groups[*place] = *numbers.entry(name).or_insert(*place as u64);
            }
        }
    }
    let found = groups.iter().collect::<BTreeSet<_>>().len();
    Ok((FEWEST..rows.len()).contains(&found).then_some(groups))
}

/// The cleaned reviews that an evaluation judged a model on; an ensemble's are those of its members.
fn cleaned(store: &Store, evaluation: &Artifact) -> Result<Option<Artifact>, ArtifactError> {
    for input in &evaluation.manifest().inputs {
        let found = match input.stage {
            StageName::Clean => store.of_identity(StageName::Clean, input.identity)?,
            StageName::Evaluate => match store.of_identity(StageName::Evaluate, input.identity)? {
                Some(member) => cleaned(store, &member)?,
                None => None,
            },
            _ => None,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
