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
    let group = |row: &Prediction| *known.get(&row.row_id).unwrap_or(&row.row_id);
    let groups: Vec<u64> = rows.iter().map(group).collect();
    let found = groups.iter().collect::<BTreeSet<_>>().len();
    Ok((FEWEST..rows.len()).contains(&found).then_some(groups))
}

/// The cleaned reviews that an evaluation judged a model on; an ensemble's are those of its members.
fn cleaned(store: &Store, evaluation: &Artifact) -> Result<Option<Artifact>, ArtifactError> {
    let inputs = evaluation.manifest().inputs.iter();
    for input in inputs.filter(|it| matches!(it.stage, StageName::Clean | StageName::Evaluate)) {
        let found = match store.of_identity(input.stage, input.identity)? {
            Some(member) if input.stage == StageName::Evaluate => cleaned(store, &member)?,
            found => found,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
