//! Learns a model's error rates from its evaluation or from labelled reviews.

use std::collections::{BTreeSet, HashSet};

use artifact::files::{CROSS_FITTED, Prediction, read_predictions};
use artifact::{
    Artifact, ArtifactError, Digest, InputReference, Split, StageName, Store, groups_by_row_id,
};
use metrics::CounterRng;
use quantification::Quantifier;
use settings::Pipeline;

use crate::data::Input;
use crate::error::{TrendError, UnknownErrorRates, UnusableReviews};

/// Number of resamples for each interval.
const RESAMPLES: u32 = 1000;

/// Minimum number of groups for resampling by group; with fewer, the differences between groups are unknown.
const MIN_GROUPS: usize = 30;

/// The error rates of a model, and the reviews that they were learned from.
#[derive(Clone, Debug)]
pub struct LearnedErrorRates {
    /// Corrects shares for the error rates.
    pub quantifier: Quantifier,
    /// Number of its labelled reviews that are cross-fitted training reviews.
    pub cross_fitted: usize,
}

/// Learns a model's error rates from its validation predictions and, for a linear model, from cross-fitted
/// predictions of training reviews. `identity` is that of the model, or of the evaluation of an ensemble: the
/// error rates of another model do not apply. Reviews with groups, such as films, are resampled by group.
///
/// # Errors
/// The model was not evaluated, or was trained again since; or its predictions cannot be read.
pub fn learn_from_evaluation(
    pipeline: &Pipeline,
    model: &str,
    identity: Digest,
    seed: u64,
) -> Result<LearnedErrorRates, TrendError> {
    let store = Store::new(&pipeline.artifacts);
    let name = || model.to_owned();
    let evaluation = store.latest(StageName::Evaluate, model)?;
    let evaluation = evaluation.ok_or_else(|| UnknownErrorRates::NotEvaluated { model: name() })?;
    let is_model = |input: &InputReference| {
        input.stage == StageName::Train && input.variant == model && input.identity == identity
    };
    if evaluation.identity() != identity && !evaluation.manifest().inputs.iter().any(is_model) {
        return Err(UnknownErrorRates::Retrained { model: name() }.into());
    }
    let path = evaluation.file("predictions.parquet")?;
    let mut rows = read_predictions(&path, model, Split::Validation)?;
    let validation_rows = rows.len();
    if evaluation.manifest().file(CROSS_FITTED).is_some() {
        let path = evaluation.file(CROSS_FITTED)?;
        rows.extend(read_predictions(&path, model, Split::Train)?);
    }
    let labels: Vec<u8> = rows.iter().map(|row| row.label).collect();
    let probabilities: Vec<f32> = rows.iter().map(|row| row.probability).collect();
    let groups = groups_of_rows(&store, &evaluation, &rows)?;
    let what = "the validation reviews";
    let mut learned = from_rows((&labels, &probabilities), groups.as_deref(), what, seed)?;
    learned.cross_fitted = rows.len() - validation_rows;
    Ok(learned)
}

/// Learns error rates from labelled rows with optional groups. `what` names the rows in errors.
pub(crate) fn from_rows(
    (labels, probabilities): (&[u8], &[f32]),
    groups: Option<&[u64]>,
    what: &str,
    seed: u64,
) -> Result<LearnedErrorRates, TrendError> {
    let what = what.to_owned();
    let quantifier = Quantifier::new(labels, probabilities, groups, RESAMPLES, seed);
    Ok(LearnedErrorRates {
        quantifier: quantifier.map_err(|error| UnusableReviews::ErrorRates { what, error })?,
        cross_fitted: 0,
    })
}

/// The group of each row; a row without a group is its own group. `None` if there are no groups or too few, or if
/// the cleaned reviews are no longer in the store.
fn groups_of_rows(
    store: &Store,
    evaluation: &Artifact,
    rows: &[Prediction],
) -> Result<Option<Vec<u64>>, ArtifactError> {
    let Some(reviews) = cleaned_reviews(store, evaluation)? else {
        return Ok(None);
    };
    let group_ids = groups_by_row_id(&reviews)?;
    let group = |row: &Prediction| *group_ids.get(&row.row_id).unwrap_or(&row.row_id);
    let groups: Vec<u64> = rows.iter().map(group).collect();
    let count = groups.iter().collect::<BTreeSet<_>>().len();
    Ok((MIN_GROUPS..rows.len()).contains(&count).then_some(groups))
}

/// The cleaned reviews behind an evaluation; those of an ensemble are found through its members.
fn cleaned_reviews(store: &Store, evaluated: &Artifact) -> Result<Option<Artifact>, ArtifactError> {
    let inputs = evaluated.manifest().inputs.iter();
    for input in inputs.filter(|it| matches!(it.stage, StageName::Clean | StageName::Evaluate)) {
        let found = match store.find_by_identity(input.stage, input.identity)? {
            Some(member) if input.stage == StageName::Evaluate => cleaned_reviews(store, &member)?,
            found => found,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Fails if fewer reviews are labelled than requested.
pub(crate) fn check_enough(available: u64, requested: usize) -> Result<(), UnusableReviews> {
    match available >= requested as u64 {
        true => Ok(()),
        false => Err(UnusableReviews::TooFewLabelled {
            requested,
            available,
        }),
    }
}

/// Removes this number of labelled reviews, drawn at random, from the input and learns error rates from them.
pub(crate) fn from_input(
    input: &mut Input,
    count: usize,
    seed: u64,
) -> Result<LearnedErrorRates, TrendError> {
    let rng = CounterRng::for_sample(seed, 0xADA7);
    let is_labelled = |row: &usize| input.rows[*row].author_label.is_some();
    let mut chosen: Vec<usize> = (0..input.rows.len()).filter(is_labelled).collect();
    check_enough(chosen.len() as u64, count)?;
    chosen.sort_by_key(|row| rng.bits(*row as u64));
    chosen.truncate(count);
    let labelled = chosen.iter().map(|row| &input.rows[*row]);
    let labelled = labelled.filter_map(|row| Some((row.author_label?, row.probability)));
    let (labels, probabilities): (Vec<u8>, Vec<f32>) = labelled.unzip();
    let chosen: HashSet<usize> = chosen.into_iter().collect();
    let mut is_kept = (0..input.rows.len()).map(|row| !chosen.contains(&row));
    input.rows.retain(|_| is_kept.next().unwrap_or(true));
    let what = "the labelled reviews of the file";
    from_rows((&labels, &probabilities), None, what, seed)
}
