use super::*;
use crate::NgramModel;

/// 60 rows of four kinds of tokens: an id that no other row has, a word that mostly matches the label, a word that does
/// not, and a word that only rows of the first fold have.
fn rows() -> (Vec<Vec<u32>>, Vec<u8>, Vec<u32>) {
    let number = |row: u32| row.wrapping_mul(2_654_435_761) >> 8;
    let labels: Vec<u8> = (0..60).map(|row| (row % 2) as u8).collect();
    let folds: Vec<u32> = (0..60).map(|row| (row / 2) % 3).collect();
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

fn settings() -> CrossFitSettings {
    CrossFitSettings {
        encoding: NgramEncoding::new(100, 2).expect("a valid encoding"),
        skipped: vec![0],
        min_count: 2,
        smoothing: 1.0,
        penalty: 1e-2,
    }
}

fn scores(texts: &[Vec<u32>], labels: &[u8], folds: &[u32], count: u32) -> Vec<Option<f64>> {
    let ids = |row: usize| texts[row].clone();
    cross_fit_scores(&ids, labels, (folds, count), &settings(), |_| ()).expect("frequent enough")
}

#[test]
fn a_score_comes_from_a_model_fitted_to_the_other_folds() {
    let (texts, labels, folds) = rows();
    let found = scores(&texts, &labels, &folds, 3);
    for fold in 0..3 {
        let others: Vec<usize> = (0..60).filter(|row| folds[*row] != fold).collect();
        let CrossFitSettings {
            min_count,
            smoothing,
            penalty,
            skipped,
            ..
        } = settings();
        let read = |row: usize| (texts[others[row]].clone(), labels[others[row]] == 1);
        let vocabulary = Vocabulary::count(
            &read,
            others.len(),
            (2, min_count, smoothing),
            (100, skipped),
        );
        let vocabulary = vocabulary.expect("frequent enough");
        let matrix = Matrix::new(&vocabulary, &|row: usize| read(row).0, others.len());
        let truth: Vec<f64> = others.iter().map(|row| f64::from(labels[*row])).collect();
        let start = vec![0.0; vocabulary.ngrams.len() + 1];
        let alone = fit(&matrix.all_rows(), &truth, (penalty, 1e-9), &start);
        let model = NgramModel::new(&vocabulary, &alone.weights);
        for row in (0..60).filter(|row| folds[*row] == fold) {
            let score = found[row].expect("a score");
            let expected = model.score(&texts[row]);
            assert!((score - expected).abs() < 1e-3, "{row}: {score} {expected}");
        }
    }
    // The models have learned: most rows are predicted correctly.
    let correct = found
        .iter()
        .zip(&labels)
        .filter(|(score, label)| score.is_some_and(|score| (score > 0.0) == (**label == 1)));
    assert!(correct.count() > 40);
}

#[test]
fn the_labels_of_a_fold_do_not_affect_its_own_scores() {
    let (texts, labels, folds) = rows();
    let found = scores(&texts, &labels, &folds, 3);
    let mut flipped = labels.clone();
    for (label, _) in flipped
        .iter_mut()
        .zip(&folds)
        .filter(|(_, fold)| **fold == 1)
    {
        *label = 1 - *label;
    }
    let other = scores(&texts, &flipped, &folds, 3);
    for row in 0..60 {
        assert_eq!(found[row] == other[row], folds[row] == 1, "row {row}");
    }
}

#[test]
fn a_fold_has_no_score_if_the_others_are_not_enough() {
    let (texts, labels, _) = rows();
    // Without the rows of one class, the other folds have one class only.
    let folds: Vec<u32> = labels.iter().map(|label| u32::from(*label == 0)).collect();
    assert_eq!(scores(&texts, &labels, &folds, 2), vec![None; 60]);
    // A fold with more than twice its share gets no scores; the other folds are fitted to it.
    let folds: Vec<u32> = (0..60_u32).map(|row| row.saturating_sub(50)).collect();
    let found = scores(&texts, &labels, &folds, 10);
    assert!(
        found
            .iter()
            .zip(&folds)
            .all(|(score, fold)| score.is_none() == (*fold == 0))
    );
}
