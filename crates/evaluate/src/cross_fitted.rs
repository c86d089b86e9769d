//! Cross-fitted predictions of a linear model for its training reviews. Like validation reviews they show the error
//! rates of the model, and there are many more of them.
//!
//! The training reviews are split into folds, and each fold is predicted by a model that is fitted to the others (Stone
//! 1974; Forman 2008 for error rates). Reviews of a group stay together, because a model that has learned from other
//! reviews of the same film has an advantage. Networks are not cross-fitted: training them once per fold takes hours.
//! Penalty and calibration are those of the model, chosen on validation.

use std::collections::{BTreeMap, HashMap};

use artifact::files::{CROSS_FITTED, Prediction, write_predictions};
use artifact::{Failure, OutputFile, Split, StageName, groups_by_row_id};
use bundle::ModelFile;
use classifier::{IdRows, TokenRows};
use linear::{CrossFitSettings, LinearError, NgramModel, cross_fit_scores};
use metrics::CounterRng;
use settings::EvaluationSettings;
use stage::Context;

use crate::Result;

/// Identifies the random numbers for the choice of folds.
const FOLDS: u64 = 0xF01D;

/// Writes the cross-fitted predictions. `None` if cross-fitting is off, if the labels are shuffled, or if there are too
/// few reviews.
pub(crate) fn write(
    context: &Context,
    settings: &EvaluationSettings,
    (description, model): (&ModelFile, &NgramModel),
) -> Result<Option<OutputFile>> {
    let architecture = &description.architecture;
    if settings.folds == 0 || architecture.shuffled_labels {
        return Ok(None);
    }
    let Some(penalty) = description.penalty else {
        let problem = "The model cannot be fitted again: its `model.json` has no `penalty`";
        let hint = "Train it again with `ressenti run --only train --force`";
        return Err(Failure::new(problem).with_hint(hint.to_owned()));
    };
    let rows = TokenRows::open_training_rows(context.input(StageName::Tokenize), architecture)?;
    let (row_ids, labels) = (&rows.row_ids[..], &rows.labels[..]);
    let groups = groups_by_row_id(context.input(StageName::Clean))?;
    let folds = assign_folds(row_ids, &groups, settings.folds, settings.seed);
    let ngrams = architecture.ngrams.unwrap_or_default();
    let recipe = CrossFitSettings {
        encoding: model.encoding,
        skipped: model.skipped.clone(),
        min_count: ngrams.min_count,
        smoothing: ngrams.smoothing,
        penalty,
    };
    let count = Some(settings.folds.into());
    let task = context.progress().task("cross-fitting", count, "folds");
    let ids = |row: usize| rows.ids(row).into_owned();
    let on_fold = |_| task.advance(1);
    let scores = match cross_fit_scores(&ids, labels, (&folds, settings.folds), &recipe, on_fold) {
        // There are too few reviews for a fit to a part of them.
        Err(LinearError::NoFeatures(_)) => return Ok(None),
        scores => scores.map_err(Failure::from_error)?,
    };
    let rows = row_ids.iter().zip(labels).zip(&scores);
    // The calibration of the model also fits these scores: their models are trained on almost as many reviews.
    let predictions = rows.filter_map(|((row_id, label), score)| {
        Some(Prediction {
            row_id: *row_id,
            split: Split::Train,
            label: *label,
            probability: description.calibration.probability((*score)?) as f32,
        })
    });
    let predictions: Vec<Prediction> = predictions.collect();
    if predictions.is_empty() {
        return Ok(None);
    }
    let path = context.output().join(CROSS_FITTED);
    let written = write_predictions(&path, &settings.model, &predictions)?;
    Ok(Some(OutputFile::table(CROSS_FITTED, written)))
}

/// The fold of each row: `[N]` numbers below `count`, equal for all rows of a group. Groups are assigned in random order,
/// each to the fold with the fewest rows so far, so that folds have similar sizes.
fn assign_folds(row_ids: &[u64], groups: &HashMap<u64, u64>, count: u32, seed: u64) -> Vec<u32> {
    let group_of = |row_id: &u64| *groups.get(row_id).unwrap_or(row_id);
    let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
    for row_id in row_ids {
        *sizes.entry(group_of(row_id)).or_default() += 1;
    }
    let draws = CounterRng::for_sample(seed, FOLDS);
    let mut order: Vec<u64> = sizes.keys().copied().collect();
    order.sort_by_key(|group| (draws.bits(*group), *group));
    let mut rows = vec![0_u64; count as usize];
    let mut folds: HashMap<u64, u32> = HashMap::new();
    for group in order {
        let smallest = (0..count).min_by_key(|fold| rows[*fold as usize]);
        let fold = smallest.unwrap_or(0);
        rows[fold as usize] += sizes[&group];
        folds.insert(group, fold);
    }
    let fold_of = |row_id: &u64| folds[&group_of(row_id)];
    row_ids.iter().map(fold_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_together_and_folds_have_similar_sizes() {
        let row_ids: Vec<u64> = (0..1000).collect();
        // The first half is in groups of five, the other rows have no group.
        let groups = (0..500).map(|row| (row, row - row % 5)).collect();
        let folds = assign_folds(&row_ids, &groups, 4, 7);
        for group in folds[..500].chunks(5) {
            assert!(group.iter().all(|fold| *fold == group[0]), "{group:?}");
        }
        for fold in 0..4 {
            let rows = folds.iter().filter(|found| **found == fold).count();
            assert!((245..=255).contains(&rows), "{rows} of fold {fold}");
        }
        assert_ne!(folds, assign_folds(&row_ids, &groups, 4, 8));
    }
}
