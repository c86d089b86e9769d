//! What models say of the rows that they did not learn from.

use crate::matrix::Part;
use crate::newton::fit;
use crate::ngram::Code;
use crate::vocabulary::ratios;
use crate::{LinearError, Matrix, Vocabulary};

/// A gradient whose largest component is below this is taken for none: the scores do not move any more.
const TOLERANCE: f64 = 1e-6;

/// How a model is fitted, but for the rows.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// How tokens become n-grams.
    pub code: Code,
    /// Ids that are in no n-gram.
    pub skipped: Vec<u32>,
    /// Rows that must have an n-gram for it to count.
    pub min_count: u32,
    /// Added to every count.
    pub smoothing: f64,
    /// Half of it is the weight of the squared length of the weights.
    pub penalty: f64,
}

/// What the models of all folds say, in nats of log-odds.
#[derive(Clone, Debug)]
pub struct CrossFitted {
    /// What is said of each row by the model that is fitted to the rows of all other folds (Stone 1974), `[N]`; `None`
    /// where there is no such model: the other folds have rows of one class only, or the fold has more than twice its
    /// share of the rows.
    pub own: Vec<Option<f64>>,
    /// What the model without a fold says of the rows that are in none, by fold, `[K, M]`; empty where there is none.
    pub beside: Vec<Vec<f64>>,
}

