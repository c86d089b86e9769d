use super::*;

/// Simulated rows of a model with this accuracy.
fn rows(number: u64, accuracy: f64, seed: u64) -> ScoredRows {
    let rng = CounterRng::for_sample(seed, 0);
    let unit = |index: u64| rng.bits(index) as f64 / u64::MAX as f64;
    let labels: Vec<u8> = (0..number)
        .map(|row| u8::from(unit(3 * row) < 0.5))
        .collect();
    let probabilities: Vec<f32> = (0..number)
        .map(|row| {
            let positive = (labels[row as usize] == 1) == (unit(3 * row + 1) < accuracy);
            let confidence = 0.5 + 0.5 * unit(3 * row + 2);
            (if positive {
                confidence
            } else {
                1.0 - confidence
            }) as f32
        })
        .collect();
    ScoredRows::new(&labels, &probabilities).expect("valid rows")
}

#[test]
fn figures_equal_those_of_the_single_functions() {
    let scored = rows(500, 0.8, 1);
    let outcomes = crate::confusion_matrix(&scored);
    let bins = crate::reliability(&scored, 15).into_iter();
    let gaps = bins.map(|bin| bin.rows as f64 * (bin.positive_share - bin.mean_probability).abs());
    let expected = [
        outcomes.accuracy(),
        outcomes.precision(),
        outcomes.recall(),
        outcomes.f1(),
        outcomes.mcc(),
        scored.figure(Metric::RocAuc),
        scored.figure(Metric::PrAuc),
        scored.figure(Metric::LogLoss),
        scored.figure(Metric::Brier),
        Some(gaps.sum::<f64>() / scored.rows() as f64),
    ];
    let found = compute_figures(&scored, 10, 0.95, 1).expect("there are samples");
    for (metric, expected) in Metric::ALL.into_iter().zip(expected) {
        let (found, expected) = (
            found[metric.name()].value(),
            expected.expect("it is defined"),
        );
        assert!(
            (found - expected).abs() < 1e-12,
            "{}: {found} {expected}",
            metric.name()
        );
    }
}

fn estimate(figures: &Figures, metric: Metric) -> Estimate {
    let figure = figures[metric.name()];
    figure.estimate().expect("it has an interval")
}

#[test]
fn the_interval_of_accuracy_is_wilsons_for_any_seed() {
    let scored = rows(2000, 0.85, 2);
    let outcomes = confusion_matrix(&scored);
    let correct = outcomes.true_negative + outcomes.true_positive;
    for (samples, seed) in [(1, 3), (300, 4)] {
        let found = compute_figures(&scored, samples, 0.95, seed).expect("there are samples");
        let expected = crate::wilson_interval(correct, 2000, 0.95);
        assert_eq!(found["accuracy"].estimate(), expected);
    }
}

/// The tolerance covers the noise of resampling and the rounding to whole rows.
#[test]
fn with_many_rows_wilson_and_bootstrap_intervals_agree() {
    let scored = rows(2000, 0.85, 2);
    let found = compute_figures(&scored, 1, 0.95, 1).expect("there are samples");
    let replicates: Vec<_> = (0..4000)
        .map(|sample| replicate(&scored, CounterRng::for_sample(5, sample)))
        .collect();
    for (index, metric) in Metric::ALL.into_iter().enumerate().take(4) {
        let found = estimate(&found, metric);
        let resampled = replicates
            .iter()
            .filter_map(|figures| figures[index])
            .collect();
        let other = Estimate::from_replicates(found.value, resampled, 0.95).expect("there are");
        let width = found.high - found.low;
        for (one, two) in [(found.low, other.low), (found.high, other.high)] {
            assert!((one - two).abs() < 0.06 * width, "{found:?} {other:?}");
        }
    }
}

#[test]
fn intervals_have_the_promised_coverage() {
    let covered = (0..200).filter(|seed| {
        let found = compute_figures(&rows(300, 0.8, 1000 + seed), 300, 0.9, *seed);
        let found = estimate(&found.expect("there are samples"), Metric::Accuracy);
        (found.low..=found.high).contains(&0.8)
    });
    // Binomial of 200 and 0.9: standard deviation 4.2.
    let covered = covered.count();
    assert!((163..=197).contains(&covered), "{covered} of 200");
}

