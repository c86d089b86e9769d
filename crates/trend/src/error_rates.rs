//! Learns a model's error rates from its evaluation or from labelled reviews.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use artifact::files::{CROSS_FITTED, read_predictions};
use artifact::{
    Artifact, ArtifactError, Digest, InputReference, Split, StageName, Store, for_each_review,
    groups_by_row_id,
};
use metrics::CounterRng;
use quantification::Quantifier;
use settings::Pipeline;

use crate::data::{Input, ScoredReview, TextOrigin};
use crate::domain_shift::{CommonWords, LabelledDomain};
use crate::error::{Result, UnknownErrorRates, UnusableReviews};

/// Number of resamples for each interval.
const RESAMPLES: u32 = 1000;

/// Minimum number of groups for resampling by group; with fewer, the differences between groups are unknown.
const MIN_GROUPS: usize = 30;

/// Maximum number of training and validation reviews of each class whose words are compared with those of new reviews.
const MAX_COMPARED: usize = 2500;

/// The error rates of a model, and the reviews that they were learned from.
#[derive(Clone, Debug)]
pub struct LearnedErrorRates {
    /// Corrects shares for the error rates.
    pub quantifier: Quantifier,
    /// Number of its labelled reviews that are cross-fitted training reviews.
    pub cross_fitted: usize,
    /// Recognises reviews of another domain; `None` if the texts of the labelled reviews are not in the store.
    pub(crate) domain: Option<LabelledDomain>,
    /// Whether the labelled reviews are a random sample of the reviews to estimate.
    pub(crate) is_sample: bool,
}

/// The texts of a model's data set. The model's predictions of those that it was trained on are overconfident.
#[derive(Debug, Default)]
pub struct TrainingTexts {
    training: HashSet<Digest>,
    /// Validation and test texts.
    held_out: HashSet<Digest>,
}

impl TrainingTexts {
    /// Reads the texts of a model or ensemble of a pipeline file; none if they are no longer in the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of_model(pipeline: &Pipeline, model: &str) -> Result<Self, ArtifactError> {
        let store = Store::new(&pipeline.artifacts);
        let found = match store.latest(StageName::Train, model)? {
            None => store.latest(StageName::Evaluate, model)?,
            found => found,
        };
        let reviews = found.map(|found| cleaned_reviews(&store, &found));
        let Some(reviews) = reviews.transpose()?.flatten() else {
            return Ok(Self::default());
        };
        let mut texts = Self::default();
        for_each_review(&reviews, |review| {
            let split = match review.split == Split::Train.as_str() {
                true => &mut texts.training,
                false => &mut texts.held_out,
            };
            split.insert(Digest::of_bytes(review.text.as_bytes()));
        })?;
        Ok(texts)
    }

    /// Whether the training texts are not known.
    pub(crate) fn is_empty(&self) -> bool {
        self.training.is_empty()
    }

    /// How the model knows a cleaned text; `seen` has the known texts of earlier reviews.
    pub(crate) fn origin(&self, text: &str, seen: &mut HashSet<Digest>) -> TextOrigin {
        let digest = Digest::of_bytes(text.as_bytes());
        let is_training = self.training.contains(&digest);
        match is_training || self.held_out.contains(&digest) {
            true if !seen.insert(digest) => TextOrigin::Copy,
            true if is_training => TextOrigin::Training,
            _ => TextOrigin::New,
        }
    }

    /// Whether a file with this number of different training texts is the one that the model was trained on.
    pub(crate) fn is_training_file(&self, found: usize) -> bool {
        found > 0 && 2 * found >= self.training.len()
    }
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
) -> Result<LearnedErrorRates> {
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
    let reviews = cleaned_reviews(&store, &evaluation)?;
    let group_of_row = reviews.as_ref().map(groups_by_row_id).transpose()?;
    let group_of_row = group_of_row.unwrap_or_default();
    let ids = rows.iter().map(|row| &row.row_id);
    let groups: Vec<u64> = ids.map(|id| *group_of_row.get(id).unwrap_or(id)).collect();
    let count = groups.iter().collect::<BTreeSet<_>>().len();
    let has_groups = (MIN_GROUPS..rows.len()).contains(&count);
    let resampled = has_groups.then_some(groups.as_slice());
    let what = "the validation reviews";
    let quantifier = quantifier((&labels, &probabilities), resampled, what, seed)?;
    let domain = |reviews: &Artifact| learn_domain(reviews, &group_of_row, seed);
    Ok(LearnedErrorRates {
        quantifier,
        cross_fitted: rows.len() - validation_rows,
        domain: reviews.as_ref().map(domain).transpose()?.flatten(),
        is_sample: false,
    })
}

