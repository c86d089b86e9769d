//! What models say of the rows that they did not learn from.

use crate::matrix::MatrixRows;
use crate::newton::fit;
use crate::ngram::NgramEncoding;
use crate::vocabulary::ratios;
use crate::{LinearError, Matrix, Vocabulary};

/// A gradient whose largest component is below this is taken for none: the scores do not move any more.
const TOLERANCE: f64 = 1e-6;

/// How a model is fitted, but for the rows.
#[derive(Clone, Debug)]
pub struct CrossFitSettings {
    /// How tokens become n-grams.
    pub encoding: NgramEncoding,
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
pub fn cross_fit_scores(
    ids: &(impl Fn(usize) -> Vec<u32> + Sync),
    labels: &[u8],
    (folds, count): (&[u32], u32),
    recipe: &CrossFitSettings,
    mut on_fold: impl FnMut(u32),
) -> Result<Vec<Option<f64>>, LinearError> {
    let vocabulary = Vocabulary::counted(
        &|row| (ids(row), labels[row] == 1),
        labels.len(),
        (recipe.min_count, recipe.smoothing),
        (recipe.encoding, recipe.skipped.clone()),
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
            let part = MatrixRows {
                matrix: &matrix,
                rows: others,
                values: ratios(&counts, recipe.min_count, recipe.smoothing),
            };
            let start = vec![0.0; part.values.len() + 1];
            let found = fit(&part, &truth, (recipe.penalty, TOLERANCE), &start);
            for (row, score) in own.iter().zip(part.row_scores(&own, &found.weights)) {
                scores[*row as usize] = Some(score);
            }
        }
        on_fold(fold);
    }
    Ok(scores)
}

#[cfg(test)]
mod tests;
