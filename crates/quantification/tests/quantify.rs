//! Shares of a made-up classifier's texts: right on average, and covered as often as is said.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use metrics::CounterRng;
use quantification::{Method, QuantificationError, Quantifier};

/// Numbers between 0 and 1 by their place.
fn uniform(seed: u64) -> impl Fn(u64) -> f64 {
    let draws = CounterRng::for_sample(seed, 99);
    move |place| (draws.bits(place) as f64 + 1.0) / (u64::MAX as f64 + 2.0)
}

/// A standard normal number from two of them (Box and Muller 1958).
fn normal(one: f64, two: f64) -> f64 {
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}

fn probability(odds: f64) -> f32 {
    (1.0 / (1.0 + (-odds).exp())) as f32
}

/// Labels and probabilities of texts of which this share is positive, by a classifier whose log-odds are
/// normal around 1.2 or -1.2 with a deviation of 1.1, and which is too sure of itself by a third.
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

/// Texts that no line through the log-odds makes honest: one positive text in eight is irony, which the
/// classifier surely takes for a negative one.
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

/// Texts of films, so many of each; what the classifier says of all texts of a film is shifted alike.
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
fn a_classifier_whose_log_odds_no_line_makes_honest_biases_the_maximum_alone() {
    let (labels, known) = ironic_texts(0.5, 20_000, 21);
    let quantifier = Quantifier::new(&labels, &known, 0, 1).unwrap();
    let bias = |method: Method, share: f64| {
        let errors = (0..20).map(|seed| {
            let (labels, said) = ironic_texts(share, 5000, 300 + seed);
            let truth = labels.iter().map(|label| f64::from(*label)).sum::<f64>() / 5000.0;
            quantifier.share(&said, method).unwrap() - truth
        });
        errors.sum::<f64>() / 20.0
    };
    // Error of the labelled rows: 0.25 points where all texts are positive.
    for share in [0.05, 0.3, 0.5, 0.7, 0.95] {
        let found = bias(Method::AdjustedMaximumLikelihood, share);
        assert!(found.abs() < 0.008, "{share}: {found}");
    }
    let found = bias(Method::MaximumLikelihood, 0.95);
    assert!(found.abs() > 0.02, "{found}");
}

#[test]
fn intervals_cover_as_often_as_they_say() {
    // The labelled rows are others each time: their errors count, too.
    let trials: Vec<Quantifier> = (0..150)
        .map(|trial| {
            let (labels, probabilities) = texts(0.5, 300, 7000 + trial);
            Quantifier::new(&labels, &probabilities, 200, trial).unwrap()
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
fn rows_of_one_film_are_less_than_as_many_of_many() {
    let covered = |by_film: bool| {
        let covered = (0..100).filter(|trial| {
            let (labels, said, groups) = films(0.5, 40, 20, 100 + trial);
            let quantifier = match by_film {
                true => Quantifier::of_groups(&labels, &said, Some(&groups), 200, *trial),
                false => Quantifier::new(&labels, &said, 200, *trial),
            };
            // Each text is of another film.
            let (_, said, _) = films(0.3, 2000, 1, 5000 + trial);
            let found = quantifier
                .unwrap()
                .quantify(&said, Method::default(), 0.9, 3)
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
fn films_of_one_review_each_are_as_rows() {
    let (labels, said, groups) = films(0.5, 1000, 1, 31);
    let (_, asked, _) = films(0.3, 1000, 1, 32);
    let error = |known: Result<Quantifier, QuantificationError>| {
        let found = known.unwrap().quantify(&asked, Method::default(), 0.95, 1);
        found.unwrap().total_error
    };
    let by_film = error(Quantifier::of_groups(
        &labels,
        &said,
        Some(&groups),
        1000,
        1,
    ));
    let by_row = error(Quantifier::new(&labels, &said, 1000, 1));
    assert!((by_film / by_row - 1.0).abs() < 0.1, "{by_film} {by_row}");
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
            others: 0,
            what: "probabilities",
        },
    );
    let groups = Quantifier::of_groups(&[1, 0], &[0.9, 0.1], Some(&[7]), 10, 1);
    assert_eq!(
        groups.unwrap_err(),
        QuantificationError::Lengths {
            labels: 2,
            others: 1,
            what: "groups",
        }
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

#[test]
fn texts_of_another_kind_are_seen_and_another_mix_is_none() {
    let quantifier = quantifier(3, 10);
    for share in [0.05, 0.5, 0.95] {
        let (_, probabilities) = texts(share, 2000, 11);
        assert!(!quantifier.misfit(&probabilities).unwrap().1, "{share}");
        // Less sure of everything, as a model is on texts that it was not made for.
        let duller: Vec<f32> = probabilities
            .iter()
            .map(|value| 0.3 + 0.5 * value)
            .collect();
        let (distance, is_misfit) = quantifier.misfit(&duller).unwrap();
        assert!(is_misfit && distance > 0.1, "{share}: {distance}");
    }
    assert!(quantifier.misfit(&[]).is_none());
}

#[test]
fn one_text_says_little_however_sure_the_model_is() {
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
fn many_texts_taken_together_say_what_they_say_one_by_one() {
    let quantifier = quantifier(5, 300);
    let (_, few) = texts(0.3, 9_000, 12);
    // The same texts eleven times over: too many to be looked at one by one.
    let many: Vec<f32> = (0..11).flat_map(|_| few.iter().copied()).collect();
    for method in Method::ALL {
        let of = |texts: &[f32]| quantifier.quantify(texts, method, 0.95, 1).unwrap();
        let (one, all) = (of(&few), of(&many));
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
