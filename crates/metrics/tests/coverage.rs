//! Do intervals cover, and do alarms ring, as often as they say? By simulation.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use metrics::counter_rng::{GOLDEN, mix};
use metrics::regression::{ALPHA, PairedRuns, ScoredRow, find_regressions};
use metrics::{Estimate, MetricsFile, ScoredRows, compare, compute_figures, wilson_interval};
use serde_json::Value;

/// SplitMix64 (Steele et al. 2014): the draws of a simulation, from a seed.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0) as f64 / u64::MAX as f64
    }
}

/// Whether it fits intervals of this probability that so many of `trials` covered: within four
/// standard deviations, and a hundredth of the trials below.
fn is_honest(covered: usize, trials: usize, probability: f64) -> bool {
    let mean = trials as f64 * probability;
    let deviation = (mean * (1.0 - probability)).sqrt();
    // Percentile intervals of some hundred rows are a little too narrow, as is known of them.
    (covered as f64) > mean - 4.0 * deviation - 0.01 * trials as f64
        && (covered as f64) < mean + 4.0 * deviation
}

#[test]
fn paired_intervals_cover_the_true_difference() {
    const TRIALS: usize = 400;
    for confidence in [0.8, 0.95] {
        let covered = (0..TRIALS).filter(|trial| {
            let mut random = Random(*trial as u64);
            let rows = 400;
            // Where the first is wrong (20 %), the second is more often so than elsewhere: in all 26 %.
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for _ in 0..rows {
                let is_correct = random.unit() < 0.8;
                let other = random.unit() < if is_correct { 0.85 } else { 0.3 };
                first.push(if is_correct { 0.9 } else { 0.1 });
                second.push(if other { 0.9 } else { 0.1 });
            }
            let labels = vec![1_u8; rows];
            let judges = (("first", first.as_slice()), ("second", second.as_slice()));
            let found = compare(&labels, judges.0, judges.1, confidence);
            let found = found.unwrap().difference;
            (found.low..=found.high).contains(&(0.8 - (0.8 * 0.85 + 0.2 * 0.3)))
        });
        let covered = covered.count();
        assert!(
            is_honest(covered, TRIALS, confidence),
            "{confidence}: {covered}"
        );
    }
}

#[test]
fn intervals_of_ranking_and_brier_cover_what_many_rows_say() {
    const TRIALS: usize = 300;
    let rows = |seed: u64, count: usize| {
        let mut random = Random(seed);
        let mut labels = Vec::new();
        let probabilities: Vec<f32> = (0..count)
            .map(|_| {
                let probability = random.unit();
                labels.push(u8::from(random.unit() < probability));
                // What a model says that is too sure of itself.
                (probability * probability * (3.0 - 2.0 * probability)) as f32
            })
            .collect();
        ScoredRows::new(&labels, &probabilities).unwrap()
    };
    let truth = compute_figures(&rows(7, 2_000_000), 1, 0.9, 1).unwrap();
    for name in ["roc_auc", "brier", "log_loss", "f1", "mcc"] {
        let covered = (0..TRIALS).filter(|trial| {
            let found =
                compute_figures(&rows(1000 + *trial as u64, 300), 300, 0.9, 5).unwrap()[name];
            let Estimate { low, high, .. } = found.estimate().unwrap();
            (low..=high).contains(&truth[name].value())
        });
        let covered = covered.count();
        assert!(is_honest(covered, TRIALS, 0.9), "{name}: {covered}");
    }
}

/// Of models that are nearly always right, resamples of a few rows are often all alike.
#[test]
fn paired_intervals_of_few_rows_cover_at_least_as_often_as_they_say() {
    const TRIALS: usize = 4000;
    for (rows, [first, second]) in [(20, [0.9, 0.9]), (20, [0.95, 0.7]), (60, [0.98, 0.95])] {
        let covered = (0..TRIALS).filter(|trial| {
            let mut random = Random(*trial as u64 ^ 0x51);
            let mut given = |right: f64| -> Vec<f32> {
                let judge = |_| if random.unit() < right { 0.9 } else { 0.1 };
                (0..rows).map(judge).collect()
            };
            let (one, two) = (given(first), given(second));
            let found = compare(&vec![1; rows], ("one", &one), ("two", &two), 0.95);
            let found = found.unwrap().difference;
            (found.low..=found.high).contains(&(first - second))
        });
        let covered = covered.count() as f64 / TRIALS as f64;
        assert!(
            (0.93..=1.0).contains(&covered),
            "{rows} {first} {second}: {covered}"
        );
    }
}

