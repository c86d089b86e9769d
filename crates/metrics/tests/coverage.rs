//! Do intervals cover, and do alarms ring, as often as they say? By simulation.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use metrics::regression::{ALPHA, JudgedRow, Paired, check};
use metrics::{MetricsFile, Tally, compare, share_of, summary};
use serde_json::Value;

/// SplitMix64 (Steele et al. 2014): the draws of a simulation, from a seed.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) as f64 / u64::MAX as f64
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
                let is_right = random.unit() < 0.8;
                let other = random.unit() < if is_right { 0.85 } else { 0.3 };
                first.push(if is_right { 0.9 } else { 0.1 });
                second.push(if other { 0.9 } else { 0.1 });
            }
            let labels = vec![1_u8; rows];
            let judges = (("first", first.as_slice()), ("second", second.as_slice()));
            let found = compare(&labels, judges.0, judges.1, 400, confidence, *trial as u64);
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
        Tally::new(&labels, &probabilities).unwrap()
    };
    let truth = summary(&rows(7, 2_000_000), 1, 0.9, 1).unwrap();
    for name in ["roc_auc", "brier", "log_loss", "f1", "mcc"] {
        let covered = (0..TRIALS).filter(|trial| {
            let found = summary(&rows(1000 + *trial as u64, 300), 300, 0.9, 5).unwrap()[name];
            (found.low..=found.high).contains(&truth[name].value)
        });
        let covered = covered.count();
        assert!(is_honest(covered, TRIALS, 0.9), "{name}: {covered}");
    }
}

#[test]
fn wilson_covers_for_few_rows_and_extreme_shares() {
    const TRIALS: usize = 4000;
    for (rows, share) in [(30, 0.05), (30, 0.5), (200, 0.9), (1000, 0.995)] {
        let covered = (0..TRIALS).filter(|trial| {
            let mut random = Random(*trial as u64 ^ 0xABCD);
            let count = (0..rows).filter(|_| random.unit() < share).count();
            let found = share_of(count as u64, rows, 0.95).unwrap();
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
    let rows = |pick: &mut dyn FnMut(usize) -> f64| -> Vec<JudgedRow> {
        (0..labels.len())
            .map(|row| (row as u64, labels[row] as u8, pick(row) as f32))
            .collect()
    };
    let rings = |baseline: &[JudgedRow], current: &[JudgedRow], is_paired: bool| {
        let pair = is_paired.then(|| ("gru".to_owned(), Paired::new(baseline, current).unwrap()));
        let paired: BTreeMap<_, _> = pair.into_iter().collect();
        !check(&file(baseline), &file(current), &paired).is_empty()
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

fn file(rows: &[JudgedRow]) -> MetricsFile {
    let labels: Vec<u8> = rows.iter().map(|row| row.1).collect();
    let probabilities: Vec<f32> = rows.iter().map(|row| row.2).collect();
    let tally = Tally::new(&labels, &probabilities).unwrap();
    let figures = summary(&tally, 200, 0.95, 1).unwrap();
    MetricsFile::of_model("gru", rows.len() as u64, 0.95, figures)
}
