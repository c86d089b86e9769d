//! Cross-fitting: scores of training rows by models that were not fitted to them.

use crate::matrix::MatrixRows;
use crate::newton::fit;
use crate::ngram::NgramEncoding;
use crate::vocabulary::ratios;
use crate::{LinearError, Matrix, Vocabulary};

/// Newton's method stops when no gradient component is above this; the scores no longer change then.
const TOLERANCE: f64 = 1e-6;

/// The settings of a fit, without the rows.
#[derive(Clone, Debug)]
pub struct CrossFitSettings {
    /// How tokens become n-grams.
    pub encoding: NgramEncoding,
    /// Ids that no n-gram may contain.
    pub skipped: Vec<u32>,
    /// An n-gram is used if at least this many rows contain it.
    pub min_count: u32,
    /// Added to every count.
    pub smoothing: f64,
    /// Factor of half the squared norm of the weights in the objective.
    pub penalty: f64,
}

/// The score of each row, in nats of log-odds, by a model fitted to the rows of all other folds (Stone 1974): `[N]`.
///
/// `ids` returns the tokens of a row, `labels` `[N]` are 0 and 1, `folds` `[N]` are numbers below `count`. `on_fold` is
/// called after each fold. A score is `None` if the other folds have rows of one class only, or if the fold has more
/// than twice its equal share of the rows.
///
/// A row's own fold does not affect its score: n-grams are selected and weighted anew for every fold. Only the
/// positions of n-grams in the rows are looked up once for all folds.
///
/// # Errors
/// No n-gram is in enough rows.
pub fn cross_fit_scores(
    ids: &(impl Fn(usize) -> Vec<u32> + Sync),
    labels: &[u8],
    (folds, count): (&[u32], u32),
    settings: &CrossFitSettings,
    mut on_fold: impl FnMut(u32),
) -> Result<Vec<Option<f64>>, LinearError> {
    let vocabulary = Vocabulary::count_with_encoding(
        &|row| (ids(row), labels[row] == 1),
        labels.len(),
        (settings.min_count, settings.smoothing),
        (settings.encoding, settings.skipped.clone()),
    )?;
    let matrix = Matrix::new(&vocabulary, ids, labels.len());
    let mut scores = vec![None; labels.len()];
    for fold in 0..count {
        let (rows, others): (Vec<u32>, Vec<u32>) =
            (0..labels.len() as u32).partition(|row| folds[*row as usize] == fold);
        let truth = others.iter().map(|row| f64::from(labels[*row as usize]));
        let truth: Vec<f64> = truth.collect();
        // The rows outside a very large fold are too few to fit a model.
        let is_small_enough = rows.len() * count as usize <= 2 * labels.len();
        let has_classes = [0.0, 1.0].iter().all(|class| truth.contains(class));
        if is_small_enough && has_classes && !rows.is_empty() {
            let counts = matrix.counts(labels, &others);
            let part = MatrixRows {
                matrix: &matrix,
                rows: others,
                values: ratios(&counts, settings.min_count, settings.smoothing),
            };
            let start = vec![0.0; part.values.len() + 1];
            let found = fit(&part, &truth, (settings.penalty, TOLERANCE), &start);
            for (row, score) in rows.iter().zip(part.row_scores(&rows, &found.weights)) {
                scores[*row as usize] = Some(score);
            }
        }
        on_fold(fold);
    }
    Ok(scores)
}

#[cfg(test)]
mod tests;
