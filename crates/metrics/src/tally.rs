//! Judged rows in the form from which every figure follows: for each probability that occurs, from
//! the highest down, how many negatives and positives have it.
//!
//! Sorting once and counting afterwards is what makes the bootstrap fast: a resample is the same
//! list of probabilities with other counts. Equal probabilities share an entry, so ties are treated
//! alike whatever order the rows came in.

use std::fmt::Display;

use crate::MetricsError;

/// A review is called positive from this probability on.
pub const THRESHOLD: f64 = 0.5;

/// Whether a model that gives this probability of the positive class is right about this label.
pub fn is_correct(label: u8, probability: f32) -> bool {
    (f64::from(probability) >= THRESHOLD) == (label == 1)
}

/// Probabilities are kept this far from 0 and 1 under a logarithm. The nearest numbers to 1 that an
/// f32 can hold are 6e-8 apart, so a smaller bound would punish rounding.
const CLIP: f64 = 1e-7;

/// One probability and what it costs, beside the rows that have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) probability: f64,
    /// `-ln` of the probability given to each class, clipped.
    pub(crate) losses: [f64; 2],
}

/// How many rows of a level are negative and positive.
pub(crate) type Counts = [u32; 2];

/// Checked rows, grouped by probability.
#[derive(Clone, Debug)]
pub struct ScoredRows {
    /// Distinct probabilities, from the highest down.
    pub(crate) levels: Vec<Level>,
    /// The rows of each level by label.
    pub(crate) counts: Vec<Counts>,
    /// Where each row is counted: twice the level's index plus the label.
    pub(crate) cell_of_row: Vec<u32>,
}

impl ScoredRows {
    /// Checks and groups rows. `labels` are 0 (negative) or 1 (positive), `probabilities` those of
    /// the positive class.
    ///
    /// # Errors
    /// Lengths differ, a label is neither 0 nor 1, a probability is no number from 0 to 1.
    pub fn new(labels: &[u8], probabilities: &[f32]) -> Result<Self, MetricsError> {
        check_labels(labels, probabilities.len(), "probabilities")?;
        check_each("probability", probabilities, "from 0 to 1", |value| {
            (0.0..=1.0).contains(&value)
        })?;
        let mut order: Vec<u32> = (0..labels.len() as u32).collect();
        order.sort_unstable_by(|&one, &two| {
            probabilities[two as usize].total_cmp(&probabilities[one as usize])
        });
        let mut tally = Self {
            levels: Vec::new(),
            counts: Vec::new(),
            cell_of_row: vec![0; labels.len()],
        };
        for row in order.into_iter().map(|row| row as usize) {
            let probability = f64::from(probabilities[row]);
            let last = tally.levels.last();
            if last.is_none_or(|level| level.probability != probability) {
                tally.levels.push(Level {
                    probability,
                    losses: [loss(1.0 - probability), loss(probability)],
                });
                tally.counts.push([0, 0]);
            }
            let level = tally.levels.len() - 1;
            tally.counts[level][usize::from(labels[row])] += 1;
            tally.cell_of_row[row] = (2 * level) as u32 + u32::from(labels[row]);
        }
        Ok(tally)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.cell_of_row.len()
    }

    /// Rows by label: negatives, positives.
    pub fn classes(&self) -> [u64; 2] {
        totals(&self.counts)
    }

    /// Levels with their counts, from the highest probability down.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&Level, Counts)> {
        self.levels.iter().zip(self.counts.iter().copied())
    }
}

/// Sums counts over levels.
pub(crate) fn totals(counts: &[Counts]) -> [u64; 2] {
    counts.iter().fold([0, 0], |[negative, positive], count| {
        let [negatives, positives] = count.map(u64::from);
        [negative + negatives, positive + positives]
    })
}

fn loss(probability: f64) -> f64 {
    -probability.clamp(CLIP, 1.0 - CLIP).ln()
}

/// Refuses the first value that is not what it must be.
pub(crate) fn check_each<T: Copy + Display>(
    what: &str,
    values: &[T],
    expected: &str,
    fits: impl Fn(T) -> bool,
) -> Result<(), MetricsError> {
    match values.iter().position(|value| !fits(*value)) {
        None => Ok(()),
        Some(row) => Err(MetricsError(format!(
            "The {what} of row {row} is {} and must be {expected}",
            values[row]
        ))),
    }
}

/// Checks that labels are 0 or 1 and as many as the values beside them.
pub(crate) fn check_labels(labels: &[u8], values: usize, what: &str) -> Result<(), MetricsError> {
    if labels.len() != values {
        let labels = labels.len();
        return Err(MetricsError(format!(
            "There are {labels} labels and {values} {what}"
        )));
    }
    check_each("label", labels, "0 or 1", |label| label <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_probabilities_share_a_level() {
        let tally =
            ScoredRows::new(&[0, 1, 1, 0], &[0.5, 0.5, 0.9, 0.1]).expect("the rows are fine");
        let found: Vec<(f64, Counts)> = tally
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
        assert_eq!(tally.cell_of_row, [2, 3, 1, 4]);
        assert_eq!(tally.classes(), [2, 2]);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let check = |labels: &[u8], probabilities: &[f32], expected: &str| {
            let error = ScoredRows::new(labels, probabilities).expect_err("it is damaged");
            assert_eq!(error.to_string(), expected);
        };
        check(&[0], &[], "There are 1 labels and 0 probabilities");
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
