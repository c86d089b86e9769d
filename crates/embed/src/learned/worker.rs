//! One worker's reading of its part of a round.

use settings::LearnedSettings;

use super::chance::{Chance, Noise};
use crate::matrix::Matrix;

/// The vectors as they stood when the round began.
pub(super) struct Vectors<'a> {
    pub(super) inputs: &'a Matrix,
    pub(super) outputs: &'a Matrix,
}

/// Copies of the vectors that a worker has changed.
pub(super) struct Worker {
    inputs: Rows,
    outputs: Rows,
    /// The words of a text that are read, and the change of an input vector: kept for their memory.
    read: Vec<u32>,
    change: Vec<f32>,
}

/// Rows of a matrix, copied when they are first touched.
struct Rows {
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
            own.iter_mut()
                .zip(shared.row(id))
                .for_each(|(own, shared)| *own -= shared);
        }
    }

    fn count(&self, changes: &mut Changes) {
        for id in &self.touched {
            let (count, workers) = &mut changes.0[*id as usize];
            *count += self.changes[*id as usize];
            *workers += 1;
        }
    }

    fn add_to(&mut self, shared: &mut Matrix, changes: &Changes) {
        for id in self.touched.drain(..) {
            let id = id as usize;
            self.changes[id] = 0;
            let share = changes.share(id);
            let own = &self.values[id * self.width..(id + 1) * self.width];
            shared
                .row_mut(id)
                .iter_mut()
                .zip(own)
                .for_each(|(shared, own)| *shared += share * own);
        }
    }
}

impl Worker {
    pub(super) fn new(rows: u32, width: u32) -> Self {
        Self {
            inputs: Rows::new(rows, width),
            outputs: Rows::new(rows, width),
            read: Vec::new(),
            change: vec![0.0; width as usize],
        }
    }

    /// Reads a text: every word foretells the words around it.
    #[allow(
        clippy::too_many_arguments,
        reason = "all of them are what reading a text depends on"
    )]
    pub(super) fn read(
        &mut self,
        text: &[u32],
        shared: &Vectors<'_>,
        settings: &LearnedSettings,
        noise: &Noise,
        keep: &[f32],
        rate: f32,
        mut chance: Chance,
    ) {
        let mut read = std::mem::take(&mut self.read);
        read.clear();
        read.extend(
            text.iter()
                .copied()
                .filter(|id| chance.share() < keep[*id as usize]),
        );
        for (place, center) in read.iter().enumerate() {
            // Near words count more because the window is often narrow.
            let reach = 1 + chance.below(settings.window as usize);
            let (start, end) = (
                place.saturating_sub(reach),
                (place + reach + 1).min(read.len()),
            );
            for other in (start..end).filter(|other| *other != place) {
                let context = read[other] as usize;
                self.pair(
                    context,
                    *center as usize,
                    shared,
                    settings.negatives,
                    noise,
                    rate,
                    &mut chance,
                );
            }
        }
        self.read = read;
    }

    /// One step: the vector of a word is moved towards what stands beside it, and away from words
    /// drawn by chance.
    #[allow(
        clippy::too_many_arguments,
        reason = "all of them are what one step depends on"
    )]
    fn pair(
        &mut self,
        input: usize,
        output: usize,
        shared: &Vectors<'_>,
        negatives: u32,
        noise: &Noise,
        rate: f32,
        chance: &mut Chance,
    ) {
        self.change.fill(0.0);
        let input = self.inputs.row(input, shared.inputs);
        for number in 0..=negatives {
            let (word, label) = if number == 0 {
                (output, 1.0)
            } else {
                (noise.draw(chance), 0.0)
            };
            if number > 0 && word == output {
                continue;
            }
            let row = self.outputs.row(word, shared.outputs);
            let score = dot(input, row);
            let step = rate * (label - 1.0 / (1.0 + (-score).exp()));
            for ((change, row), input) in self.change.iter_mut().zip(row).zip(&*input) {
                *change += step * *row;
                *row += step * input;
            }
        }
        input
            .iter_mut()
            .zip(&self.change)
            .for_each(|(input, change)| *input += change);
    }

    /// Leaves what was changed, ready to be added up.
    pub(super) fn subtract(&mut self, shared: &Vectors<'_>) {
        self.inputs.subtract(shared.inputs);
        self.outputs.subtract(shared.outputs);
    }

    /// Counts what was changed.
    pub(super) fn count(&self, inputs: &mut Changes, outputs: &mut Changes) {
        self.inputs.count(inputs);
        self.outputs.count(outputs);
    }

    /// Adds what was changed to the vectors, and forgets it.
    pub(super) fn add_to(
        &mut self,
        (inputs, input_changes): (&mut Matrix, &Changes),
        (outputs, output_changes): (&mut Matrix, &Changes),
    ) {
        self.inputs.add_to(inputs, input_changes);
        self.outputs.add_to(outputs, output_changes);
    }
}

/// A dot product in eight partial sums, which the compiler makes into one vector register; their
/// order is fixed, so the result is the same everywhere.
fn dot(one: &[f32], two: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (ones, twos) = (one.chunks_exact(8), two.chunks_exact(8));
    let rest: f32 = ones
        .remainder()
        .iter()
        .zip(twos.remainder())
        .map(|(one, two)| one * two)
        .sum();
    for (one, two) in ones.zip(twos) {
        for ((sum, one), two) in sums.iter_mut().zip(one).zip(two) {
            *sum += one * two;
        }
    }
    sums.iter().sum::<f32>() + rest
}
