//! The most confident errors of a model.

use crate::is_correct;

/// The ids of the wrong predictions with the highest probability of the wrong class, at most `count`, highest first.
/// Equal rows are ordered by id. A row is its id, its label, and the probability of the positive class.
pub fn most_confident_errors<Id: Copy + Ord>(
    rows: impl Iterator<Item = (Id, u8, f32)>,
    count: usize,
) -> Vec<Id> {
    let wrong = rows.filter(|(_, label, probability)| !is_correct(*label, *probability));
    let mut wrong: Vec<(f32, Id)> = wrong.map(|row| ((row.2 - 0.5).abs(), row.0)).collect();
    wrong.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.1.cmp(&two.1)));
    wrong.truncate(count);
    wrong.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_confident_errors_are_first() {
        let rows = [
            (7, 1, 0.1),
            (1, 0, 0.7),
            (3, 1, 0.9),
            (5, 0, 0.99),
            (2, 1, 0.1),
        ];
        assert_eq!(most_confident_errors(rows.into_iter(), 10), [5, 2, 7, 1]);
        assert_eq!(most_confident_errors(rows.into_iter(), 1), [5]);
    }
}
