use super::*;

/// Expected: accuracy, precision, recall, F1, MCC.
fn check(found: ConfusionMatrix, expected: [Option<f64>; 5]) {
    let figures = [
        found.accuracy(),
        found.precision(),
        found.recall(),
        found.f1(),
        found.mcc(),
    ];
    for (figure, expected) in figures.into_iter().zip(expected) {
        match (figure, expected) {
            (Some(figure), Some(expected)) => {
                assert!((figure - expected).abs() < 1e-12, "{figure} {expected}")
            }
            (figure, expected) => assert_eq!(figure, expected),
        }
    }
}

fn table(tn: u64, fp: u64, fn_: u64, tp: u64) -> ConfusionMatrix {
    ConfusionMatrix {
        true_negative: tn,
        false_positive: fp,
        false_negative: fn_,
        true_positive: tp,
    }
}

#[test]
fn figures_match_a_table_worked_by_hand() {
    // 50 negatives, 40 kept; 50 positives, 30 found. MCC: (30*40 - 10*20)/sqrt(40*50*50*60).
    let mcc = 1000.0 / 6_000_000_f64.sqrt();
    check(
        table(40, 10, 20, 30),
        [Some(0.7), Some(0.75), Some(0.6), Some(2.0 / 3.0), Some(mcc)],
    );
    check(table(5, 0, 0, 5), [Some(1.0); 5]);
    check(
        table(0, 5, 5, 0),
        [Some(0.0), Some(0.0), Some(0.0), Some(0.0), Some(-1.0)],
    );
}

#[test]
fn what_is_not_defined_is_none() {
    check(table(0, 0, 0, 0), [None; 5]);
    check(table(9, 0, 0, 0), [Some(1.0), None, None, None, None]);
    check(
        table(0, 0, 3, 0),
        [Some(0.0), None, Some(0.0), Some(0.0), None],
    );
    check(
        table(0, 0, 0, 3),
        [Some(1.0), Some(1.0), Some(1.0), Some(1.0), None],
    );
}

#[test]
fn shares_have_intervals_of_wilson_of_their_own_rows() {
    // 41 of 41 right, 20 of them positive: Wilson's lower ends are 1 / (1 + z^2 / rows).
    let all_right = table(21, 0, 0, 20);
    let z2 = 3.841_459;
    let [of_41, of_20] = [41.0, 20.0].map(|rows| 1.0 / (1.0 + z2 / rows));
    for (metric, low) in [
        (Metric::Accuracy, of_41),
        (Metric::Precision, of_20),
        (Metric::Recall, of_20),
        (Metric::F1, 2.0 * of_20 / (1.0 + of_20)),
    ] {
        let found = all_right.share(metric, 0.95).expect("it is defined");
        assert_eq!((found.value, found.high), (1.0, 1.0));
        assert!((found.low - low).abs() < 1e-6, "{metric:?}: {found:?}");
    }
    // 1 found of 3 that are positive or called so; statsmodels says 0.061492 to 0.792340 of 1 of 3.
    let found = table(9, 1, 1, 1)
        .share(Metric::F1, 0.95)
        .expect("it is defined");
    let expected = [
        0.5,
        2.0 * 0.061_492 / 1.061_492,
        2.0 * 0.792_340 / 1.792_340,
    ];
    for (found, expected) in [found.value, found.low, found.high].iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    assert_eq!(all_right.share(Metric::Mcc, 0.95), None);
    assert_eq!(table(9, 0, 0, 0).share(Metric::Precision, 0.95), None);
}

#[test]
fn one_half_is_called_positive() {
    let tally = ScoredRows::new(&[0, 1, 1, 0], &[0.5, 0.5, 0.499, 0.2]).expect("the rows are fine");
    assert_eq!(confusion_matrix(&tally), table(1, 1, 1, 1));
}
