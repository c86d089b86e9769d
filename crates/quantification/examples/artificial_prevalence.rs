//! The artificial-prevalence protocol (Forman 2008) on real predictions: samples of test reviews with known prevalences,
//! on which the quantification methods are compared.
//!
//!     cargo run -p ressenti-quantification --example artificial_prevalence -- --help
//!
//! Each text is positive with the probability of its sample (the opinion). Errors are differences from the actual share
//! in the sample. An interval should cover the opinion; the last column is the coverage of the share in the sample.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures"
)]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};
use artifact::{Artifact, StageName, Store, groups_by_row_id, read_table, schema};
use clap::{Parser, ValueEnum};
use metrics::{CounterRng, Estimate};
use quantification::{Method, Quantifier};

/// Number of resamples for an interval.
const RESAMPLES: u32 = 500;

/// Number of labelled validation rows if the texts are validation rows, too.
const LABELLED_ROWS: usize = 2_400;

/// Predicted rows of an evaluation.
#[derive(Clone, Default)]
struct Rows {
    labels: Vec<u8>,
    probabilities: Vec<f32>,
    /// Id of the film of each row.
    films: Vec<u64>,
}

impl Rows {
    /// Reads the rows of a split from a file of predictions.
    fn read(path: &Path, split: &str, films: &HashMap<u64, u64>) -> Self {
        let mut rows = Self::default();
        for batch in read_table(path, &schema::predictions()).expect("predictions") {
            let batch = batch.expect("rows");
            let splits = batch.column(1).as_string::<i32>();
            for row in (0..batch.num_rows()).filter(|row| splits.value(*row) == split) {
                let id = batch.column(0).as_primitive::<UInt64Type>().value(row);
                rows.films.push(*films.get(&id).unwrap_or(&id));
                let label = batch.column(2).as_primitive::<UInt8Type>();
                rows.labels.push(label.value(row));
                let probabilities = batch.column(3).as_primitive::<Float32Type>();
                rows.probabilities.push(probabilities.value(row));
            }
        }
        rows
    }

    /// Appends other rows.
    fn append(mut self, others: &Self) -> Self {
        self.labels.extend(&others.labels);
        self.probabilities.extend(&others.probabilities);
        self.films.extend(&others.films);
        self
    }

    fn select(&self, indices: impl Iterator<Item = usize>) -> Self {
        let mut selected = Self::default();
        for row in indices {
            selected.labels.push(self.labels[row]);
            selected.probabilities.push(self.probabilities[row]);
            selected.films.push(self.films[row]);
        }
        selected
    }

    /// Probabilities by class, negative first.
    fn by_class(&self) -> [Vec<f32>; 2] {
        [0, 1].map(|class| {
            let rows = self.labels.iter().zip(&self.probabilities);
            let rows = rows.filter(|(label, _)| **label == class);
            rows.map(|(_, probability)| *probability).collect()
        })
    }

    fn quantifier(&self, by: ResampleBy, seed: u64) -> Quantifier {
        let (labels, probabilities) = (&self.labels, &self.probabilities);
        let quantifier = match by {
            ResampleBy::Film => {
                Quantifier::new(labels, probabilities, Some(&self.films), RESAMPLES, seed)
            }
            ResampleBy::Row => Quantifier::new(labels, probabilities, None, RESAMPLES, seed),
        };
        quantifier.expect("labelled rows of both classes")
    }

    /// Splits by film: at least this number of rows, of randomly chosen films, and the rows of all other films.
    fn split_by_film(&self, rows: usize, rng: CounterRng) -> [Self; 2] {
        let films = &self.films;
        let all: BTreeSet<u64> = films.iter().copied().collect();
        let mut order: Vec<u64> = all.into_iter().collect();
        order.sort_by_key(|film| rng.bits(*film));
        let mut sizes: HashMap<u64, usize> = HashMap::new();
        films
            .iter()
            .for_each(|film| *sizes.entry(*film).or_default() += 1);
        let mut chosen = HashSet::new();
        let mut count = 0;
        for film in order {
            if count >= rows {
                break;
            }
            count += sizes[&film];
            chosen.insert(film);
        }
        [true, false].map(|is_chosen| {
            self.select((0..films.len()).filter(|row| chosen.contains(&films[*row]) == is_chosen))
        })
    }
}

/// The id of the film of each evaluated review that has one, by row id.
fn film_ids(folder: &Path) -> HashMap<u64, u64> {
    let evaluation = Artifact::open(folder).expect("an evaluation");
    let mut inputs = evaluation.manifest().inputs.iter();
    let clean = inputs
        .find(|input| input.stage == StageName::Clean)
        .unwrap();
    let store = Store::containing(folder).expect("a store");
    let clean = store.find_by_identity(StageName::Clean, clean.identity);
    groups_by_row_id(&clean.unwrap().expect("cleaned reviews")).expect("their films")
}

