//! Attributions of the tokens to a network's prediction: integrated gradients (Sundararajan, Taly and Yan 2017).
//!
//! The gradient of the score is averaged along the straight line from a baseline, a row of padding vectors, to the row
//! itself, and multiplied by the difference between the two. The attributions add up to the score of the row minus the
//! score of the baseline ("completeness"), up to the error of the average.
//!
//! The same holds for every segment of the line, so the error of a segment is known. Only segments with large errors
//! are divided further (adaptive quadrature), because the score changes strongly in few short segments and is nearly
//! linear elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use bundle::{IdsAndSpecialMask, ModelFile};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::tokens::check_input_rows;
use crate::windows::windows_of;
use crate::{
    Batch, Bundle, ClassifierError, ForwardContext, MemoryLimit, Mode, Network, Parameters,
    PreparedBatch, Result, Weights,
};

/// Initial number of segments of the line.
const INITIAL_SEGMENTS: usize = 32;

/// Maximum number of segments that are computed; the remaining error is accepted.
const MAX_SEGMENTS: usize = 512;

/// Minimum number of segments that are computed together, because a few cost hardly more than one.
const MIN_TOGETHER: usize = 8;

/// Allowed error of the sum of the attributions: relative to the sum, plus an absolute part in nats.
const TOLERANCE: (f64, f64) = (0.02, 0.01);

/// Maximum number of tokens of a batch; fewer if memory is full.
const BATCH_TOKENS: usize = 8192;

/// The attribution of each token to the score: the log-odds of the positive class before calibration, in nats.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributions {
    /// `[T]`: the attribution of each token of the row.
    pub tokens: Vec<f64>,
    /// The score of the row.
    pub score: f64,
    /// The score of the baseline: the row with the vector of padding for every token of its text.
    pub baseline: f64,
}

/// The integrated gradients of rows of token ids, in the order of the rows, computed by `threads` threads. Tokens that
/// the tokenizer has `added` to a text also stay in the baseline, so their attribution is 0.
///
/// # Errors
/// A row is empty, too long or has an id outside the vocabulary, or libtorch fails.
pub fn attributions_of_rows(
    bundle: &Bundle,
    rows: &[IdsAndSpecialMask],
    threads: usize,
    memory: &MemoryLimit,
) -> Result<Vec<Attributions>> {
    let next = AtomicUsize::new(0);
    // Each thread needs its own handle of the weights, because two threads must not use one.
    let worker = |_| Worker {
        model: &bundle.model,
        network: &bundle.network,
        weights: bundle.weights.share(),
        memory,
    };
    let count = threads.clamp(1, rows.len().max(1));
    let workers: Vec<Worker<'_>> = (0..count).map(worker).collect();
    let parts = workers.into_par_iter().map(|worker| {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((ids, added)) = rows.get(index) else {
                return Ok(done);
            };
            done.push((index, worker.attributions(ids, added)?));
        }
    });
    let mut all = parts.collect::<Result<Vec<_>>>()?.concat();
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

/// Computes attributions on one thread.
struct Worker<'a> {
    model: &'a ModelFile,
    network: &'a Network,
    weights: Weights,
    memory: &'a MemoryLimit,
}