#[test]
fn no_interval_has_a_width_of_zero() {
    let all_correct = |rows: u32| {
        let labels: Vec<u8> = (0..rows).map(|row| (row % 2) as u8).collect();
        let probabilities = labels.iter().map(|label| [0.2, 0.9][usize::from(*label)]);
        ScoredRows::new(&labels, &probabilities.collect::<Vec<f32>>()).expect("valid rows")
    };
    // One wrong row, rows that are all correct, and a model with a perfect ranking whose threshold is wrong for 12 rows.
    let one = ScoredRows::new(&[1], &[0.406]).expect("a valid row");
    let ranked = {
        let labels: Vec<u8> = (0..60).map(|row| u8::from(row >= 30)).collect();
        let probabilities: Vec<f32> = (0..60).map(|row| (row + 8) as f32 / 92.0).collect();
        ScoredRows::new(&labels, &probabilities).expect("valid rows")
    };
    for scored in [
        one,
        all_correct(2),
        all_correct(41),
        all_correct(5000),
        ranked,
    ] {
        let found = compute_figures(&scored, 50, 0.95, 1).expect("there are samples");
        for (name, figure) in &found {
            let share = ["accuracy", "precision", "recall", "f1"].contains(&name.as_str());
            assert!(!share || figure.estimate().is_some(), "{name}");
            if let Some(Estimate { low, high, .. }) = figure.estimate() {
                assert!(high - low > 1e-4, "{name}: {low} {high}");
            }
        }
    }
}

#[test]
fn bootstrap_intervals_need_ten_rows_of_each_kind() {
    // Kinds: negative and correct, negative and wrong, positive and correct, positive and wrong.
    let with = |counts: [usize; 4]| {
        let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
        for (kind, count) in counts.into_iter().enumerate() {
            for row in 0..count {
                labels.push((kind / 2) as u8);
                let offset = row as f32 / (4 * count) as f32;
                probabilities.push(if kind == 0 || kind == 3 {
                    0.1 + offset
                } else {
                    0.9 - offset
                });
            }
        }
        let scored = ScoredRows::new(&labels, &probabilities).expect("valid rows");
        compute_figures(&scored, 100, 0.95, 1).expect("there are samples")
    };
    let others = ["mcc", "roc_auc", "pr_auc", "log_loss", "brier", "ece"];
    for (counts, known) in [
        ([10, 5, 10, 5], true),
        ([10, 5, 10, 4], false),
        ([5, 10, 4, 10], false),
        ([20, 10, 9, 0], false),
        ([9, 0, 20, 10], false),
    ] {
        let found = with(counts);
        for name in others {
            assert_eq!(found[name].estimate().is_some(), known, "{counts:?} {name}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let scored = rows(400, 0.7, 4);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool starts");
        pool.install(|| compute_figures(&scored, 50, 0.95, 9).expect("there are samples"))
    };
    assert_eq!(with(1), with(3));
    assert_ne!(
        with(1),
        compute_figures(&scored, 50, 0.95, 10).expect("there are samples")
    );
}

#[test]
fn undefined_figures_are_omitted() {
    let check = |labels: &[u8], probabilities: &[f32], expected: &[&str]| {
        let scored = ScoredRows::new(labels, probabilities).expect("valid rows");
        let found = compute_figures(&scored, 20, 0.95, 1).expect("there are samples");
        assert_eq!(found.keys().collect::<Vec<_>>(), expected);
        let finite = |figure: &Figure| {
            let ends = figure.estimate().map(|it| [it.low, it.high]);
            figure.value().is_finite() && ends.iter().flatten().all(|end| end.is_finite())
        };
        assert!(found.values().all(finite));
    };
    check(&[], &[], &[]);
    check(
        &[0, 0],
        &[0.1, 0.3],
        &["accuracy", "log_loss", "brier", "ece"],
    );
    check(
        &[1],
        &[0.9],
        &[
            "accuracy",
            "precision",
            "recall",
            "f1",
            "pr_auc",
            "log_loss",
            "brier",
            "ece",
        ],
    );
    let scored = ScoredRows::new(&[0], &[0.5]).expect("a valid row");
    assert!(compute_figures(&scored, 0, 0.95, 1).is_err());
    assert!(compute_figures(&scored, 10, 1.0, 1).is_err());
    assert!(compute_figures(&scored, 10, f64::NAN, 1).is_err());
}