/// Formats a mean with its bootstrap interval, in points.
fn format_mean(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let replicate = |number| {
        let rng = CounterRng::for_sample(1, number);
        let sum: f64 = (0..values.len())
            .map(|index| values[rng.index(index as u64, values.len())])
            .sum();
        sum / values.len() as f64
    };
    let found = Estimate::from_replicates(mean, (0..1000).map(replicate).collect(), 0.95).unwrap();
    format!(
        "{:.2} ({:.2}–{:.2})",
        100.0 * found.value,
        100.0 * found.low,
        100.0 * found.high
    )
}

/// Results of a method.
#[derive(Clone, Default)]
struct MethodResult {
    errors: Vec<f64>,
    /// Errors of unbalanced samples: an opinion of at most 25% or at least 75%.
    unbalanced_errors: Vec<f64>,
    /// Number of intervals that cover the opinion, and of those that cover the share in the sample.
    covered: [usize; 2],
}

impl MethodResult {
    fn add(&mut self, other: &Self) {
        self.errors.extend(&other.errors);
        self.unbalanced_errors.extend(&other.unbalanced_errors);
        self.covered[0] += other.covered[0];
        self.covered[1] += other.covered[1];
    }
}

/// The labelled rows.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum LabelledSource {
    /// Validation rows and cross-fitted training rows
    Both,
    /// Only validation rows
    Validation,
    /// Only cross-fitted training rows
    Folds,
    /// Test rows, as many as validation rows, drawn for each sample; they have the same distribution as the texts
    Rows,
    /// Test rows of other films than those of the texts, as many as validation rows
    Films,
}

/// The source of the texts.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Texts {
    /// Test rows
    Test,
    /// Validation rows, to choose a method: 2,400 rows of some films are the labelled rows, the texts are of other
    /// films. Needs many validation rows (`--set clean.split.validation=0.5`)
    Validation,
    /// Cross-fitted rows of half of the training films; the labelled rows are those of the other half
    Folds,
}

/// The unit of resampling of labelled rows.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum ResampleBy {
    /// All rows of a film together
    Film,
    /// Single rows
    Row,
}

/// Measure the error and the coverage of each method on samples with prevalences from 0 to 1. Several evaluations are
/// repetitions with other seeds and other validation films: a 95% CI should cover in 95% of all repetitions, not in
/// each of them
#[derive(Parser)]
struct Arguments {
    /// Number of texts per sample
    texts: u64,
    /// Folders of evaluations, for example artifacts/evaluate/linear or artifacts/store/evaluate/KEY
    #[arg(required = true)]
    evaluations: Vec<PathBuf>,
    /// Number of samples for each of 21 prevalences
    #[arg(long, default_value_t = 100)]
    samples: u64,
    /// The labelled rows
    #[arg(long, value_enum, default_value_t = LabelledSource::Both)]
    labelled: LabelledSource,
    /// The source of the texts
    #[arg(long = "texts", id = "from", value_enum, default_value_t = Texts::Test)]
    from: Texts,
    /// The unit of resampling of labelled rows
    #[arg(long, value_enum, default_value_t = ResampleBy::Film)]
    by: ResampleBy,
    /// Only this method: cc, acc, pacc, emq or aemq
    #[arg(long = "method", value_parser = method)]
    only: Option<Method>,
}

fn method(name: &str) -> Result<Method, String> {
    let found = Method::ALL.into_iter().find(|it| it.name() == name);
    found.ok_or_else(|| "the methods are cc, acc, pacc, emq and aemq".to_owned())
}

/// A quantifier, and the pools of probabilities that texts are drawn from, by class.
type QuantifierAndPools = (Quantifier, [Vec<f32>; 2]);

/// All rows of an evaluation.
struct Evaluation {
    validation: Rows,
    folds: Rows,
    test: Rows,
}

impl Evaluation {
    fn read(folder: &Path) -> Self {
        let films = film_ids(folder);
        let predictions = folder.join("predictions.parquet");
        let cross_fitted = folder.join("cross_fitted.parquet");
        Self {
            validation: Rows::read(&predictions, "validation", &films),
            test: Rows::read(&predictions, "test", &films),
            folds: match cross_fitted.is_file() {
                true => Rows::read(&cross_fitted, "train", &films),
                false => Rows::default(),
            },
        }
    }

    /// The labelled rows, with these validation rows.
    fn labelled(&self, arguments: &Arguments, validation: Rows) -> Rows {
        match arguments.labelled {
            LabelledSource::Folds => self.folds.clone(),
            LabelledSource::Both => validation.append(&self.folds),
            _ => validation,
        }
    }

    /// Quantifier and pools for all samples; `None` if each sample has its own.
    fn for_all_samples(&self, arguments: &Arguments) -> Option<QuantifierAndPools> {
        let has_own = matches!(
            arguments.labelled,
            LabelledSource::Rows | LabelledSource::Films
        );
        (!has_own && arguments.from == Texts::Test).then(|| {
            let labelled = self.labelled(arguments, self.validation.clone());
            (labelled.quantifier(arguments.by, 1), self.test.by_class())
        })
    }

