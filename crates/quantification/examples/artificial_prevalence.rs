//! The artificial-prevalence protocol (Forman 2008) on real predictions: test reviews are drawn so that
//! this or that share of them is positive, and each method says which.
//!
//!     cargo run -p ressenti-quantification --example artificial_prevalence -- --help
//!
//! Each text is positive with the sample's probability. Errors are to the share that came of it; an interval
//! is to cover that probability (the opinion the texts are a sample of), and the last column says how often it
//! covers the share among the texts themselves.

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

/// Resamples behind an interval.
const DRAWS: u32 = 500;

/// Validation rows where the texts are drawn from validation, too.
const KNOWN: usize = 2_400;

/// Rows of an evaluation.
#[derive(Clone, Default)]
struct Rows {
    labels: Vec<u8>,
    probabilities: Vec<f32>,
    /// A number for each film.
    films: Vec<u64>,
}

impl Rows {
    /// Those of a split in a file of an evaluation.
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
                let said = batch.column(3).as_primitive::<Float32Type>();
                rows.probabilities.push(said.value(row));
            }
        }
        rows
    }

    /// These and others.
    fn and(mut self, others: &Self) -> Self {
        self.labels.extend(&others.labels);
        self.probabilities.extend(&others.probabilities);
        self.films.extend(&others.films);
        self
    }

    fn chosen(&self, places: impl Iterator<Item = usize>) -> Self {
        let mut chosen = Self::default();
        for row in places {
            chosen.labels.push(self.labels[row]);
            chosen.probabilities.push(self.probabilities[row]);
            chosen.films.push(self.films[row]);
        }
        chosen
    }

    /// Probabilities by class.
    fn by_class(&self) -> [Vec<f32>; 2] {
        [0, 1].map(|class| {
            let rows = self.labels.iter().zip(&self.probabilities);
            let rows = rows.filter(|(label, _)| **label == class);
            rows.map(|(_, probability)| *probability).collect()
        })
    }

    fn quantifier(&self, by: By, seed: u64) -> Quantifier {
        let (labels, said) = (&self.labels, &self.probabilities);
        let known = match by {
            By::Film => Quantifier::of_groups(labels, said, Some(&self.films), DRAWS, seed),
            By::Row => Quantifier::new(labels, said, DRAWS, seed),
        };
        known.expect("labelled rows of both classes")
    }

    /// So many rows at least, of films drawn at random, and the rows of all other films.
    fn parted(&self, rows: usize, draws: CounterRng) -> [Self; 2] {
        let films = &self.films;
        let all: BTreeSet<u64> = films.iter().copied().collect();
        let mut order: Vec<u64> = all.into_iter().collect();
        order.sort_by_key(|film| draws.bits(*film));
        let mut sizes: HashMap<u64, usize> = HashMap::new();
        films
            .iter()
            .for_each(|film| *sizes.entry(*film).or_default() += 1);
        let mut taken = HashSet::new();
        let mut count = 0;
        for film in order {
            if count >= rows {
                break;
            }
            count += sizes[&film];
            taken.insert(film);
        }
        [true, false].map(|wanted| {
            self.chosen((0..films.len()).filter(|row| taken.contains(&films[*row]) == wanted))
        })
    }
}

/// The film of each review that an evaluation judged a model on, as a number; a review of none is its own.
fn films(folder: &Path) -> HashMap<u64, u64> {
    let evaluation = Artifact::open(folder).expect("an evaluation");
    let mut inputs = evaluation.manifest().inputs.iter();
    let clean = inputs
        .find(|input| input.stage == StageName::Clean)
        .unwrap();
    let store = Store::containing(folder).expect("a store");
    let clean = store.find_by_identity(StageName::Clean, clean.identity);
    groups_by_row_id(&clean.unwrap().expect("cleaned reviews")).expect("their films")
}