/// Just enough rows for resampling: then an interval of 95 % may cover less, but not much; and F1 of Wilson
/// has no such excuse.
#[test]
fn intervals_of_few_rows_cover() {
    const TRIALS: usize = 1500;
    let rows = |seed: u64, count: usize| {
        let mut random = Random(seed);
        let (mut labels, mut given) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let probability = 0.1 + 0.8 * random.unit();
            labels.push(u8::from(random.unit() < probability));
            given.push(probability as f32);
        }
        ScoredRows::new(&labels, &given).unwrap()
    };
    let truth = compute_figures(&rows(7, 2_000_000), 1, 0.95, 1).unwrap();
    let names = ["f1", "mcc", "roc_auc", "log_loss", "brier"];
    let (mut known, mut covered) = ([0; 5], [0; 5]);
    for trial in 0..TRIALS {
        let found = compute_figures(&rows(1000 + trial as u64, 40), 400, 0.95, 5).unwrap();
        for (place, name) in names.iter().enumerate() {
            let Some(Estimate { low, high, .. }) = found[*name].estimate() else {
                continue;
            };
            known[place] += 1;
            covered[place] += usize::from((low..=high).contains(&truth[*name].value()));
        }
    }
    assert_eq!(known[0], TRIALS);
    for (place, name) in names.iter().enumerate() {
        let share = f64::from(covered[place] as u32) / f64::from(known[place] as u32);
        assert!(
            share >= if place == 0 { 0.93 } else { 0.9 },
            "{name}: {share}"
        );
        assert!(known[place] > TRIALS / 2, "{name}: {}", known[place]);
    }
}

#[test]
fn wilson_covers_for_few_rows_and_extreme_shares() {
    const TRIALS: usize = 4000;
    for (rows, share) in [(30, 0.05), (30, 0.5), (200, 0.9), (1000, 0.995)] {
        let covered = (0..TRIALS).filter(|trial| {
            let mut random = Random(*trial as u64 ^ 0xABCD);
            let count = (0..rows).filter(|_| random.unit() < share).count();
            let found = wilson_interval(count as u64, rows, 0.95).unwrap();
            (found.low..=found.high).contains(&share)
        });
        // Counts are whole, so that no interval covers exactly: Agresti and Coull (1998), figure 5.
        let covered = covered.count() as f64 / TRIALS as f64;
        assert!(
            (0.92..=0.985).contains(&covered),
            "{share} of {rows}: {covered}"
        );
    }
}

/// Two real sets of predictions on the same rows, with a coin thrown for each row: which of the two
/// is "baseline" and which "current" has no meaning then, and a difference is noise.
#[test]
fn of_200_harmless_changes_hardly_one_rings_the_alarm_and_a_real_loss_does() {
    let golden: Value = serde_json::from_str(include_str!("golden/golden.json")).unwrap();
    let column = |name: &str| -> Vec<f64> {
        let values = golden[name].as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap()).collect()
    };
    let (labels, first, second) = (column("labels"), column("first"), column("second"));
    let rows = |pick: &mut dyn FnMut(usize) -> f64| -> Vec<ScoredRow> {
        (0..labels.len())
            .map(|row| (row as u64, labels[row] as u8, pick(row) as f32))
            .collect()
    };
    let rings = |baseline: &[ScoredRow], current: &[ScoredRow], is_paired: bool| {
        let pair = is_paired.then(|| {
            (
                "gru".to_owned(),
                PairedRuns::new(baseline, current).unwrap(),
            )
        });
        let paired: BTreeMap<_, _> = pair.into_iter().collect();
        !find_regressions(&file(baseline), &file(current), &paired).is_empty()
    };
    for is_paired in [true, false] {
        let alarms = (0..200).filter(|seed| {
            let coins = |is_first: bool| {
                let mut random = Random(*seed);
                rows(&mut |row| match (random.unit() < 0.5) == is_first {
                    true => first[row],
                    false => second[row],
                })
            };
            rings(&coins(true), &coins(false), is_paired)
        });
        // Binomial of 200 and ALPHA: 2 expected, more than 8 once in 5,000 times.
        let alarms = alarms.count();
        assert!(
            alarms <= 8,
            "{alarms} of 200 at {ALPHA}, paired: {is_paired}"
        );
    }
    // The second is 5.5 points worse: on 600 rows that is seen row by row.
    let good = rows(&mut |row| first[row]);
    let worse = rows(&mut |row| second[row]);
    assert!(rings(&good, &worse, true));
    assert!(!rings(&worse, &good, true));
}

fn file(rows: &[ScoredRow]) -> MetricsFile {
    let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
    let probabilities: Vec<f32> = rows.iter().map(|row| row.2).collect();
    let tally = ScoredRows::new(&labels, &probabilities).unwrap();
    let figures = compute_figures(&tally, 200, 0.95, 1).unwrap();
    MetricsFile::of_model("gru", rows.len() as u64, 0.95, figures)
}
