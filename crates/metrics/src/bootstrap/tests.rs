use super::*;

/// Rows of a model that is right about this share of them, from counter-based draws.
fn rows(number: u64, right: f64, seed: u64) -> ScoredRows {
    let draws = CounterRng::for_sample(seed, 0);
    let unit = |place: u64| draws.bits(place) as f64 / u64::MAX as f64;
    let labels: Vec<u8> = (0..number)
        .map(|row| u8::from(unit(3 * row) < 0.5))
        .collect();
    let probabilities: Vec<f32> = (0..number)
        .map(|row| {
            let positive = (labels[row as usize] == 1) == (unit(3 * row + 1) < right);
            let sure = 0.5 + 0.5 * unit(3 * row + 2);
            (if positive { sure } else { 1.0 - sure }) as f32
        })
        .collect();
    ScoredRows::new(&labels, &probabilities).expect("the rows are fine")
}

#[test]
fn figures_are_those_of_the_plain_functions() {
    let tally = rows(500, 0.8, 1);
    let outcomes = crate::confusion_matrix(&tally);
    let bins = crate::reliability(&tally, 15).into_iter();
    let gaps = bins.map(|bin| bin.rows as f64 * (bin.positive_share - bin.mean_probability).abs());
    let expected = [
        outcomes.accuracy(),
        outcomes.precision(),
        outcomes.recall(),
        outcomes.f1(),
        outcomes.mcc(),
        tally.figure(Metric::RocAuc),
        tally.figure(Metric::PrAuc),
        tally.figure(Metric::LogLoss),
        tally.figure(Metric::Brier),
        Some(gaps.sum::<f64>() / tally.rows() as f64),
    ];
    let found = compute_figures(&tally, 10, 0.95, 1).expect("there are samples");
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

fn estimate(figures: &IndexMap<String, Figure>, metric: Metric) -> Estimate {
    let figure = figures[metric.name()];
    figure.estimate().expect("it has an interval")
}

#[test]
fn the_interval_of_accuracy_is_that_of_wilson_whatever_the_draws() {
    let tally = rows(2000, 0.85, 2);
    let outcomes = confusion_matrix(&tally);
    let right = outcomes.true_negative + outcomes.true_positive;
    for (samples, seed) in [(1, 3), (300, 4)] {
        let found = compute_figures(&tally, samples, 0.95, seed).expect("there are samples");
        let expected = crate::wilson_interval(right, 2000, 0.95);
        assert_eq!(found["accuracy"].estimate(), expected);
    }
}

/// What resampling would have said, to within what resampling and rounding to whole rows do.
#[test]
fn with_many_rows_intervals_of_shares_are_those_of_resampling() {
    let tally = rows(2000, 0.85, 2);
    let found = compute_figures(&tally, 1, 0.95, 1).expect("there are samples");
    let replicates: Vec<_> = (0..4000)
        .map(|sample| replicate(&tally, CounterRng::for_sample(5, sample)))
        .collect();
    for (place, metric) in Metric::ALL.into_iter().enumerate().take(4) {
        let found = estimate(&found, metric);
        let resampled = replicates.iter().filter_map(|them| them[place]).collect();
        let other = Estimate::from_replicates(found.value, resampled, 0.95).expect("there are");
        let width = found.high - found.low;
        for (one, two) in [(found.low, other.low), (found.high, other.high)] {
            assert!((one - two).abs() < 0.06 * width, "{found:?} {other:?}");
        }
    }
}

#[test]
fn intervals_cover_as_often_as_they_say() {
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
fn no_interval_has_a_width_of_nothing() {
    let all_right = |rows: u32| {
        let labels: Vec<u8> = (0..rows).map(|row| (row % 2) as u8).collect();
        let given = labels.iter().map(|label| [0.2, 0.9][usize::from(*label)]);
        ScoredRows::new(&labels, &given.collect::<Vec<f32>>()).expect("the rows are fine")
    };
    // One row that is wrong, rows that are all right, and a model that ranks all rows rightly,
    // though its threshold is wrong for 12 of them.
    let one = ScoredRows::new(&[1], &[0.406]).expect("the row is fine");
    let ranked = {
        let labels: Vec<u8> = (0..60).map(|row| u8::from(row >= 30)).collect();
        let given: Vec<f32> = (0..60).map(|row| (row + 8) as f32 / 92.0).collect();
        ScoredRows::new(&labels, &given).expect("the rows are fine")
    };
    for tally in [one, all_right(2), all_right(41), all_right(5000), ranked] {
        let found = compute_figures(&tally, 50, 0.95, 1).expect("there are samples");
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
fn resamples_say_nothing_below_ten_rows_of_each_kind() {
    // Rows of each kind: negative and right, negative and wrong, positive and right, positive and wrong.
    let with = |counts: [usize; 4]| {
        let (mut labels, mut given) = (Vec::new(), Vec::new());
        for (kind, count) in counts.into_iter().enumerate() {
            for row in 0..count {
                labels.push((kind / 2) as u8);
                let sure = row as f32 / (4 * count) as f32;
                given.push(if kind == 0 || kind == 3 {
                    0.1 + sure
                } else {
                    0.9 - sure
                });
            }
        }
        let tally = ScoredRows::new(&labels, &given).expect("the rows are fine");
        compute_figures(&tally, 100, 0.95, 1).expect("there are samples")
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
    let tally = rows(400, 0.7, 4);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool starts");
        pool.install(|| compute_figures(&tally, 50, 0.95, 9).expect("there are samples"))
    };
    assert_eq!(with(1), with(3));
    assert_ne!(
        with(1),
        compute_figures(&tally, 50, 0.95, 10).expect("there are samples")
    );
}

#[test]
fn edge_cases_leave_out_what_is_not_defined() {
    let check = |labels: &[u8], probabilities: &[f32], expected: &[&str]| {
        let tally = ScoredRows::new(labels, probabilities).expect("the rows are fine");
        let found = compute_figures(&tally, 20, 0.95, 1).expect("there are samples");
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
    let tally = ScoredRows::new(&[0], &[0.5]).expect("the row is fine");
    assert!(compute_figures(&tally, 0, 0.95, 1).is_err());
    assert!(compute_figures(&tally, 10, 1.0, 1).is_err());
    assert!(compute_figures(&tally, 10, f64::NAN, 1).is_err());
}
