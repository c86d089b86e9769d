//! One worker's reading of its part of a round.

use settings::LearnedSettings;

use super::chance::{Chance, Noise};
use crate::matrix::Matrix;

/// What a round's reading depends on, the same for all workers.
pub(super) struct Round<'a> {
    /// The input and the output vectors as they stood when the round began.
    pub(super) matrices: &'a [Matrix; 2],
    pub(super) settings: &'a LearnedSettings,
    pub(super) noise: &'a Noise,
    /// The probability that an occurrence of a word is read, by id.
    pub(super) keep: &'a [f32],
    pub(super) rate: f32,
}

/// Copies of the vectors that a worker has changed.
pub(super) struct Worker {
    /// Of the input and of the output vectors.
    pub(super) rows: [Rows; 2],
    /// The words of a text that are read, and the change of an input vector: kept for their memory.
    read: Vec<u32>,
    change: Vec<f32>,
}

/// Rows of a matrix, copied when they are first touched.
pub(super) struct Rows {
    width: usize,
    values: Vec<f32>,
    touched: Vec<u32>,
    /// How often each row was changed in this round.
    changes: Vec<u32>,
}

/// How often each row of a matrix was changed in a round, and by how many workers.
pub(super) struct Changes(Vec<(u32, u32)>);

/// So many changes of a vector by workers that do not see each other's may be added up.
const INDEPENDENT: u32 = 64;

impl Changes {
    pub(super) fn new(rows: u32) -> Self {
        Self(vec![(0, 0); rows as usize])
    }

    /// What the sum of the workers' changes of a row is multiplied by. Few changes add up as if one
    /// worker had made them. Of many each worker has made all it takes, and their sum would overshoot
    /// by as often as there are workers: then it is their mean.
    fn share(&self, id: usize) -> f32 {
        let (changes, workers) = self.0[id];
        let share = INDEPENDENT as f32 / changes.max(1) as f32;
        share.clamp(1.0 / workers.max(1) as f32, 1.0)
    }
}

impl Rows {
    fn new(rows: u32, width: u32) -> Self {
        Self {
            width: width as usize,
            values: vec![0.0; rows as usize * width as usize],
            touched: Vec::new(),
            changes: vec![0; rows as usize],
        }
    }

    fn row(&mut self, id: usize, shared: &Matrix) -> &mut [f32] {
        let place = id * self.width..(id + 1) * self.width;
        self.changes[id] += 1;
        if self.changes[id] == 1 {
            self.touched.push(id as u32);
            self.values[place.clone()].copy_from_slice(shared.row(id));
        }
        &mut self.values[place]
    }

    /// Leaves of every touched row what was changed.
    fn subtract(&mut self, shared: &Matrix) {
        for id in &self.touched {
            let id = *id as usize;
            let own = &mut self.values[id * self.width..(id + 1) * self.width];
            for (own, shared) in own.iter_mut().zip(shared.row(id)) {
                *own -= shared;
            }
        }
    }

    /// Counts what was changed.
    pub(super) fn count(&self, changes: &mut Changes) {
        for id in &self.touched {
            let (count, workers) = &mut changes.0[*id as usize];
            *count += self.changes[*id as usize];
            *workers += 1;
        }
    }

    /// Adds what was changed to the vectors, and forgets it.
    pub(super) fn add_to(&mut self, shared: &mut Matrix, changes: &Changes) {
        for id in self.touched.drain(..) {
            let id = id as usize;
            self.changes[id] = 0;
            let share = changes.share(id);
            let own = &self.values[id * self.width..(id + 1) * self.width];
            for (shared, own) in shared.row_mut(id).iter_mut().zip(own) {
                *shared += share * own;
            }
        }
    }
}

impl Worker {
    pub(super) fn new(rows: u32, width: u32) -> Self {
        Self {
            rows: [Rows::new(rows, width), Rows::new(rows, width)],
            read: Vec::new(),
            change: vec![0.0; width as usize],
        }
    }

    /// Reads a text: every word foretells the words around it.
    pub(super) fn read(&mut self, text: &[u32], round: &Round<'_>, mut chance: Chance) {
        let mut read = std::mem::take(&mut self.read);
        read.clear();
        let is_read = |id: &u32| chance.share() < round.keep[*id as usize];
        read.extend(text.iter().copied().filter(is_read));
        for (place, center) in read.iter().enumerate() {
            // Near words count more because the window is often narrow.
            let reach = 1 + chance.below(round.settings.window as usize);
            let start = place.saturating_sub(reach);
            let end = (place + reach + 1).min(read.len());
            for other in (start..end).filter(|other| *other != place) {
                let context = read[other] as usize;
                self.pair(context, *center as usize, round, &mut chance);
            }
        }
        self.read = read;
    }

    /// One step: the vector of a word is moved towards what stands beside it, and away from words
    /// drawn by chance.
    fn pair(&mut self, input: usize, output: usize, round: &Round<'_>, chance: &mut Chance) {
        self.change.fill(0.0);
        let [inputs, outputs] = &mut self.rows;
        let input = inputs.row(input, &round.matrices[0]);
        for number in 0..=round.settings.negatives {
            let (word, label) = if number == 0 {
                (output, 1.0)
            } else {
                (round.noise.draw(chance), 0.0)
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

    /// Leaves what was changed, ready to be added up.
    pub(super) fn subtract(&mut self, round: &Round<'_>) {
        for (rows, matrix) in self.rows.iter_mut().zip(round.matrices) {
            rows.subtract(matrix);
        }
    }
}

/// A dot product in eight partial sums, which the compiler makes into one vector register; their
/// order is fixed, so the result is the same everywhere.
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
