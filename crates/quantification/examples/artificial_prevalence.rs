//! The artificial-prevalence protocol (Forman 2008) on real predictions: test reviews are drawn so that
//! this or that share of them is positive, and each method says which.
//!
//!     cargo run -p ressenti-quantification --example artificial_prevalence -- artifacts/evaluate/linear 1000 [exchanged]
//!
//! The arguments are the folder of an evaluation, whose validation rows the methods learn from, and the
//! texts of a sample. Each text is positive with the sample's probability. Errors are to the share that
//! came of it; an interval is to cover that probability (the opinion the texts are a sample of), and the
//! last column says how often it covers the share among the texts themselves.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures"
)]

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, UInt8Type};
use artifact::{read_table, schema};
use metrics::Estimate;
use metrics::random::Draws;
use quantification::{Method, Quantifier};

/// Samples of each share.
const SAMPLES: u64 = 100;

/// Resamples behind an interval.
const DRAWS: u32 = 500;

/// Labels and probabilities of a split.
fn rows(folder: &Path, split: &str) -> (Vec<u8>, Vec<f32>) {
    let (mut labels, mut probabilities) = (Vec::new(), Vec::new());
    let path = folder.join("predictions.parquet");
    for batch in read_table(&path, &schema::predictions()).expect("predictions") {
        let batch = batch.expect("rows");
        let splits = batch.column(1).as_string::<i32>();
        for row in (0..batch.num_rows()).filter(|row| splits.value(*row) == split) {
            labels.push(batch.column(2).as_primitive::<UInt8Type>().value(row));
            probabilities.push(batch.column(3).as_primitive::<Float32Type>().value(row));
        }
    }
    (labels, probabilities)
}

/// A mean with its bootstrap interval, in points.
fn mean(values: &[f64]) -> String {
    let whole = values.iter().sum::<f64>() / values.len() as f64;
    let replicate = |number| {
        let draws = Draws::new(1, number);
        let sum: f64 = (0..values.len())
            .map(|place| values[draws.index(place as u64, values.len())])
            .sum();
        sum / values.len() as f64
    };
    let found = Estimate::from_replicates(whole, (0..1000).map(replicate).collect(), 0.95).unwrap();
    format!(
        "{:.2} ({:.2} to {:.2})",
        100.0 * found.value,
        100.0 * found.low,
        100.0 * found.high
    )
}

/// What came of a method.
#[derive(Default)]
struct Record {
    errors: Vec<f64>,
    /// Those of samples of which at most a quarter or at least three quarters are positive.
    far: Vec<f64>,
    /// Intervals that cover the opinion, and those that cover the share among the texts.
    covered: [usize; 2],
}

/// Rows by class.
fn by_class(labels: &[u8], probabilities: &[f32]) -> [Vec<f32>; 2] {
    [0, 1].map(|class| {
        let rows = labels.iter().zip(probabilities);
        let rows = rows.filter(|(label, _)| **label == class);
        rows.map(|(_, probability)| *probability).collect()
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = Path::new(&arguments[1]);
    let texts: u64 = arguments[2].parse().unwrap();
    let exchanged = arguments.get(3).is_some_and(|word| word == "exchanged");
    let samples = if exchanged { 40 } else { SAMPLES };
    let (labels, known) = rows(folder, "validation");
    let (test_labels, said) = rows(folder, "test");
    let pools = by_class(&test_labels, &said);
    let whole = Quantifier::new(&labels, &known, DRAWS, 1).unwrap();
    // As many labelled rows, drawn from the test rows: then nothing but chance is between both.
    let drawn = |seed: u64| {
        let draws = Draws::new(77, seed);
        let at = |row: usize| draws.index(row as u64, said.len());
        let (labels, known): (Vec<u8>, Vec<f32>) = (0..labels.len())
            .map(|row| (test_labels[at(row)], said[at(row)]))
            .unzip();
        Quantifier::new(&labels, &known, DRAWS, seed).unwrap()
    };
    let mut records: [Record; 4] = Default::default();
    for step in 0..=20_u32 {
        let opinion = f64::from(step) / 20.0;
        for sample in 0..samples {
            let draws = Draws::new(1000 + u64::from(step), sample);
            let mut positives = 0;
            let probabilities: Vec<f32> = (0..texts)
                .map(|place| {
                    let unit = draws.bits(2 * place) as f64 / u64::MAX as f64;
                    let class = usize::from(unit < opinion);
                    positives += class;
                    pools[class][draws.index(2 * place + 1, pools[class].len())]
                })
                .collect();
            let truth = positives as f64 / texts as f64;
            let other = exchanged.then(|| drawn(1000 * u64::from(step) + sample));
            let quantifier = other.as_ref().unwrap_or(&whole);
            for (method, record) in Method::ALL.into_iter().zip(&mut records) {
                let found = quantifier.quantify(&probabilities, method, 0.95, sample);
                let estimate = found.unwrap().estimate;
                let error = (estimate.value - truth).abs();
                record.errors.push(error);
                if (opinion - 0.5).abs() >= 0.25 {
                    record.far.push(error);
                }
                for (count, share) in record.covered.iter_mut().zip([opinion, truth]) {
                    *count += usize::from((estimate.low..=estimate.high).contains(&share));
                }
            }
        }
    }
    println!(
        "{} labelled rows{}, {} test rows, {samples} samples of {texts} texts at each of 21 shares",
        labels.len(),
        if exchanged {
            ", drawn anew from the test rows for each sample"
        } else {
            " of validation"
        },
        test_labels.len()
    );
    println!(
        "mean absolute error in points; away from balance (at most 25 %, at least 75 %); covered by the 95 % interval: opinion, texts"
    );
    for (method, record) in Method::ALL.into_iter().zip(&records) {
        let percent = |count: usize| 100.0 * count as f64 / record.errors.len() as f64;
        println!(
            "{:<6}  {:<20}  {:<20}  {:5.1} %  {:5.1} %",
            method.name(),
            mean(&record.errors),
            mean(&record.far),
            percent(record.covered[0]),
            percent(record.covered[1])
        );
    }
}