/// Fits a model to all folds but one, for each of them, and asks it about the rows of that one and about `beside`
/// rows that are in no fold. `ids` gives the tokens of a row, those in no fold behind the others; `labels` `[N]` are 0
/// and 1, `folds` `[N]` are numbers below `count`. `on_fold` is told of every fold.
///
/// Nothing of a row's own fold goes into its score: which n-grams count and what each says by itself is found
/// anew for every fold. Where n-grams stand in the rows is looked up once for all folds.
///
/// # Errors
/// No n-gram is frequent enough.
pub fn cross_fitted(
    ids: &(impl Fn(usize) -> Vec<u32> + Sync),
    labels: &[u8],
    (folds, count): (&[u32], u32),
    beside: usize,
    recipe: &Recipe,
    mut on_fold: impl FnMut(u32),
) -> Result<CrossFitted, LinearError> {
    let vocabulary = Vocabulary::counted(
        &|row| (ids(row), labels[row] == 1),
        labels.len(),
        (recipe.min_count, recipe.smoothing),
        (recipe.code, recipe.skipped.clone()),
    )?;
    let rows = labels.len() as u32;
    let matrix = Matrix::of(&vocabulary, ids, labels.len() + beside);
    let beside: Vec<u32> = (rows..rows + beside as u32).collect();
    let mut found = CrossFitted {
        own: vec![None; labels.len()],
        beside: Vec::new(),
    };
    for fold in 0..count {
        let (own, others): (Vec<u32>, Vec<u32>) =
            (0..rows).partition(|row| folds[*row as usize] == fold);
        let truth: Vec<f64> = others
            .iter()
            .map(|row| f64::from(labels[*row as usize]))
            .collect();
        // Twice its share of the rows: a group as large as that leaves too little to learn from.
        let is_small = own.len() * count as usize <= 2 * labels.len();
        let has_classes = [0.0, 1.0].iter().all(|class| truth.contains(class));
        let mut of_beside = Vec::new();
        if is_small && has_classes && !own.is_empty() {
            let counts = matrix.counts(labels, &others);
            let part = Part {
                matrix: &matrix,
                rows: &others,
                values: ratios(&counts, recipe.min_count, recipe.smoothing),
            };
            let start = vec![0.0; part.values.len() + 1];
            let weights = fit(&part, &truth, (recipe.penalty, TOLERANCE), &start).weights;
            for (row, score) in own.iter().zip(part.scores_of(&own, &weights)) {
                found.own[*row as usize] = Some(score);
            }
            of_beside = part.scores_of(&beside, &weights);
        }
        found.beside.push(of_beside);
        on_fold(fold);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NgramModel;

    /// 60 rows of a number that is in one row alone, a word that mostly tells, one that does not, and one that only
    /// rows of the first fold have.
    fn rows() -> (Vec<Vec<u32>>, Vec<u8>, Vec<u32>) {
        let number = |row: u32| row.wrapping_mul(2_654_435_761) >> 8;
        let labels: Vec<u8> = (0..60).map(|row| (row % 2) as u8).collect();
        let folds: Vec<u32> = (0..60).map(|row| row / 2 % 3).collect();
        let text = |row: u32| {
            let wrong = u32::from(number(row) % 5 == 0);
            let mut ids = vec![20 + row, 2 + ((row % 2) ^ wrong), 4 + number(row + 60) % 2];
            if folds[row as usize] == 0 {
                ids.push(9);
            }
            ids
        };
        ((0..60).map(text).collect(), labels, folds)
    }

    fn recipe() -> Recipe {
        Recipe {
            code: Code::new(100, 2).expect("it fits"),
            skipped: vec![0],
            min_count: 2,
            smoothing: 1.0,
            penalty: 1e-2,
        }
    }

    fn scores(texts: &[Vec<u32>], labels: &[u8], folds: &[u32], count: u32) -> Vec<Option<f64>> {
        let ids = |row: usize| texts[row].clone();
        let found = cross_fitted(&ids, labels, (folds, count), 0, &recipe(), |_| ());
        found.expect("frequent enough").own
    }

    #[test]
    fn a_score_is_that_of_a_model_fitted_to_the_other_folds_alone() {
        let (mut texts, labels, folds) = rows();
        // Two in no fold, of which nothing is learned: the first has what every row has, the other is of its own.
        texts.extend([vec![2, 4], vec![9, 90, 90]]);
        let ids = |row: usize| texts[row].clone();
        let all = cross_fitted(&ids, &labels, (&folds, 3), 2, &recipe(), |_| ());
        let CrossFitted { own: found, beside } = all.expect("frequent enough");
        assert_eq!(found, scores(&texts, &labels, &folds, 3));
        for fold in 0..3 {
            let others: Vec<usize> = (0..60).filter(|row| folds[*row] != fold).collect();
            let Recipe {
                min_count,
                smoothing,
                penalty,
                skipped,
                ..
            } = recipe();
            let read = |row: usize| (texts[others[row]].clone(), labels[others[row]] == 1);
            let vocabulary = Vocabulary::of(
                &read,
                others.len(),
                (2, min_count, smoothing),
                (100, skipped),
            );
            let vocabulary = vocabulary.expect("frequent enough");
            let matrix = Matrix::of(&vocabulary, &|row: usize| read(row).0, others.len());
            let truth: Vec<f64> = others.iter().map(|row| f64::from(labels[*row])).collect();
            let start = vec![0.0; vocabulary.ngrams.len() + 1];
            let alone = fit(&matrix, &truth, (penalty, 1e-9), &start);
            let model = NgramModel::new(&vocabulary, &alone.weights);
            for row in (0..60).filter(|row| folds[*row] == fold) {
                let score = found[row].expect("a score");
                let expected = model.difference(&texts[row]);
                assert!((score - expected).abs() < 1e-3, "{row}: {score} {expected}");
            }
            assert_eq!(beside[fold as usize].len(), 2);
            for (score, text) in beside[fold as usize].iter().zip(&texts[60..]) {
                let expected = model.difference(text);
                assert!(
                    (score - expected).abs() < 1e-3,
                    "{text:?}: {score} {expected}"
                );
            }
        }
        // And it learned: most rows are on their side.
        let right = found
            .iter()
            .zip(&labels)
            .filter(|(score, label)| score.is_some_and(|score| (score > 0.0) == (**label == 1)));
        assert!(right.count() > 40);
    }

    #[test]
    fn the_labels_of_a_fold_do_not_touch_its_own_scores() {
        let (texts, labels, folds) = rows();
        let found = scores(&texts, &labels, &folds, 3);
        let mut turned = labels.clone();
        for (label, _) in turned
            .iter_mut()
            .zip(&folds)
            .filter(|(_, fold)| **fold == 1)
        {
            *label = 1 - *label;
        }
        let other = scores(&texts, &turned, &folds, 3);
        for row in 0..60 {
            assert_eq!(found[row] == other[row], folds[row] == 1, "row {row}");
        }
    }

    #[test]
    fn a_fold_whose_others_cannot_teach_has_no_score() {
        let (texts, labels, _) = rows();
        // Who does not see the negative rows sees positives alone, and the other way round.
        let folds: Vec<u32> = labels.iter().map(|label| u32::from(*label == 0)).collect();
        assert_eq!(scores(&texts, &labels, &folds, 2), vec![None; 60]);
        // A fold with more than twice its share is left out; the others learn from it.
        let folds: Vec<u32> = (0..60_u32).map(|row| row.saturating_sub(50)).collect();
        let found = scores(&texts, &labels, &folds, 10);
        assert!(
            found
                .iter()
                .zip(&folds)
                .all(|(score, fold)| score.is_none() == (*fold == 0))
        );
    }
}