/// The common words of training and validation reviews: they do not depend on the model, so training reviews need not
/// be cross-fitted. `None` if a class has no review.
fn learn_domain(
    reviews: &Artifact,
    group_of_row: &HashMap<u64, u64>,
    seed: u64,
) -> Result<Option<LabelledDomain>, ArtifactError> {
    let rng = CounterRng::for_sample(seed, 0xD0);
    let splits = [Split::Train.as_str(), Split::Validation.as_str()];
    // The reviews of each class with the smallest random numbers.
    let mut classes: [BTreeMap<u64, (u64, String)>; 2] = Default::default();
    for_each_review(reviews, |review| {
        let label = review.label.filter(|_| splits.contains(&review.split));
        let Some(class) = label.and_then(|label| classes.get_mut(usize::from(label))) else {
            return;
        };
        let number = rng.bits(review.row_id);
        let last = class.last_key_value().map_or(0, |(last, _)| *last);
        if class.len() < MAX_COMPARED || number < last {
            class.insert(number, (review.row_id, review.text.to_owned()));
        }
        if class.len() > MAX_COMPARED {
            class.pop_last();
        }
    })?;
    if classes.iter().any(BTreeMap::is_empty) {
        return Ok(None);
    }
    let texts = classes.iter().flat_map(BTreeMap::values);
    let words = CommonWords::new(&texts.map(|(_, text)| text).collect::<Vec<_>>());
    let mut rows = Vec::new();
    for (class, label) in classes.iter().zip(0_u8..) {
        for (row_id, text) in class.values() {
            let group = group_of_row.get(row_id).unwrap_or(row_id);
            rows.push((label, words.find(text), *group));
        }
    }
    Ok(Some(LabelledDomain::new(words, &rows)))
}

/// Learns error rates from the labelled ones of predicted reviews. `what` names the reviews in errors.
pub(crate) fn from_reviews(
    reviews: &[ScoredReview],
    words: Option<CommonWords>,
    what: &str,
    seed: u64,
) -> Result<LearnedErrorRates> {
    let rows = reviews.iter().zip(0..);
    let rows = rows.filter_map(|(row, id)| Some((row.author_label?, row.words, id)));
    let rows: Vec<(u8, u64, u64)> = rows.collect();
    let labels: Vec<u8> = rows.iter().map(|row| row.0).collect();
    let labelled = reviews.iter().filter(|row| row.author_label.is_some());
    let probabilities: Vec<f32> = labelled.map(|row| row.probability).collect();
    Ok(LearnedErrorRates {
        quantifier: quantifier((&labels, &probabilities), None, what, seed)?,
        cross_fitted: 0,
        domain: words.map(|words| LabelledDomain::new(words, &rows)),
        is_sample: false,
    })
}

fn quantifier(
    (labels, probabilities): (&[u8], &[f32]),
    groups: Option<&[u64]>,
    what: &str,
    seed: u64,
) -> Result<Quantifier, UnusableReviews> {
    let what = what.to_owned();
    let quantifier = Quantifier::new(labels, probabilities, groups, RESAMPLES, seed);
    quantifier.map_err(|error| UnusableReviews::ErrorRates { what, error })
}

/// The cleaned reviews behind a model or an evaluation, found through their inputs.
fn cleaned_reviews(store: &Store, artifact: &Artifact) -> Result<Option<Artifact>, ArtifactError> {
    for input in &artifact.manifest().inputs {
        let found = match store.find_by_identity(input.stage, input.identity)? {
            Some(other) if input.stage != StageName::Clean => cleaned_reviews(store, &other)?,
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
pub(crate) fn from_input(input: &mut Input, count: usize, seed: u64) -> Result<LearnedErrorRates> {
    let rng = CounterRng::for_sample(seed, 0xADA7);
    let is_labelled = |row: &usize| input.rows[*row].author_label.is_some();
    let mut chosen: Vec<usize> = (0..input.rows.len()).filter(is_labelled).collect();
    check_enough(chosen.len() as u64, count)?;
    chosen.sort_by_key(|row| rng.bits(*row as u64));
    chosen.truncate(count);
    let labelled: Vec<ScoredReview> = chosen.iter().map(|row| input.rows[*row]).collect();
    let chosen: HashSet<usize> = chosen.into_iter().collect();
    let mut is_kept = (0..input.rows.len()).map(|row| !chosen.contains(&row));
    input.rows.retain(|_| is_kept.next().unwrap_or(true));
    let what = "the labelled reviews of the file";
    let mut learned = from_reviews(&labelled, input.words.clone(), what, seed)?;
    learned.is_sample = true;
    Ok(learned)
}