/// A mean with its bootstrap interval, in points.
fn mean(values: &[f64]) -> String {
    let whole = values.iter().sum::<f64>() / values.len() as f64;
    let replicate = |number| {
        let draws = CounterRng::for_sample(1, number);
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
#[derive(Clone, Default)]
struct Record {
    errors: Vec<f64>,
    /// Those of samples of which at most a quarter or at least three quarters are positive.
    far: Vec<f64>,
    /// Intervals that cover the opinion, and those that cover the share among the texts.
    covered: [usize; 2],
}

impl Record {
    fn add(&mut self, other: &Self) {
        self.errors.extend(&other.errors);
        self.far.extend(&other.far);
        self.covered[0] += other.covered[0];
        self.covered[1] += other.covered[1];
    }
}

/// What the methods learn from.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Labelled {
    /// Validation rows and cross-fitted training rows
    Both,
    /// Validation rows alone
    Validation,
    /// Cross-fitted training rows alone
    Folds,
    /// As many test rows as validation has, drawn for each sample: nothing but chance lies between them and the texts
    Rows,
    /// Test rows of other films than those of the texts, as many
    Films,
}

/// Where texts are from.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Texts {
    /// The test rows
    Test,
    /// Validation, to choose a method by: some films with 2,400 rows, drawn for each sample, play validation, the
    /// texts are of the others. It wants many validation rows (`--set clean.split.validation=0.5`)
    Validation,
    /// The cross-fitted rows of half of the training films; learned from are those of the other half, so that nothing
    /// but chance between films lies between them
    Folds,
}

/// What labelled rows are drawn anew by.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum By {
    /// Rows of a film together
    Film,
    /// One by one
    Row,
}

/// Says how far each method is off on samples with shares of 0 to 1 of positive texts, and how often its interval
/// holds. Several evaluations are repetitions of the whole procedure with other seeds, so that other films were left
/// for validation: a 95 % interval promises to cover in 95 % of such repetitions, and not in each of them
#[derive(Parser)]
struct Asked {
    /// Texts in a sample
    texts: u64,
    /// Folders of evaluations, e.g. artifacts/evaluate/linear or artifacts/store/evaluate/KEY
    #[arg(required = true)]
    evaluations: Vec<PathBuf>,
    /// Samples of each of 21 shares
    #[arg(long, default_value_t = 100)]
    samples: u64,
    /// What the methods learn from
    #[arg(long, value_enum, default_value_t = Labelled::Both)]
    labelled: Labelled,
    /// Where the texts are from
    #[arg(long = "texts", id = "from", value_enum, default_value_t = Texts::Test)]
    from: Texts,
    /// What labelled rows are drawn anew by
    #[arg(long, value_enum, default_value_t = By::Film)]
    by: By,
    /// Only this method: cc, acc, pacc, emq or aemq
    #[arg(long = "method", value_parser = method)]
    only: Option<Method>,
}

fn method(name: &str) -> Result<Method, String> {
    let found = Method::ALL.into_iter().find(|it| it.name() == name);
    found.ok_or_else(|| "there is no such method".to_owned())
}

/// What the methods learn from, and the probabilities that texts are drawn from, by class.
type Drawn = (Quantifier, [Vec<f32>; 2]);

/// The rows of an evaluation.
struct Known {
    validation: Rows,
    folds: Rows,
    test: Rows,
}

