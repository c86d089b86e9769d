//! Which of the labelled reviews are of one group: reviews of one film are alike, so that they tell less
//! of how a model errs than as many reviews of as many films.

use artifact::files::Prediction;
use std::collections::BTreeSet;

use artifact::{Artifact, ArtifactError, StageName, Store, groups_of};

/// Groups at least that rows are drawn by: how much groups differ is learned from them.
const FEWEST: usize = 30;

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
    let known = groups_of(&reviews)?;
    let groups: Vec<u64> = rows
        .iter()
        .map(|row| *known.get(&row.row_id).unwrap_or(&row.row_id))
        .collect();
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
