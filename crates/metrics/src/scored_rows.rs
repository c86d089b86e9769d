//! Labelled predictions, grouped by probability: for each distinct probability, in descending order, the number of
//! negative and positive rows.
//!
//! All metrics are computed from this form. It makes the bootstrap fast: a resample has the same sorted probabilities
//! with other counts. Rows with equal probabilities share an entry, so results do not depend on their order.

use std::fmt::Display;

use crate::MetricsError;

/// A row is predicted positive if its probability is at least this.
pub const THRESHOLD: f64 = 0.5;

/// Whether the predicted label of a row with this probability of the positive class equals its label.
pub fn is_correct(label: u8, probability: f32) -> bool {
    (f64::from(probability) >= THRESHOLD) == (label == 1)
}

/// Minimum distance of a probability from 0 and 1 in the log loss. It is above the resolution of f32 near 1 (6e-8), so
/// rounding does not change the loss.
const CLIP: f64 = 1e-7;

/// A distinct probability and its losses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) probability: f64,
    /// `-ln` of the clipped probability of each class: negative, positive.
    pub(crate) losses: [f64; 2],
}

/// Number of negative and positive rows with the same probability.
pub(crate) type Counts = [u32; 2];

/// Labelled predictions that are checked and grouped by probability.
#[derive(Clone, Debug)]
pub struct ScoredRows {
    /// Distinct probabilities, in descending order.
    pub(crate) levels: Vec<Level>,
    /// Rows by label for each distinct probability.
    pub(crate) counts: Vec<Counts>,
    /// The cell that counts each row: twice the index of its probability, plus its label.
    pub(crate) cell_of_row: Vec<u32>,
}

impl ScoredRows {
    /// Checks and groups rows. `labels` are 0 (negative) or 1 (positive); `probabilities` are those of the positive
    /// class.
    ///
    /// # Errors
    /// Lengths differ, a label is neither 0 nor 1, or a probability is not between 0 and 1.
    pub fn new(labels: &[u8], probabilities: &[f32]) -> Result<Self, MetricsError> {
        check_labels(labels, probabilities.len(), "probabilities")?;
        check_each("probability", probabilities, "from 0 to 1", |value| {
            (0.0..=1.0).contains(&value)
        })?;
        let mut order: Vec<u32> = (0..labels.len() as u32).collect();
        order.sort_unstable_by(|&one, &two| {
            probabilities[two as usize].total_cmp(&probabilities[one as usize])
        });
        let mut rows = Self {
            levels: Vec::new(),
            counts: Vec::new(),
            cell_of_row: vec![0; labels.len()],
        };
        for row in order.into_iter().map(|row| row as usize) {
            let probability = f64::from(probabilities[row]);
            let last = rows.levels.last();
            if last.is_none_or(|level| level.probability != probability) {
                rows.levels.push(Level {
                    probability,
                    losses: [loss(1.0 - probability), loss(probability)],
                });
                rows.counts.push([0, 0]);
            }
            let level = rows.levels.len() - 1;
            rows.counts[level][usize::from(labels[row])] += 1;
            rows.cell_of_row[row] = (2 * level) as u32 + u32::from(labels[row]);
        }
        Ok(rows)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.cell_of_row.len()
    }

    /// Number of negative and positive rows.
    pub fn class_counts(&self) -> [u64; 2] {
        totals(&self.counts)
    }

    /// Distinct probabilities with their counts, in descending order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&Level, Counts)> {
        self.levels.iter().zip(self.counts.iter().copied())
    }
}

/// Sums counts over probabilities.
pub(crate) fn totals(counts: &[Counts]) -> [u64; 2] {
    counts.iter().fold([0, 0], |[negative, positive], count| {
        let [negatives, positives] = count.map(u64::from);
        [negative + negatives, positive + positives]
    })
}

fn loss(probability: f64) -> f64 {
    -probability.clamp(CLIP, 1.0 - CLIP).ln()
}

/// Fails for the first value that is not valid.
pub(crate) fn check_each<T: Copy + Display>(
    what: &str,
    values: &[T],
    expected: &str,
    is_valid: impl Fn(T) -> bool,
) -> Result<(), MetricsError> {
    match values.iter().position(|value| !is_valid(*value)) {
        None => Ok(()),
        Some(row) => Err(MetricsError(format!(
            "The {what} of row {row} is {} and must be {expected}",
            values[row]
        ))),
    }
}

/// Checks that labels are 0 or 1, and that there are as many as values.
pub(crate) fn check_labels(labels: &[u8], values: usize, what: &str) -> Result<(), MetricsError> {
    if labels.len() != values {
        let labels = labels.len();
        return Err(MetricsError(format!(
            "The number of labels is {labels}, and the number of {what} is {values}"
        )));
    }
    check_each("label", labels, "0 or 1", |label| label <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_probabilities_share_an_entry() {
        let rows = ScoredRows::new(&[0, 1, 1, 0], &[0.5, 0.5, 0.9, 0.1]).expect("valid rows");
        let found: Vec<(f64, Counts)> = rows
            .cells()
            .map(|(level, counts)| (level.probability, counts))
            .collect();
        assert_eq!(
            found,
            [
                (f64::from(0.9_f32), [0, 1]),
                (0.5, [1, 1]),
                (f64::from(0.1_f32), [1, 0])
            ]
        );
        assert_eq!(rows.cell_of_row, [2, 3, 1, 4]);
        assert_eq!(rows.class_counts(), [2, 2]);
    }

    #[test]
    fn invalid_rows_are_rejected() {
        let check = |labels: &[u8], probabilities: &[f32], expected: &str| {
            let error = ScoredRows::new(labels, probabilities).expect_err("invalid rows");
            assert_eq!(error.to_string(), expected);
        };
        check(
            &[0],
            &[],
            "The number of labels is 1, and the number of probabilities is 0",
        );
        check(
            &[0, 2],
            &[0.5, 0.5],
            "The label of row 1 is 2 and must be 0 or 1",
        );
        check(
            &[0, 1],
            &[0.5, 1.5],
            "The probability of row 1 is 1.5 and must be from 0 to 1",
        );
        check(
            &[0],
            &[f32::NAN],
            "The probability of row 0 is NaN and must be from 0 to 1",
        );
    }
}
