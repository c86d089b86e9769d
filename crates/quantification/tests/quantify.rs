//! Estimates on texts of simulated classifiers: unbiased, with the promised coverage.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use metrics::CounterRng;
use quantification::{Method, QuantificationError, Quantifier};

/// Uniform random numbers in (0, 1), by index.
fn uniform(seed: u64) -> impl Fn(u64) -> f64 {
    let rng = CounterRng::for_sample(seed, 99);
    move |index| (rng.bits(index) as f64 + 1.0) / (u64::MAX as f64 + 2.0)
}

/// A standard normal number from two uniform ones (Box and Muller 1958).
fn normal(one: f64, two: f64) -> f64 {
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}

fn probability(log_odds: f64) -> f32 {
    (1.0 / (1.0 + (-log_odds).exp())) as f32
}

/// Labels and probabilities of texts with this prevalence. The log-odds of the classifier are normal with mean 1.2 or
/// -1.2 and standard deviation 1.1, scaled by 4/3 so that it is overconfident.
fn texts(share: f64, count: u64, seed: u64) -> (Vec<u8>, Vec<f32>) {
    let unit = uniform(seed);
    let row = |row: u64| {
        let label = u8::from(unit(3 * row) < share);
        let normal = normal(unit(3 * row + 1), unit(3 * row + 2));
        let side = if label == 1 { 1.2 } else { -1.2 };
        (label, probability(4.0 / 3.0 * 2.0 * (side + 1.1 * normal)))
    };
    (0..count).map(row).unzip()
}

/// Texts whose log-odds no linear map calibrates: one in eight is ironic, and the classifier confidently predicts
/// negative for ironic texts.
fn ironic_texts(share: f64, count: u64, seed: u64) -> (Vec<u8>, Vec<f32>) {
    let unit = uniform(seed);
    let row = |row: u64| {
        let label = u8::from(unit(4 * row) < share);
        let is_irony = unit(4 * row + 3) < 0.125;
        let side = match (label, is_irony) {
            (1, false) => 2.5,
            _ => -2.5,
        };
        let normal = normal(unit(4 * row + 1), unit(4 * row + 2));
        (label, probability(side + normal))
    };
    (0..count).map(row).unzip()
}

/// Texts of films, with this number of texts per film. The log-odds of all texts of a film share a random shift.
fn films(share: f64, films: u64, each: u64, seed: u64) -> (Vec<u8>, Vec<f32>, Vec<u64>) {
    let (row_unit, film_unit) = (uniform(seed), uniform(seed ^ 0xF11));
    let mut rows = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..films * each {
        let film = row / each;
        let shift = normal(film_unit(2 * film), film_unit(2 * film + 1));
        let label = u8::from(row_unit(3 * row) < share);
        let side = if label == 1 { 1.5 } else { -1.5 };
        let own = normal(row_unit(3 * row + 1), row_unit(3 * row + 2));
        rows.0.push(label);
        rows.1.push(probability(side + shift + own));
        rows.2.push(film);
    }
    rows
}

fn quantifier(seed: u64, resamples: u32) -> Quantifier {
    let (labels, probabilities) = texts(0.5, 2000, seed);
    Quantifier::new(&labels, &probabilities, None, resamples, seed).unwrap()
}