impl Worker<'_> {
    fn attributions(&self, ids: &[u32], added: &[bool]) -> Result<Attributions> {
        check_input_rows(&[ids].as_slice(), self.model)?;
        ClassifierError::catch("compute the attributions", || {
            let line = BaselineToRow::new(self, ids, added);
            let share = |end| end as f64 / INITIAL_SEGMENTS as f64;
            let ends: Vec<f64> = (0..=INITIAL_SEGMENTS).map(share).collect();
            let scores_at = |points: &[f64]| numbers(&no_grad(|| line.scores(points).0));
            let scores = line.in_chunks(&ends, scores_at)?;
            let (baseline, score) = (scores[0], scores[INITIAL_SEGMENTS]);
            let allowed = TOLERANCE.0 * (score - baseline).abs() + TOLERANCE.1;
            let ends: Vec<Point> = ends.into_iter().zip(scores).collect();
            let segments = ends.windows(2).map(|ends| [ends[0], ends[1]]);
            let mut segments = line.segments(&segments.collect::<Vec<_>>())?;
            let mut computed = segments.len();
            let error = |all: &[Segment]| all.iter().map(Segment::error).sum::<f64>().abs();
            while error(&segments) > allowed && computed < MAX_SEGMENTS {
                let halves = split_worst(&mut segments);
                computed += halves.len();
                segments.extend(line.segments(&halves)?);
            }
            let mut tokens = vec![0.0; ids.len()];
            for segment in &segments {
                for (sum, value) in tokens.iter_mut().zip(&segment.tokens) {
                    *sum += value;
                }
            }
            Ok(Attributions {
                tokens,
                score,
                baseline,
            })
        })
    }

    /// A batch with `times` copies of the row.
    fn batch(&self, ids: &[u32], times: usize) -> Batch {
        let padding = self.model.tokenizer.pad_id;
        let device = self.weights.flat.device();
        let input_format = self.network.input_format().for_device(device);
        PreparedBatch::read(&vec![ids; times], &vec![0; times], padding, input_format)
            .open_on(device)
    }
}

/// A position on the line from 0 to 1, and the score there.
type Point = (f64, f64);

/// A segment of the line.
struct Segment {
    ends: [Point; 2],
    /// The middle, where the gradient is computed.
    middle: Point,
    /// `[T]`: the attribution of each token from this segment.
    tokens: Vec<f64>,
}

impl Segment {
    /// The sum of the attributions minus the change of the score.
    fn error(&self) -> f64 {
        self.tokens.iter().sum::<f64>() - (self.ends[1].1 - self.ends[0].1)
    }

    fn halves(&self) -> [[Point; 2]; 2] {
        let [start, end] = self.ends;
        [[start, self.middle], [self.middle, end]]
    }
}

/// Removes the segments with the largest errors, which make up half of the total error, and returns their halves.
fn split_worst(segments: &mut Vec<Segment>) -> Vec<[Point; 2]> {
    segments.sort_by(|one, two| one.error().abs().total_cmp(&two.error().abs()));
    let mut remaining = segments.iter().map(|one| one.error().abs()).sum::<f64>();
    let target = remaining / 2.0;
    let mut halves = Vec::new();
    while remaining > target || halves.len() < MIN_TOGETHER {
        let Some(segment) = segments.pop() else { break };
        remaining -= segment.error().abs();
        halves.extend(segment.halves());
    }
    halves
}

/// The values of a tensor.
fn numbers(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_device(Device::Cpu).contiguous().view([-1]);
    Vec::<f64>::try_from(tensor).expect("a tensor of numbers")
}

/// The straight line from the baseline of a row to the row.
struct BaselineToRow<'a> {
    worker: &'a Worker<'a>,
    parameters: Parameters,
    ids: &'a [u32],
    /// `[T, W, D]`: the vectors of the baseline, for each window of the row.
    start: Tensor,
    /// `[T, W, D]`: the vectors of the row minus those of the baseline.
    change: Tensor,
    /// The token of the row at each position of its windows, window after window. All windows have the same length.
    tokens: Vec<i64>,
}

impl<'a> BaselineToRow<'a> {
    fn new(worker: &'a Worker<'a>, ids: &'a [u32], added: &[bool]) -> Self {
        let (network, weights) = (worker.network, &worker.weights);
        let parameters = Parameters::view(network.layout(), &weights.flat);
        let padding = worker.model.tokenizer.pad_id;
        let pairs = ids.iter().zip(added);
        let baseline = pairs.map(|(id, added)| if *added { *id } else { padding });
        let baseline: Vec<u32> = baseline.collect();
        let tokens: Vec<i64> = (0..ids.len() as i64).collect();
        let tokens = match network.input_format().windows {
            Some(settings) => windows_of(&tokens, settings).concat(),
            None => tokens,
        };
        let table = match (network.embedding(), &weights.frozen) {
            (Some(id), _) => parameters.get(id),
            (None, Some(frozen)) => frozen,
            (None, None) => unreachable!("a word table is in the network or in the weights"),
        };
        let look_up = |ids: &[u32]| network.look_up(table, &worker.batch(ids, 1));
        let vectors = |ids: &[u32]| look_up(ids).to_kind(Kind::Float);
        let start = vectors(&baseline);
        let change = vectors(ids) - &start;
        Self {
            worker,
            ids,
            start,
            change,
            tokens,
            parameters,
        }
    }

