//! Precision, recall and F1 of each class with intervals, for any number of classes.

use serde::{Deserialize, Serialize};

use crate::{Estimate, wilson_interval};

/// The figures of one class, whose rows are compared with all other rows (one-vs-rest).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// Rows with this label.
    pub rows: u64,
    /// Share of correct rows among those predicted as this class. `None` if there are none.
    pub precision: Option<Estimate>,
    /// Share of the rows of this class that are predicted as it. `None` without such rows.
    pub recall: Option<Estimate>,
    /// Harmonic mean of precision and recall.
    pub f1: Option<Estimate>,
}

/// The figures of every class from a confusion matrix: `matrix[label][prediction]` counts rows.
///
/// Intervals are Wilson's. F1 follows from the share `j` of correct rows among those labelled or predicted as the
/// class: it is `2 j / (1 + j)` (Lam, Gopal and Qian 2023, arXiv 2309.14621).
pub fn class_figures(matrix: &[Vec<u64>], confidence: f64) -> Vec<ClassFigures> {
    let figures = |(class, row): (usize, &Vec<u64>)| {
        let labelled: u64 = row.iter().sum();
        let predicted = matrix.iter().filter_map(|row| row.get(class)).sum::<u64>();
        let correct = row.get(class).copied().unwrap_or(0);
        let f1 = |share: f64| 2.0 * share / (1.0 + share);
        let agreement = wilson_interval(correct, labelled + predicted - correct, confidence);
        ClassFigures {
            rows: labelled,
            precision: wilson_interval(correct, predicted, confidence),
            recall: wilson_interval(correct, labelled, confidence),
            f1: agreement.map(|it| Estimate {
                value: f1(it.value),
                low: f1(it.low),
                high: f1(it.high),
            }),
        }
    };
    matrix.iter().enumerate().map(figures).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(estimate: Option<Estimate>) -> f64 {
        estimate.expect("the rows define it").value
    }

    #[test]
    fn figures_of_three_classes_match_a_table_worked_by_hand() {
        let matrix = [vec![8, 2, 0], vec![1, 6, 3], vec![0, 0, 0]];
        let found = class_figures(&matrix, 0.95);
        assert_eq!([found[0].rows, found[1].rows, found[2].rows], [10, 10, 0]);
        let expected = [(8.0 / 9.0, 0.8, 16.0 / 19.0), (0.75, 0.6, 12.0 / 18.0)];
        for (class, (precision, recall, f1)) in found.iter().zip(expected) {
            assert!((value(class.precision) - precision).abs() < 1e-12);
            assert!((value(class.recall) - recall).abs() < 1e-12);
            assert!((value(class.f1) - f1).abs() < 1e-12);
        }
        // Nothing has the label of the third class, and three rows are predicted as it.
        assert_eq!(found[2].recall, None);
        assert_eq!([value(found[2].precision), value(found[2].f1)], [0.0, 0.0]);
        assert!(class_figures(&[], 0.95).is_empty());
    }
}
