//! What a linear model would say of its own training reviews, had it not learned from them: they tell how it errs
//! as validation reviews do, and there are many more of them.
//!
//! The training reviews are parted into folds, and each fold is predicted by a model that learned from the
//! others (Stone 1974; Forman 2008 for error rates). Reviews of a group stay together, because a model knows a
//! film of which it has read other reviews. Networks would have to be trained as often, which takes hours.
//! Penalty and calibration are those of the model, which chose them on validation.

use artifact::files::{CROSS_FITTED, Prediction, write_predictions};
use std::collections::{BTreeMap, HashMap};

use artifact::{Failure, OutputFile, Split, StageName, groups_by_row_id};
use bundle::ModelFile;
use classifier::{IdRows, TokenRows};
use linear::{LinearError, NgramModel, Recipe, cross_fitted};
use metrics::CounterRng;
use settings::EvaluationSettings;
use stage::Context;

/// The purpose that the draw of folds is for.
const FOLDS: u64 = 0xF01D;

/// Writes what models that did not learn from them say of the training reviews. `None` where nothing can be said
/// so: the labels were dealt out at random, or no fold can be predicted by the others.
pub(crate) fn write(
    context: &Context,
    settings: &EvaluationSettings,
    (description, model): (&ModelFile, &NgramModel),
) -> Result<Option<OutputFile>, Failure> {
    let architecture = &description.architecture;
    if settings.folds == 0 || architecture.shuffled_labels {
        return Ok(None);
    }
    let Some(penalty) = description.penalty else {
        return Err(Failure::new(
            "The model does not say how strongly its weights were drawn to 0, so that it cannot be fitted again",
        )
        .with_hint("Train it again with `ressenti run --only train --force`".to_owned()));
    };
    let rows = TokenRows::to_learn_from(context.input(StageName::Tokenize), architecture)?;
    let (row_ids, labels) = (rows.row_ids(), rows.labels());
    let groups = groups_by_row_id(context.input(StageName::Clean))?;
    let folds = folds_of(row_ids, &groups, settings.folds, settings.seed);
    let ngrams = architecture.ngrams.unwrap_or_default();
    let recipe = Recipe {
        code: model.code(),
        skipped: model.skipped().to_vec(),
        min_count: ngrams.min_count,
        smoothing: ngrams.smoothing,
        penalty,
    };
    let task = context
        .progress()
        .task("cross-fitting", Some(settings.folds.into()), "folds");
    let ids = |row: usize| rows.ids(row).into_owned();
    let on_fold = |_| task.advance(1);
    let scores = match cross_fitted(&ids, labels, (&folds, settings.folds), &recipe, on_fold) {
        // Too few reviews to learn from any part of them.
        Err(LinearError::NoFeatures(_)) => return Ok(None),
        scores => scores.map_err(Failure::from_error)?,
    };
    let said = row_ids.iter().zip(labels).zip(&scores);
    // The calibration is that of the model: the scores of models that learned from a little less are as far apart.
    let said = said.filter_map(|((row_id, label), score)| {
        Some(Prediction {
            row_id: *row_id,
            split: Split::Train,
            label: *label,
            probability: description.calibration.probability((*score)?) as f32,
        })
    });
    let said: Vec<Prediction> = said.collect();
    if said.is_empty() {
        return Ok(None);
    }
    let path = context.output().join(CROSS_FITTED);
    let written = write_predictions(&path, &settings.model, &said)?;
    Ok(Some(OutputFile::table(CROSS_FITTED, written)))
}

/// The fold of each row, `[N]` numbers below `count`: the same for all rows of a group. Groups come in random
/// order, each to the fold that has the fewest rows by then, so that folds are about as large.
fn folds_of(row_ids: &[u64], groups: &HashMap<u64, u64>, count: u32, seed: u64) -> Vec<u32> {
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
        let emptiest = (0..count).min_by_key(|fold| rows[*fold as usize]);
        let fold = emptiest.unwrap_or(0);
        rows[fold as usize] += sizes[&group];
        folds.insert(group, fold);
    }
    row_ids
        .iter()
        .map(|row_id| folds[&group_of(row_id)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_never_parted_and_folds_are_about_as_large() {
        let row_ids: Vec<u64> = (0..1000).collect();
        // Groups of five of the first half; the others are by themselves.
        let groups = (0..500).map(|row| (row, row - row % 5)).collect();
        let folds = folds_of(&row_ids, &groups, 4, 7);
        for group in folds[..500].chunks(5) {
            assert!(group.iter().all(|fold| *fold == group[0]), "{group:?}");
        }
        for fold in 0..4 {
            let rows = folds.iter().filter(|found| **found == fold).count();
            assert!((245..=255).contains(&rows), "{rows} of fold {fold}");
        }
        assert_ne!(folds, folds_of(&row_ids, &groups, 4, 8));
    }
}
