//! A worker: computes the updates for its part of a round.

use settings::LearnedSettings;

use super::sampling::{NegativeSampler, TextRng};
use crate::matrix::Matrix;

/// The values of a round that are the same for all workers.
pub(super) struct Round<'a> {
    /// The input and the output vectors at the start of the round.
    pub(super) matrices: &'a [Matrix; 2],
    pub(super) settings: &'a LearnedSettings,
    pub(super) sampler: &'a NegativeSampler,
    /// The probability that an occurrence of a word is used, by id.
    pub(super) keep: &'a [f32],
    pub(super) rate: f32,
}

/// A worker with its changes of the vectors.
pub(super) struct Worker {
    /// Changed rows of the input and of the output vectors.
    pub(super) rows: [Rows; 2],
    /// Buffer for the words of a text that are used.
    words: Vec<u32>,
    /// Buffer for the change of an input vector.
    change: Vec<f32>,
}

/// Rows of a matrix, copied before their first change.
pub(super) struct Rows {
    width: usize,
    values: Vec<f32>,
    changed: Vec<u32>,
    /// How often each row was changed in this round.
    changes: Vec<u32>,
}

/// How often each row of a matrix was changed in a round, and by how many workers.
pub(super) struct Changes(Vec<(u32, u32)>);

/// Up to this number of changes of a vector in a round, the changes of the workers are added.
const MAX_ADDED_CHANGES: u32 = 64;

impl Changes {
    pub(super) fn new(rows: u32) -> Self {
        Self(vec![(0, 0); rows as usize])
    }

    /// The factor for the sum of all workers' changes of a row. A few changes are added as if one worker had made them.
    /// After many changes, each worker's vector has converged for this round, and the sum would overshoot by the number
    /// of workers: then the factor gives the mean.
    fn factor(&self, id: usize) -> f32 {
        let (changes, workers) = self.0[id];
        let factor = MAX_ADDED_CHANGES as f32 / changes.max(1) as f32;
        factor.clamp(1.0 / workers.max(1) as f32, 1.0)
    }
}

impl Rows {
    fn new(rows: u32, width: u32) -> Self {
        Self {
            width: width as usize,
            values: vec![0.0; rows as usize * width as usize],
            changed: Vec::new(),
            changes: vec![0; rows as usize],
        }
    }

    fn row(&mut self, id: usize, shared: &Matrix) -> &mut [f32] {
        let range = id * self.width..(id + 1) * self.width;
        self.changes[id] += 1;
        if self.changes[id] == 1 {
            self.changed.push(id as u32);
            self.values[range.clone()].copy_from_slice(shared.row(id));
        }
        &mut self.values[range]
    }

    /// Replaces every changed row by its difference from the shared row.
    fn subtract(&mut self, shared: &Matrix) {
        for id in &self.changed {
            let id = *id as usize;
            let own = &mut self.values[id * self.width..(id + 1) * self.width];
            for (own, shared) in own.iter_mut().zip(shared.row(id)) {
                *own -= shared;
            }
        }
    }

    /// Adds the number of changes of each row.
    pub(super) fn count(&self, changes: &mut Changes) {
        for id in &self.changed {
            let (count, workers) = &mut changes.0[*id as usize];
            *count += self.changes[*id as usize];
            *workers += 1;
        }
    }

    /// Adds the changes to the shared vectors, and clears them.
    pub(super) fn add_to(&mut self, shared: &mut Matrix, changes: &Changes) {
        for id in self.changed.drain(..) {
            let id = id as usize;
            self.changes[id] = 0;
            let factor = changes.factor(id);
            let own = &self.values[id * self.width..(id + 1) * self.width];
            for (shared, own) in shared.row_mut(id).iter_mut().zip(own) {
                *shared += factor * own;
            }
        }
    }
}

impl Worker {
    pub(super) fn new(rows: u32, width: u32) -> Self {
        Self {
            rows: [Rows::new(rows, width), Rows::new(rows, width)],
            words: Vec::new(),
            change: vec![0.0; width as usize],
        }
    }

    /// Learns from a text: every word predicts the words around it.
    pub(super) fn read(&mut self, text: &[u32], round: &Round<'_>, mut rng: TextRng) {
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        let is_used = |id: &u32| rng.uniform() < round.keep[*id as usize];
        words.extend(text.iter().copied().filter(is_used));
        for (position, center) in words.iter().enumerate() {
            // The random width of the window gives near words more weight.
            let reach = 1 + rng.below(round.settings.window as usize);
            let start = position.saturating_sub(reach);
            let end = (position + reach + 1).min(words.len());
            for other in (start..end).filter(|other| *other != position) {
                let context = words[other] as usize;
                self.step(context, *center as usize, round, &mut rng);
            }
        }
        self.words = words;
    }

    /// One gradient step: moves the vector of a word towards a word next to it and away from negative samples.
    fn step(&mut self, input: usize, output: usize, round: &Round<'_>, rng: &mut TextRng) {
        self.change.fill(0.0);
        let [inputs, outputs] = &mut self.rows;
        let input = inputs.row(input, &round.matrices[0]);
        for number in 0..=round.settings.negatives {
            let (word, label) = match number {
                0 => (output, 1.0),
                _ => (round.sampler.draw(rng), 0.0),
            };
            if number > 0 && word == output {
                continue;
            }
            let row = outputs.row(word, &round.matrices[1]);
            let score = dot(input, row);
            let step = round.rate * (label - 1.0 / (1.0 + (-score).exp()));
            for ((change, row), input) in self.change.iter_mut().zip(row).zip(&*input) {
                *change += step * *row;
                *row += step * input;
            }
        }
        for (input, change) in input.iter_mut().zip(&self.change) {
            *input += change;
        }
    }

    /// Converts the changed rows to differences, see [`Rows::subtract`].
    pub(super) fn subtract(&mut self, round: &Round<'_>) {
        for (rows, matrix) in self.rows.iter_mut().zip(round.matrices) {
            rows.subtract(matrix);
        }
    }
}

/// The dot product in eight partial sums, which the compiler computes in one vector register. Their order is fixed, so
/// that the result is the same on every machine.
fn dot(one: &[f32], two: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (ones, twos) = (one.chunks_exact(8), two.chunks_exact(8));
    let rest = ones.remainder().iter().zip(twos.remainder());
    let rest: f32 = rest.map(|(one, two)| one * two).sum();
    for (one, two) in ones.zip(twos) {
        for ((sum, one), two) in sums.iter_mut().zip(one).zip(two) {
            *sum += one * two;
        }
    }
    sums.iter().sum::<f32>() + rest
}
