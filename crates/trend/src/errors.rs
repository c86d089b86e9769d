//! From where it is known how the model errs.

use std::collections::{BTreeSet, HashSet};

use artifact::files::{CROSS_FITTED, Prediction, read_predictions};
use artifact::{
    Artifact, ArtifactError, Digest, InputReference, Split, StageName, Store, groups_by_row_id,
};
use metrics::CounterRng;
use quantification::Quantifier;
use settings::Pipeline;

use crate::data::Input;
use crate::refused::{Refused, Unfit, Unjudged};

/// Resamples behind every interval.
const DRAWS: u32 = 1000;

/// Groups at least that rows are drawn by: how much groups differ is learned from them.
const FEWEST_GROUPS: usize = 30;

/// How a model errs, and what it is known from.
#[derive(Clone, Debug)]
pub struct Learned {
    /// What corrects shares.
    pub quantifier: Quantifier,
    /// How many of its labelled reviews are training reviews, as models said that had not learned from them.
    pub cross_fitted: usize,
}

/// A quantifier from what a model of the pipeline said of its validation reviews and, where it is linear, from
/// what models like it said of the training reviews that they had not learned from. `made` is what the model is,
/// or what the evaluation is of an ensemble: how another one errs says nothing about it. Where the reviews are in
/// groups, such as films, resamples are of groups.
///
/// # Errors
/// It was not judged, or it was another one when it was; or its predictions cannot be read.
pub fn of_validation(
    pipeline: &Pipeline,
    model: &str,
    made: Digest,
    seed: u64,
) -> Result<Learned, Refused> {
    let store = Store::new(&pipeline.artifacts);
    let name = || model.to_owned();
    let evaluation = store.latest(StageName::Evaluate, model)?;
    let evaluation = evaluation.ok_or_else(|| Unjudged::Never { model: name() })?;
    let is_of_it = |input: &InputReference| {
        input.stage == StageName::Train && input.variant == model && input.identity == made
    };
    if evaluation.identity() != made && !evaluation.manifest().inputs.iter().any(is_of_it) {
        return Err(Unjudged::Another { model: name() }.into());
    }
    let path = evaluation.file("predictions.parquet")?;
    let mut rows = read_predictions(&path, model, Split::Validation)?;
    let judged = rows.len();
    if evaluation.manifest().file(CROSS_FITTED).is_some() {
        let path = evaluation.file(CROSS_FITTED)?;
        rows.extend(read_predictions(&path, model, Split::Train)?);
    }
    let labels: Vec<u8> = rows.iter().map(|row| row.label).collect();
    let said: Vec<f32> = rows.iter().map(|row| row.probability).collect();
    let groups = groups_of_rows(&store, &evaluation, &rows)?;
    let what = "the validation reviews";
    let mut learned = from_rows((&labels, &said), groups.as_deref(), what, seed)?;
    learned.cross_fitted = rows.len() - judged;
    Ok(learned)
}

/// How a model errs, from labelled rows and their groups where they are in some; `what` names them.
pub(crate) fn from_rows(
    (labels, said): (&[u8], &[f32]),
    groups: Option<&[u64]>,
    what: &str,
    seed: u64,
) -> Result<Learned, Refused> {
    let what = what.to_owned();
    let quantifier = Quantifier::of_groups(labels, said, groups, DRAWS, seed);
    Ok(Learned {
        quantifier: quantifier.map_err(|error| Unfit::Errors { what, error })?,
        cross_fitted: 0,
    })
}

/// A number for the group of each row, a row without a group being one by itself. `None` where each row
/// stands for itself: there are no groups, or too few, or the cleaned reviews are in the store no more.
fn groups_of_rows(
    store: &Store,
    evaluation: &Artifact,
    rows: &[Prediction],
) -> Result<Option<Vec<u64>>, ArtifactError> {
    let Some(reviews) = cleaned(store, evaluation)? else {
        return Ok(None);
    };
    let known = groups_by_row_id(&reviews)?;
    let group = |row: &Prediction| *known.get(&row.row_id).unwrap_or(&row.row_id);
    let groups: Vec<u64> = rows.iter().map(group).collect();
    let found = groups.iter().collect::<BTreeSet<_>>().len();
    Ok((FEWEST_GROUPS..rows.len())
        .contains(&found)
        .then_some(groups))
}

/// The cleaned reviews that an evaluation judged a model on; an ensemble's are those of its members.
fn cleaned(store: &Store, evaluation: &Artifact) -> Result<Option<Artifact>, ArtifactError> {
    let inputs = evaluation.manifest().inputs.iter();
    for input in inputs.filter(|it| matches!(it.stage, StageName::Clean | StageName::Evaluate)) {
        let found = match store.find_by_identity(input.stage, input.identity)? {
            Some(member) if input.stage == StageName::Evaluate => cleaned(store, &member)?,
            found => found,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Fails where fewer reviews are labelled than are wanted to learn from.
pub(crate) fn check_enough(labelled: u64, wanted: usize) -> Result<(), Refused> {
    let (asked, there) = (wanted, labelled);
    match there >= asked as u64 {
        true => Ok(()),
        false => Err(Unfit::FewLabelled { asked, there }.into()),
    }
}

/// Takes so many labelled reviews out of the input, drawn at random, and learns from them.
pub(crate) fn from_input(input: &mut Input, count: usize, seed: u64) -> Result<Learned, Refused> {
    let draws = CounterRng::for_sample(seed, 0xADA7);
    let rows = 0..input.rows.len();
    let mut taken: Vec<usize> = rows
        .filter(|row| input.rows[*row].verdict.is_some())
        .collect();
    check_enough(taken.len() as u64, count)?;
    taken.sort_by_key(|row| draws.bits(*row as u64));
    taken.truncate(count);
    let known = taken.iter().map(|row| &input.rows[*row]);
    let known = known.filter_map(|row| Some((row.verdict?, row.probability)));
    let (labels, said): (Vec<u8>, Vec<f32>) = known.unzip();
    let taken: HashSet<usize> = taken.into_iter().collect();
    let mut row = 0;
    input.rows.retain(|_| {
        row += 1;
        !taken.contains(&(row - 1))
    });
    let what = "the labelled reviews of the file";
    from_rows((&labels, &said), None, what, seed)
}