    /// Quantifier and pools for one sample.
    fn for_sample(&self, arguments: &Arguments, seed: u64) -> QuantifierAndPools {
        let rng = CounterRng::for_sample(77, seed);
        let rows = self.validation.labels.len();
        let test = &self.test;
        let (labelled, texts) = match (arguments.from, arguments.labelled) {
            (Texts::Validation, _) => {
                let [labelled, texts] = self.validation.split_by_film(LABELLED_ROWS, rng);
                (self.labelled(arguments, labelled), texts)
            }
            (Texts::Folds, _) => {
                let half = self.folds.labels.len() / 2;
                self.folds.split_by_film(half, rng).into()
            }
            (Texts::Test, LabelledSource::Films) => test.split_by_film(rows, rng).into(),
            (Texts::Test, _) => {
                let random_row = |row: usize| rng.index(row as u64, test.labels.len());
                (test.select((0..rows).map(random_row)), test.clone())
            }
        };
        (labelled.quantifier(arguments.by, seed), texts.by_class())
    }
}

impl Arguments {
    fn methods(&self) -> Vec<Method> {
        self.only
            .map_or_else(|| Method::ALL.to_vec(), |it| vec![it])
    }

    /// Measures all methods on the predictions of an evaluation.
    fn measure(&self, folder: &Path) -> Vec<MethodResult> {
        let evaluation = Evaluation::read(folder);
        let [validation, folds, test] =
            [&evaluation.validation, &evaluation.folds, &evaluation.test]
                .map(|rows| rows.labels.len());
        println!(
            "{}: {validation} validation rows, {folds} cross-fitted, {test} test rows",
            folder.display(),
        );
        let shared = evaluation.for_all_samples(self);
        let methods = self.methods();
        let mut results = vec![MethodResult::default(); methods.len()];
        for step in 0..=20_u32 {
            let opinion = f64::from(step) / 20.0;
            for sample in 0..self.samples {
                let seed = 1000 * u64::from(step) + sample;
                let own = shared.is_none().then(|| evaluation.for_sample(self, seed));
                let (quantifier, pools) = shared.as_ref().or(own.as_ref()).unwrap();
                let rng = CounterRng::for_sample(1000 + u64::from(step), sample);
                let mut positives = 0;
                let probabilities: Vec<f32> = (0..self.texts)
                    .map(|text| {
                        let unit = rng.bits(2 * text) as f64 / u64::MAX as f64;
                        let class = usize::from(unit < opinion);
                        positives += class;
                        pools[class][rng.index(2 * text + 1, pools[class].len())]
                    })
                    .collect();
                let truth = positives as f64 / self.texts as f64;
                for (method, result) in methods.iter().zip(&mut results) {
                    let found = quantifier.quantify(&probabilities, *method, 0.95, sample);
                    let estimate = found.unwrap().estimate;
                    let error = (estimate.value - truth).abs();
                    result.errors.push(error);
                    if (opinion - 0.5).abs() >= 0.25 {
                        result.unbalanced_errors.push(error);
                    }
                    for (count, share) in result.covered.iter_mut().zip([opinion, truth]) {
                        *count += usize::from((estimate.low..=estimate.high).contains(&share));
                    }
                }
            }
        }
        results
    }
}

fn print_results(methods: &[Method], results: &[MethodResult]) {
    for (method, result) in methods.iter().zip(results) {
        let percent = |count: usize| 100.0 * count as f64 / result.errors.len() as f64;
        println!(
            "{:<6}  {:<20}  {:<20}  {:5.1}%  {:5.1}%",
            method.name(),
            format_mean(&result.errors),
            format_mean(&result.unbalanced_errors),
            percent(result.covered[0]),
            percent(result.covered[1])
        );
    }
}

/// The name of a choice on the command line.
fn choice_name(choice: impl ValueEnum) -> String {
    choice
        .to_possible_value()
        .map_or_else(String::new, |it| it.get_name().to_owned())
}

fn main() {
    let arguments = Arguments::parse();
    let methods = arguments.methods();
    println!(
        "labelled rows: {}, resampled by {}; {} samples of {} texts from {} for each of 21 prevalences",
        choice_name(arguments.labelled),
        choice_name(arguments.by),
        arguments.samples,
        arguments.texts,
        choice_name(arguments.from),
    );
    println!(
        "mean absolute error in points (95% CI): all samples, unbalanced samples (at most 25% or at least 75%); coverage of the 95% CI: opinion, share in the sample"
    );
    let mut all = vec![MethodResult::default(); methods.len()];
    for folder in &arguments.evaluations {
        let results = arguments.measure(folder);
        print_results(&methods, &results);
        all.iter_mut()
            .zip(&results)
            .for_each(|(all, it)| all.add(it));
    }
    if arguments.evaluations.len() > 1 {
        println!("all {} evaluations", arguments.evaluations.len());
        print_results(&methods, &all);
    }
}