#[test]
fn only_counting_is_biased_if_the_classes_are_unbalanced() {
    let quantifier = quantifier(1, 10);
    for share in [0.05, 0.3, 0.5, 0.9] {
        let error = |method: Method| {
            let errors = (0..40).map(|seed| {
                let (labels, probabilities) = texts(share, 1000, 100 + seed);
                let truth = labels.iter().map(|label| f64::from(*label)).sum::<f64>() / 1000.0;
                quantifier.prevalence(&probabilities, method).unwrap() - truth
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
fn only_plain_maximum_likelihood_is_biased_without_calibration() {
    let (labels, probabilities) = ironic_texts(0.5, 20_000, 21);
    let quantifier = Quantifier::new(&labels, &probabilities, None, 0, 1).unwrap();
    let bias = |method: Method, share: f64| {
        let errors = (0..20).map(|seed| {
            let (labels, probabilities) = ironic_texts(share, 5000, 300 + seed);
            let truth = labels.iter().map(|label| f64::from(*label)).sum::<f64>() / 5000.0;
            quantifier.prevalence(&probabilities, method).unwrap() - truth
        });
        errors.sum::<f64>() / 20.0
    };
    // The error from the labelled rows is 0.25 points if all texts are positive.
    for share in [0.05, 0.3, 0.5, 0.7, 0.95] {
        let found = bias(Method::AdjustedMaximumLikelihood, share);
        assert!(found.abs() < 0.008, "{share}: {found}");
    }
    let found = bias(Method::MaximumLikelihood, 0.95);
    assert!(found.abs() > 0.02, "{found}");
}

#[test]
fn intervals_have_the_promised_coverage() {
    // New labelled rows in each trial, so that the uncertainty of the error rates counts, too.
    let trials: Vec<Quantifier> = (0..150)
        .map(|trial| {
            let (labels, probabilities) = texts(0.5, 300, 7000 + trial);
            Quantifier::new(&labels, &probabilities, None, 200, trial).unwrap()
        })
        .collect();
    for method in &Method::ALL[1..] {
        for share in [0.1, 0.5, 0.8] {
            let covered = trials.iter().zip(9000..).filter(|(quantifier, seed)| {
                let (_, probabilities) = texts(share, 300, *seed);
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
fn rows_of_one_film_carry_less_information_than_independent_rows() {
    let covered = |by_film: bool| {
        let covered = (0..100).filter(|trial| {
            let (labels, probabilities, groups) = films(0.5, 40, 20, 100 + trial);
            let quantifier = match by_film {
                true => Quantifier::new(&labels, &probabilities, Some(&groups), 200, *trial),
                false => Quantifier::new(&labels, &probabilities, None, 200, *trial),
            };
            // Each text is of a different film.
            let (_, probabilities, _) = films(0.3, 2000, 1, 5000 + trial);
            let found = quantifier
                .unwrap()
                .quantify(&probabilities, Method::default(), 0.9, 3)
                .unwrap();
            (found.estimate.low..=found.estimate.high).contains(&0.3)
        });
        covered.count()
    };
    // Binomial of 100 and 0.9: standard deviation 3.
    let (by_film, by_row) = (covered(true), covered(false));
    assert!((80..=99).contains(&by_film), "{by_film}");
    assert!(by_row < 75, "{by_row}");
}

#[test]
fn films_with_one_review_each_are_equivalent_to_rows() {
    let (labels, probabilities, groups) = films(0.5, 1000, 1, 31);
    let (_, texts, _) = films(0.3, 1000, 1, 32);
    let error = |quantifier: Result<Quantifier, QuantificationError>| {
        let found = quantifier
            .unwrap()
            .quantify(&texts, Method::default(), 0.95, 1);
        found.unwrap().total_error
    };
    let by_film = error(Quantifier::new(
        &labels,
        &probabilities,
        Some(&groups),
        1000,
        1,
    ));
    let by_row = error(Quantifier::new(&labels, &probabilities, None, 1000, 1));
    assert!((by_film / by_row - 1.0).abs() < 0.1, "{by_film} {by_row}");
}

#[test]
fn few_and_one_sided_texts_have_valid_intervals() {
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
fn more_labelled_rows_reduce_the_error_and_threads_change_nothing() {
    let (_, probabilities) = texts(0.3, 500, 5);
    let with = |count: u64| {
        let (labels, labelled) = texts(0.5, count, 6);
        let quantifier = Quantifier::new(&labels, &labelled, None, 300, 1).unwrap();
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
fn uninformative_rows_are_rejected() {
    let check = |labels: &[u8], probabilities: &[f32], expected: QuantificationError| {
        assert_eq!(
            Quantifier::new(labels, probabilities, None, 10, 1).unwrap_err(),
            expected
        );
    };
    check(
        &[1],
        &[],
        QuantificationError::LengthMismatch {
            labels: 1,
            others: 0,
            what: "probabilities",
        },
    );
    let groups = Quantifier::new(&[1, 0], &[0.9, 0.1], Some(&[7]), 10, 1);
    assert_eq!(
        groups.unwrap_err(),
        QuantificationError::LengthMismatch {
            labels: 2,
            others: 1,
            what: "groups",
        }
    );
    check(&[1, 2], &[0.1, 0.2], QuantificationError::InvalidRow(1));
    check(
        &[1, 0],
        &[0.1, f32::NAN],
        QuantificationError::InvalidRow(1),
    );
    check(
        &[1; 20],
        &[0.9; 20],
        QuantificationError::TooFewPerClass {
            rows: 20,
            positives: 20,
        },
    );
    let labels: Vec<u8> = (0..20).map(|row| row % 2).collect();
    check(&labels, &[0.7; 20], QuantificationError::Uninformative);
}

#[test]
fn one_confident_prediction_gives_a_wide_interval() {
    let quantifier = quantifier(4, 100);
    let found = quantifier
        .quantify(&[0.999], Method::default(), 0.95, 1)
        .unwrap();
    assert!(
        found.estimate.low < 0.25 && found.estimate.high == 1.0,
        "{found:?}"
    );
    assert!(found.total_error > 1.0, "{found:?}");
}

#[test]
fn binned_texts_give_the_same_result_as_single_ones() {
    let quantifier = quantifier(5, 300);
    let (_, few) = texts(0.3, 9_000, 12);
    // The same texts eleven times, which is enough for binning.
    let many: Vec<f32> = (0..11).flat_map(|_| few.iter().copied()).collect();
    for method in Method::ALL {
        let quantify = |texts: &[f32]| quantifier.quantify(texts, method, 0.95, 1).unwrap();
        let (one, all) = (quantify(&few), quantify(&many));
        let distance = (one.estimate.value - all.estimate.value).abs();
        assert!(distance < 1e-4, "{}: {distance}", method.name());
        let shrunk = one.sampling_error / all.sampling_error;
        assert!(
            (shrunk / 11_f64.sqrt() - 1.0).abs() < 0.15,
            "{}: {shrunk}",
            method.name()
        );
    }
}
