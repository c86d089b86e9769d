//! The artificial-prevalence protocol (Forman 2008) on real predictions: test reviews are drawn so that
//! this or that share of them is positive, and each method says which.
//!
//!     cargo run -p ressenti-quantification --example artificial_prevalence -- 1000 artifacts/evaluate/linear \
//!         [artifacts/store/evaluate/KEY...] [--labelled validation|folds|rows|films] [--texts validation|folds] \
//!         [--method aemq] [--by row] [--samples 100]
//!
//! The arguments are the texts of a sample and the folders of evaluations, whose validation rows and cross-fitted
//! training rows the methods learn from: several where the whole procedure is repeated with other seeds, so that
//! other films were left for validation. A 95 % interval promises to cover in 95 % of such repetitions, and not in
//! each of them. Labelled rows are drawn anew by the film, or one by one with `--by row`.
//!
//! `--labelled validation` and `--labelled folds` learn from one of the two alone; `rows` and `films` from as many
//! test rows as validation has, drawn for each sample, so that nothing but chance lies between them and the texts;
//! or from the rows of other films than those of the texts.
//!
//! `--texts validation` leaves the test rows alone, to choose by: for each sample some films of validation, with
//! 2,400 rows, are what validation is else, and the texts are drawn from the rows of the others. It wants many
//! validation rows (`--set clean.split.validation=0.5`). `--texts folds` learns from the cross-fitted rows of half of
//! their films and draws the texts from the others: nothing but chance between films lies between them.
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
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{Float32Type, UInt8Type, UInt64Type};
use artifact::{Artifact, StageName, Store, groups_of, read_table, schema};
use metrics::Estimate;
use metrics::random::Draws;
use quantification::{Method, Quantifier};

/// Samples of each share where nothing is said.
const SAMPLES: u64 = 100;

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

    fn quantifier(&self, by_film: bool, seed: u64) -> Quantifier {
        let (labels, said) = (&self.labels, &self.probabilities);
        match by_film {
            true => Quantifier::of_groups(labels, said, &self.films, DRAWS, seed).unwrap(),
            false => Quantifier::new(labels, said, DRAWS, seed).unwrap(),
        }
    }

    /// So many rows at least, of films drawn at random, and the rows of all other films.
    fn parted(&self, rows: usize, draws: Draws) -> [Self; 2] {
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
    let store = Store::around(folder).expect("a store");
    let clean = store.of_identity(StageName::Clean, clean.identity);
    groups_of(&clean.unwrap().expect("cleaned reviews")).expect("their films")
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
#[derive(Clone, Copy, PartialEq)]
enum Labelled {
    /// Validation rows and cross-fitted training rows.
    Both,
    Validation,
    Folds,
    /// Test rows.
    Rows,
    /// Test rows of other films than those of the texts.
    Films,
}

impl Labelled {
    fn named(name: &str) -> Self {
        match name {
            "validation" => Self::Validation,
            "folds" => Self::Folds,
            "rows" => Self::Rows,
            "films" => Self::Films,
            other => panic!("no rows are called {other}"),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Both => "validation and the folds",
            Self::Validation => "validation",
            Self::Folds => "the folds",
            Self::Rows => "test, for each sample",
            Self::Films => "other test films, for each sample",
        }
    }
}

/// Where texts are from.
#[derive(Clone, Copy, PartialEq)]
enum Texts {
    Test,
    /// Films of validation that are not among the labelled ones.
    Validation,
    /// Training films, cross-fitted, that are not among the labelled ones.
    Folds,
}

impl Texts {
    fn named(name: &str) -> Self {
        match name {
            "test" => Self::Test,
            "validation" => Self::Validation,
            "folds" => Self::Folds,
            other => panic!("no texts are called {other}"),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Test => "the test",
            Self::Validation => "other validation films",
            Self::Folds => "the other half of the training films",
        }
    }
}

/// What is measured.
struct Asked {
    texts: u64,
    samples: u64,
    by_film: bool,
    labelled: Labelled,
    from: Texts,
    methods: Vec<Method>,
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
            (labelled.quantifier(asked.by_film, 1), self.test.by_class())
        })
    }

    /// For one sample.
    fn for_sample(&self, asked: &Asked, seed: u64) -> Drawn {
        let draws = Draws::new(77, seed);
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
        (labelled.quantifier(asked.by_film, seed), texts.by_class())
    }
}

impl Asked {
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
        let mut records = vec![Record::default(); self.methods.len()];
        for step in 0..=20_u32 {
            let opinion = f64::from(step) / 20.0;
            for sample in 0..self.samples {
                let seed = 1000 * u64::from(step) + sample;
                let own = whole.is_none().then(|| known.for_sample(self, seed));
                let (quantifier, pools) = whole.as_ref().or(own.as_ref()).unwrap();
                let draws = Draws::new(1000 + u64::from(step), sample);
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
                for (method, record) in self.methods.iter().zip(&mut records) {
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

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut asked = Asked {
        texts: arguments.next().unwrap().parse().unwrap(),
        samples: SAMPLES,
        by_film: true,
        labelled: Labelled::Both,
        from: Texts::Test,
        methods: Method::ALL.to_vec(),
    };
    let mut folders = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--by" => asked.by_film = arguments.next().unwrap() == "film",
            "--labelled" => asked.labelled = Labelled::named(&arguments.next().unwrap()),
            "--texts" => asked.from = Texts::named(&arguments.next().unwrap()),
            "--samples" => asked.samples = arguments.next().unwrap().parse().unwrap(),
            "--method" => {
                let name = arguments.next().unwrap();
                asked.methods.retain(|method| method.name() == name);
            }
            _ => folders.push(argument),
        }
    }
    println!(
        "labelled rows of {}, drawn anew by the {}; {} samples of {} texts of {} at each of 21 shares",
        match asked.from {
            Texts::Folds => "half of the training films, for each sample",
            _ => asked.labelled.in_words(),
        },
        if asked.by_film { "film" } else { "row" },
        asked.samples,
        asked.texts,
        asked.from.in_words(),
    );
    println!(
        "mean absolute error in points; away from balance (at most 25 %, at least 75 %); covered by the 95 % interval: opinion, texts"
    );
    let mut all = vec![Record::default(); asked.methods.len()];
    for folder in &folders {
        let records = asked.measured(Path::new(folder));
        show(&asked.methods, &records);
        all.iter_mut()
            .zip(&records)
            .for_each(|(all, it)| all.add(it));
    }
    if folders.len() > 1 {
        println!("all {} evaluations", folders.len());
        show(&asked.methods, &all);
    }
}
