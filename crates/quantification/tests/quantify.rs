//! Shares of a made-up classifier's texts: right on average, and covered as often as is said.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use metrics::random::Draws;
use quantification::{Method, QuantificationError, Quantifier};

/// Labels and probabilities of texts of which this share is positive, by a classifier whose log-odds are
/// normal around 1.2 or -1.2 with a deviation of 1.1, and which is too sure of itself by a third.
fn texts(share: f64, count: u64, seed: u64) -> (Vec<u8>, Vec<f32>) {
    let draws = Draws::new(seed, 99);
    let unit = |place: u64| (draws.bits(place) as f64 + 1.0) / (u64::MAX as f64 + 2.0);
    let row = |row: u64| {
        let label = u8::from(unit(3 * row) < share);
        let (one, two) = (unit(3 * row + 1), unit(3 * row + 2));
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos();
        let side = if label == 1 { 1.2 } else { -1.2 };
        let odds = 4.0 / 3.0 * 2.0 * (side + 1.1 * normal);
        (label, (1.0 / (1.0 + (-odds).exp())) as f32)
    };
    (0..count).map(row).unzip()
}

fn quantifier(seed: u64, draws: u32) -> Quantifier {
    let (labels, probabilities) = texts(0.5, 2000, seed);
    Quantifier::new(&labels, &probabilities, draws, seed).unwrap()
}

#[test]
fn counting_is_biased_away_from_balance_and_the_others_are_not() {
    let quantifier = quantifier(1, 10);
    for share in [0.05, 0.3, 0.5, 0.9] {
        let error = |method: Method| {
            let errors = (0..40).map(|seed| {
                let (labels, probabilities) = texts(share, 1000, 100 + seed);
                let truth = labels.iter().map(|label| f64::from(*label)).sum::<f64>() / 1000.0;
                quantifier.share(&probabilities, method).unwrap() - truth
            });
            errors.sum::<f64>() / 40.0
        };
        if share != 0.5 {
            assert!(error(Method::ClassifyAndCount).abs() > 0.02, "{share}");
        }
        for method in &Method::ALL[1..] {
            let error = error(*method);
            assert!(error.abs() < 0.015, "{} at {share}: {error}", method.name());
        }
    }
}

#[test]
fn intervals_cover_as_often_as_they_say() {
    for method in &Method::ALL[1..] {
        for share in [0.1, 0.5, 0.8] {
            // The labelled rows are others each time: their errors count, too.
            let covered = (0..150).filter(|trial| {
                let (labels, probabilities) = texts(0.5, 300, 7000 + trial);
                let quantifier = Quantifier::new(&labels, &probabilities, 200, *trial).unwrap();
                let (_, probabilities) = texts(share, 300, 9000 + trial);
                let found = quantifier
                    .quantify(&probabilities, *method, 0.9, 3)
                    .unwrap();
                (found.estimate.low..=found.estimate.high).contains(&share)
            });
            // Binomial of 150 and 0.9: standard deviation 3.7.
            let covered = covered.count();
            assert!(
                (120..=149).contains(&covered),
                "{} at {share}: {covered} of 150",
                method.name()
            );
        }
    }
}

#[test]
fn few_texts_and_one_sided_ones_have_wide_intervals_and_no_nonsense() {
    let quantifier = quantifier(2, 200);
    for probabilities in [vec![0.99], vec![0.999; 3], vec![0.001; 50], vec![1.0, 0.0]] {
        for method in Method::ALL {
            let found = quantifier
                .quantify(&probabilities, method, 0.95, 1)
                .unwrap();
            let estimate = found.estimate;
            assert!(
                0.0 <= estimate.low && estimate.low <= estimate.value,
                "{found:?}"
            );
            assert!(
                estimate.value <= estimate.high && estimate.high <= 1.0,
                "{found:?}"
            );
            assert!(
                found.total_error.is_finite() && found.total_error > 0.0,
                "{found:?}"
            );
            assert!(found.sampling_error <= found.total_error, "{found:?}");
        }
    }
    assert!(
        quantifier
            .quantify(&[], Method::AdjustedCount, 0.95, 1)
            .is_none()
    );
}

#[test]
fn more_labelled_rows_make_surer_and_the_number_of_threads_changes_nothing() {
    let (_, probabilities) = texts(0.3, 500, 5);
    let with = |count: u64| {
        let (labels, known) = texts(0.5, count, 6);
        let quantifier = Quantifier::new(&labels, &known, 300, 1).unwrap();
        quantifier
            .quantify(&probabilities, Method::default(), 0.95, 1)
            .unwrap()
    };
    let (few, many) = (with(100), with(5000));
    assert!(few.total_error > many.total_error, "{few:?} {many:?}");
    assert!(
        many.total_error - many.sampling_error < 0.3 * many.total_error,
        "{many:?}"
    );
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    assert_eq!(alone.install(|| with(100)), few);
}

#[test]
fn rows_that_say_nothing_are_refused() {
    let check = |labels: &[u8], probabilities: &[f32], expected: QuantificationError| {
        assert_eq!(
            Quantifier::new(labels, probabilities, 10, 1).unwrap_err(),
            expected
        );
    };
    check(
        &[1],
        &[],
        QuantificationError::Lengths {
            labels: 1,
            probabilities: 0,
        },
    );
    check(&[1, 2], &[0.1, 0.2], QuantificationError::Row(1));
    check(&[1, 0], &[0.1, f32::NAN], QuantificationError::Row(1));
    check(
        &[1; 20],
        &[0.9; 20],
        QuantificationError::OneClass {
            rows: 20,
            positives: 20,
        },
    );
    let labels: Vec<u8> = (0..20).map(|row| row % 2).collect();
    check(&labels, &[0.7; 20], QuantificationError::Useless);
}
