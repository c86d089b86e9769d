//! Learns vectors from the reviews: skip-gram with negative sampling (Mikolov, Sutskever, Chen, Corrado and Dean 2013),
//! with subsampling of frequent words, a window of random width and a linearly decreasing learning rate, as in word2vec.
//!
//! In word2vec, threads overwrite each other's updates, so that results are not reproducible. Here the texts are read in
//! rounds: a fixed number of workers start from the same vectors, and at the end of the round their updates are combined
//! in a fixed order. The result depends only on the seed, not on the number of threads or their speed.

mod corpus;
mod sampling;
mod worker;

use rayon::prelude::*;
use settings::LearnedSettings;
use stage::ProgressTask;

use crate::matrix::Matrix;
use crate::random;
pub(crate) use corpus::{Corpus, id_lists};

use sampling::{NegativeSampler, TextRng, keep_probabilities};
use worker::{Changes, Round, Worker};

/// Number of workers, at most one per core at the same time. With more, more texts would be read with old vectors.
const WORKERS: usize = 8;

/// Texts per worker in a round: enough that combining the updates takes little time, and few enough that vectors are
/// not much out of date.
const TEXTS: usize = 16;

/// Learns a vector for every token id of a corpus.
pub(crate) fn learn(
    corpus: &Corpus,
    rows: u32,
    pad_id: u32,
    settings: &LearnedSettings,
    width: u32,
    seed: u64,
    task: &ProgressTask,
) -> Matrix {
    let counts = corpus.counts(rows);
    let sampler = NegativeSampler::new(&counts);
    let keep = keep_probabilities(&counts, settings.subsample);
    // The input vectors start with small values and the output vectors with zeros, as in word2vec.
    let mut inputs = random::matrix(rows, width, pad_id, seed);
    let scale = 0.5 / (width as f32 * random::bound(width));
    for (_, row) in inputs.rows_mut() {
        row.iter_mut().for_each(|value| *value *= scale);
    }
    let mut matrices = [inputs, Matrix::zeros(rows, width)];
    let mut workers: Vec<Worker> = (0..WORKERS).map(|_| Worker::new(rows, width)).collect();
    let rounds_per_epoch = corpus.texts().div_ceil(WORKERS * TEXTS);
    let rounds = (rounds_per_epoch * settings.epochs as usize).max(1);
    for round in 0..rounds {
        let epoch = round / rounds_per_epoch;
        let order = TextRng::new(seed, epoch as u64, u64::MAX);
        let rate = settings.learning_rate * (1.0 - round as f64 / rounds as f64).max(1e-4);
        let first = (round % rounds_per_epoch) * WORKERS * TEXTS;
        let shared = Round {
            matrices: &matrices,
            settings,
            sampler: &sampler,
            keep: &keep,
            rate: rate as f32,
        };
        let workers_by_number = workers.par_iter_mut().enumerate();
        workers_by_number.for_each(|(number, worker)| {
            let start = (first + number * TEXTS).min(corpus.texts());
            let end = (start + TEXTS).min(corpus.texts());
            for position in start..end {
                let text = corpus.in_order(position, order);
                let rng = TextRng::new(seed, epoch as u64, text as u64);
                worker.read(corpus.text(text), &shared, rng);
            }
            worker.subtract(&shared);
            task.advance((end - start) as u64);
        });
        for (side, matrix) in matrices.iter_mut().enumerate() {
            let mut changes = Changes::new(rows);
            for worker in &workers {
                worker.rows[side].count(&mut changes);
            }
            for worker in &mut workers {
                worker.rows[side].add_to(matrix, &changes);
            }
        }
    }
    let [inputs, _] = matrices;
    inputs
}

/// For each of `ids`, the `count` ids among `known` with the highest cosine similarity: `(id, cosine)`.
pub(crate) fn neighbours(
    matrix: &Matrix,
    ids: &[usize],
    known: &[usize],
    count: usize,
) -> Vec<Vec<(usize, f32)>> {
    let product = |one: &[f32], two: &[f32]| -> f32 {
        let pairs = one.iter().zip(two);
        pairs.map(|(one, two)| one * two).sum()
    };
    let norm = |row: &[f32]| product(row, row).sqrt().max(f32::MIN_POSITIVE);
    let nearest = |id: &usize| {
        let own = matrix.row(*id);
        let cosine = |other: &usize| {
            let row = matrix.row(*other);
            (*other, product(own, row) / (norm(own) * norm(row)))
        };
        let others = known.iter().filter(|other| *other != id);
        let mut neighbours: Vec<(usize, f32)> = others.map(cosine).collect();
        neighbours.sort_by(|one, two| two.1.total_cmp(&one.1).then(one.0.cmp(&two.0)));
        neighbours.truncate(count);
        neighbours
    };
    ids.par_iter().map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of two domains that have no words in common; ids 0 and 1 are special.
    fn corpus() -> Corpus {
        let word = |text: u32, position: u32| {
            let mixed = (text * 12 + position).wrapping_mul(2_654_435_761) >> 8;
            2 + 10 * (text % 2) + mixed % 10
        };
        let texts: Vec<Vec<u32>> = (0..600)
            .map(|text| (0..12).map(|position| word(text, position)).collect())
            .collect();
        Corpus::of(&texts)
    }

    fn settings() -> LearnedSettings {
        LearnedSettings {
            epochs: 20,
            subsample: 0.0,
            ..LearnedSettings::default()
        }
    }

    fn learned(seed: u64, threads: usize) -> Matrix {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads");
        let progress = stage::Progress::new(
            stage::ProgressMode::None,
            settings::StepId::new(artifact::StageName::Embed, "learned"),
        );
        let task = progress.task("learning", None, "reviews");
        pool.install(|| learn(&corpus(), 22, 0, &settings(), 16, seed, &task))
    }

    #[test]
    fn words_of_the_same_domain_are_neighbours() {
        let matrix = learned(1, 2);
        let known: Vec<usize> = (2..22).collect();
        for (id, nearest) in known.iter().zip(neighbours(&matrix, &known, &known, 5)) {
            let same = nearest
                .iter()
                .filter(|(other, _)| (*other < 12) == (*id < 12))
                .count();
            assert!(same >= 4, "{id}: {nearest:?}");
        }
        assert!(matrix.row(0).iter().all(|value| *value == 0.0));
    }

    #[test]
    fn vectors_depend_on_the_seed_and_not_on_threads() {
        let one = learned(1, 1);
        assert_eq!(one, learned(1, 4));
        assert_ne!(one, learned(2, 1));
    }
}
