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

/// The score of each row, in nats of log-odds, by a model that is fitted to the rows of all other folds (Stone
/// 1974), `[N]`; `None` where the other folds have rows of one class only, or where the fold has more than twice
/// its share of the rows. `ids` gives the tokens of a row, `labels` `[N]` are 0 and 1, `folds` `[N]` are numbers
/// below `count`. `on_fold` is told of every fold.
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
    recipe: &Recipe,
    mut on_fold: impl FnMut(u32),
) -> Result<Vec<Option<f64>>, LinearError> {
    let vocabulary = Vocabulary::counted(
        &|row| (ids(row), labels[row] == 1),
        labels.len(),
        (recipe.min_count, recipe.smoothing),
        (recipe.code, recipe.skipped.clone()),
    )?;
    let matrix = Matrix::of(&vocabulary, ids, labels.len());
    let mut scores = vec![None; labels.len()];
    for fold in 0..count {
        let (own, others): (Vec<u32>, Vec<u32>) =
            (0..labels.len() as u32).partition(|row| folds[*row as usize] == fold);
        let truth = others.iter().map(|row| f64::from(labels[*row as usize]));
        let truth: Vec<f64> = truth.collect();
        // Twice its share of the rows: a group as large as that leaves too little to learn from.
        let is_small = own.len() * count as usize <= 2 * labels.len();
        let has_classes = [0.0, 1.0].iter().all(|class| truth.contains(class));
        if is_small && has_classes && !own.is_empty() {
            let counts = matrix.counts(labels, &others);
            let part = Part {
                matrix: &matrix,
                rows: others,
                values: ratios(&counts, recipe.min_count, recipe.smoothing),
            };
            let start = vec![0.0; part.values.len() + 1];
            let found = fit(&part, &truth, (recipe.penalty, TOLERANCE), &start);
            for (row, score) in own.iter().zip(part.scores_of(&own, &found.weights)) {
                scores[*row as usize] = Some(score);
            }
        }
        on_fold(fold);
    }
    Ok(scores)
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
        cross_fitted(&ids, labels, (folds, count), &recipe(), |_| ()).expect("frequent enough")
    }

    #[test]
    fn a_score_is_that_of_a_model_fitted_to_the_other_folds_alone() {
        let (texts, labels, folds) = rows();
        let found = scores(&texts, &labels, &folds, 3);
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
            let alone = fit(&matrix.whole(), &truth, (penalty, 1e-9), &start);
            let model = NgramModel::new(&vocabulary, &alone.weights);
            for row in (0..60).filter(|row| folds[*row] == fold) {
                let score = found[row].expect("a score");
                let expected = model.difference(&texts[row]);
                assert!((score - expected).abs() < 1e-3, "{row}: {score} {expected}");
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