    /// The score at each point of the line, `[P]`, and the vectors there `[T, P * W, D]`.
    fn scores(&self, points: &[f64]) -> (Tensor, Tensor) {
        let (network, count) = (self.worker.network, points.len() as i64);
        let batch = self.worker.batch(self.ids, points.len());
        let windows = self.start.size()[1];
        let points = Tensor::from_slice(points)
            .to_kind(Kind::Float)
            .to_device(self.start.device())
            .repeat_interleave_self_int(windows, 0, None)
            .view([1, count * windows, 1]);
        let vectors = self.start.repeat([1, count, 1]) + self.change.repeat([1, count, 1]) * points;
        let vectors = vectors.detach().set_requires_grad(true);
        let context = ForwardContext::new(&batch, &self.parameters, Mode::Evaluate);
        let logits = network.forward(&vectors, context);
        let logits = logits.to_kind(Kind::Double);
        (logits.select(1, 1) - logits.select(1, 0), vectors)
    }

    /// The segments with these ends, with attributions from the gradient in the middle of each.
    fn segments(&self, ends: &[[Point; 2]]) -> Result<Vec<Segment>> {
        self.in_chunks(ends, |ends| self.compute_segments(ends))
    }

    /// Computes as many points of the line at a time as fit into memory.
    fn in_chunks<P, T>(&self, points: &[P], compute: impl Fn(&[P]) -> Vec<T>) -> Result<Vec<T>> {
        let length = self.tokens.len().max(1);
        let size = |points: &[P]| points.len() * length;
        let mut found = Vec::new();
        for chunk in points.chunks((BATCH_TOKENS / length).max(1)) {
            let parts = self.worker.memory.compute_in_parts(chunk, size, |points| {
                ClassifierError::catch("compute the attributions", || Ok(compute(points)))
            })?;
            found.extend(parts.into_iter().flatten());
        }
        Ok(found)
    }

    fn compute_segments(&self, ends: &[[Point; 2]]) -> Vec<Segment> {
        let size = self.start.size();
        let middle = |[start, end]: &[Point; 2]| (start.0 + end.0) / 2.0;
        let middles: Vec<f64> = ends.iter().map(middle).collect();
        let (scores, vectors) = self.scores(&middles);
        let total = scores.sum(Kind::Double);
        let gradient = Tensor::run_backward(&[total], &[&vectors], false, false);
        let gradient = gradient[0].reshape([size[0], ends.len() as i64, size[1], size[2]]);
        let by_position =
            (gradient * self.change.unsqueeze(1)).sum_dim_intlist(-1, false, Kind::Double);
        // By segment, window and position.
        let by_position = numbers(&by_position.permute([1, 2, 0]));
        let middles = middles.into_iter().zip(numbers(&scores.detach()));
        let points = ends.iter().zip(middles);
        let found = points.zip(by_position.chunks_exact(self.tokens.len()));
        let segment = |((ends, middle), by_position): ((&[Point; 2], Point), &[f64])| {
            let length = ends[1].0 - ends[0].0;
            let mut tokens = vec![0.0; self.ids.len()];
            for (token, value) in self.tokens.iter().zip(by_position) {
                tokens[*token as usize] += length * value;
            }
            Segment {
                ends: *ends,
                middle,
                tokens,
            }
        };
        found.map(segment).collect()
    }
}