impl Known {
    fn read(folder: &Path) -> Self {
        let films = films(folder);
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

    /// The labelled rows, those of validation being `validation`.
    fn labelled(&self, asked: &Asked, validation: Rows) -> Rows {
        match asked.labelled {
            Labelled::Folds => self.folds.clone(),
            Labelled::Both => validation.and(&self.folds),
            _ => validation,
        }
    }

    /// For every sample; `None` where each has its own.
    fn for_all(&self, asked: &Asked) -> Option<Drawn> {
        let drawn = matches!(asked.labelled, Labelled::Rows | Labelled::Films);
        (!drawn && asked.from == Texts::Test).then(|| {
            let labelled = self.labelled(asked, self.validation.clone());
            (labelled.quantifier(asked.by, 1), self.test.by_class())
        })
    }

    /// For one sample.
    fn for_sample(&self, asked: &Asked, seed: u64) -> Drawn {
        let draws = CounterRng::for_sample(77, seed);
        let rows = self.validation.labels.len();
        let test = &self.test;
        let (labelled, texts) = match (asked.from, asked.labelled) {
            (Texts::Validation, _) => {
                let [known, others] = self.validation.parted(KNOWN, draws);
                (self.labelled(asked, known), others)
            }
            (Texts::Folds, _) => {
                let half = self.folds.labels.len() / 2;
                self.folds.parted(half, draws).into()
            }
            (Texts::Test, Labelled::Films) => test.parted(rows, draws).into(),
            (Texts::Test, _) => {
                let at = |row: usize| draws.index(row as u64, test.labels.len());
                (test.chosen((0..rows).map(at)), test.clone())
            }
        };
        (labelled.quantifier(asked.by, seed), texts.by_class())
    }
}

impl Asked {
    fn methods(&self) -> Vec<Method> {
        self.only
            .map_or_else(|| Method::ALL.to_vec(), |it| vec![it])
    }

    /// What comes of every method on the predictions of an evaluation.
    fn measured(&self, folder: &Path) -> Vec<Record> {
        let known = Known::read(folder);
        let [validation, folds, test] =
            [&known.validation, &known.folds, &known.test].map(|rows| rows.labels.len());
        println!(
            "{}: {validation} validation rows, {folds} cross-fitted, {test} test rows",
            folder.display(),
        );
        let whole = known.for_all(self);
        let methods = self.methods();
        let mut records = vec![Record::default(); methods.len()];
        for step in 0..=20_u32 {
            let opinion = f64::from(step) / 20.0;
            for sample in 0..self.samples {
                let seed = 1000 * u64::from(step) + sample;
                let own = whole.is_none().then(|| known.for_sample(self, seed));
                let (quantifier, pools) = whole.as_ref().or(own.as_ref()).unwrap();
                let draws = CounterRng::for_sample(1000 + u64::from(step), sample);
                let mut positives = 0;
                let probabilities: Vec<f32> = (0..self.texts)
                    .map(|place| {
                        let unit = draws.bits(2 * place) as f64 / u64::MAX as f64;
                        let class = usize::from(unit < opinion);
                        positives += class;
                        pools[class][draws.index(2 * place + 1, pools[class].len())]
                    })
                    .collect();
                let truth = positives as f64 / self.texts as f64;
                for (method, record) in methods.iter().zip(&mut records) {
                    let found = quantifier.quantify(&probabilities, *method, 0.95, sample);
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
        records
    }
}

fn show(methods: &[Method], records: &[Record]) {
    for (method, record) in methods.iter().zip(records) {
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

/// The name of a choice, as it is typed.
fn typed(choice: impl ValueEnum) -> String {
    choice
        .to_possible_value()
        .map_or_else(String::new, |it| it.get_name().to_owned())
}

fn main() {
    let asked = Asked::parse();
    let methods = asked.methods();
    println!(
        "labelled rows: {}, drawn anew by the {}; {} samples of {} texts of {} at each of 21 shares",
        typed(asked.labelled),
        typed(asked.by),
        asked.samples,
        asked.texts,
        typed(asked.from),
    );
    println!(
        "mean absolute error in points; away from balance (at most 25 %, at least 75 %); covered by the 95 % interval: opinion, texts"
    );
    let mut all = vec![Record::default(); methods.len()];
    for folder in &asked.evaluations {
        let records = asked.measured(folder);
        show(&methods, &records);
        all.iter_mut()
            .zip(&records)
            .for_each(|(all, it)| all.add(it));
    }
    if asked.evaluations.len() > 1 {
        println!("all {} evaluations", asked.evaluations.len());
        show(&methods, &all);
    }
}
