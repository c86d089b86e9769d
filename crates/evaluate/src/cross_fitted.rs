//! What a linear model would say of its own training reviews, had it not learned from them: they tell how it errs
//! as validation reviews do, and there are many more of them.
//!
//! The training reviews are parted into folds, and each fold is predicted by a model that learned from the
//! others (Stone 1974; Forman 2008 for error rates). Reviews of a group stay together, because a model knows a
//! film of which it has read other reviews. Networks would have to be trained as often, which takes hours.
//! Penalty and calibration are those of the model, which chose them on validation.
//!
//! A model of nine tenths of the reviews is a little less sure than one of all, and errs a little more. How much, the
//! validation reviews tell, which both have not learned from: the scores of a fold's rows are moved by as much as the
//! model itself is ahead there, class by class, so that they have the mean that its own would have. (What is known
//! of many rows roughly is set right by few that are known well: a control variate, as in prediction-powered
//! inference, Angelopoulos et al. 2023.)

use std::collections::{BTreeMap, HashMap};

use artifact::{OutputFile, Split, StageName, groups_of};
use bundle::ModelFile;
use classifier::TokenRows;
use linear::{LinearError, NgramModel, Recipe, cross_fitted};
use metrics::random::Draws;
use rayon::prelude::*;
use settings::EvaluationSettings;
use stage::{Context, Failure};

use crate::{CROSS_FITTED, Prediction, predictions};

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
    let row_ids: Vec<u64> = (0..rows.len()).map(|row| rows.row_id(row)).collect();
    let labels: Vec<u8> = (0..rows.len()).map(|row| rows.label(row)).collect();
    let groups = groups_of(context.input(StageName::Clean))?;
    let folds = folds_of(&row_ids, &groups, settings.folds, settings.seed);
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
    let validation = Validation::read(context, model)?;
    let ids = |row: usize| match row.checked_sub(rows.len()) {
        None => rows.ids(row),
        Some(row) => validation.rows.ids(row),
    };
    let on_fold = |_| task.advance(1);
    let (parts, beside) = ((&folds[..], settings.folds), validation.rows.len());
    let found = match cross_fitted(&ids, &labels, parts, beside, &recipe, on_fold) {
        // Too few reviews to learn from any part of them.
        Err(LinearError::NoFeatures(_)) => return Ok(None),
        found => found.map_err(Failure::from_error)?,
    };
    let of_fold = |scores: &Vec<f64>| ahead(&validation.scores, scores, &validation.labels);
    let moved: Vec<[f64; 2]> = found.beside.iter().map(of_fold).collect();
    let said = (0..rows.len()).filter_map(|row| {
        let label = labels[row];
        let score = found.own[row]? + moved[folds[row] as usize][usize::from(label)];
        Some(Prediction {
            row_id: row_ids[row],
            split: Split::Train,
            label,
            probability: description.calibration.probability(score) as f32,
        })
    });
    let said: Vec<Prediction> = said.collect();
    if said.is_empty() {
        return Ok(None);
    }
    let path = context.output().join(CROSS_FITTED);
    let written = predictions::write(&path, &settings.model, &said)?;
    Ok(Some(OutputFile::table(CROSS_FITTED, written)))
}

/// The validation rows, which neither the model nor those of the folds have learned from.
struct Validation {
    rows: TokenRows,
    labels: Vec<u8>,
    /// What the model says of each, in nats of log-odds.
    scores: Vec<f64>,
}

impl Validation {
    fn read(context: &Context, model: &NgramModel) -> Result<Self, Failure> {
        let rows = TokenRows::open(context.input(StageName::Tokenize), Split::Validation)?;
        let all = (0..rows.len()).into_par_iter();
        Ok(Self {
            scores: all.map(|row| model.difference(&rows.ids(row))).collect(),
            labels: (0..rows.len()).map(|row| rows.label(row)).collect(),
            rows,
        })
    }
}

/// How far a model is ahead of another on rows of either class, the negative one first: the means of the differences
/// between their scores, 0 where there are no rows.
fn ahead(model: &[f64], other: &[f64], labels: &[u8]) -> [f64; 2] {
    [0, 1].map(|class| {
        let rows = model.iter().zip(other).zip(labels);
        let of_class = rows.filter(|(_, label)| **label == class);
        let (sum, count) = of_class.fold((0.0, 0_u32), |(sum, count), ((one, two), _)| {
            (sum + one - two, count + 1)
        });
        sum / f64::from(count.max(1))
    })
}

/// The fold of each row, `[N]` numbers below `count`: the same for all rows of a group. Groups come in random
/// order, each to the fold that has the fewest rows by then, so that folds are about as large.
fn folds_of(row_ids: &[u64], groups: &HashMap<u64, u64>, count: u32, seed: u64) -> Vec<u32> {
    let group_of = |row_id: &u64| *groups.get(row_id).unwrap_or(row_id);
    let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
    for row_id in row_ids {
        *sizes.entry(group_of(row_id)).or_default() += 1;
    }
    let draws = Draws::new(seed, FOLDS);
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
    fn a_model_is_ahead_class_by_class() {
        let [negative, positive] = ahead(&[3.0, -2.0, 1.0], &[2.0, -1.5, 1.5], &[1, 0, 1]);
        assert_eq!((negative, positive), (-0.5, 0.25));
        assert_eq!(ahead(&[3.0], &[2.0], &[1]), [0.0, 1.0]);
        assert_eq!(ahead(&[3.0], &[], &[1]), [0.0, 0.0]);
    }

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
