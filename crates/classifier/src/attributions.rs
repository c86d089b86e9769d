//! Which tokens drove a network's answer: integrated gradients (Sundararajan, Taly and Yan 2017).
//!
//! The gradient of the logits' difference is averaged along the straight line from a row that says
//! nothing to the row itself, and multiplied by the way. What the tokens get adds up to the
//! difference less that of the row that says nothing ("completeness"), up to the error of the average.
//!
//! So it is for every part of the line: what the tokens get there is to add up to how far the difference
//! moves from one end of the part to the other, and by how much it does not says where the average is
//! bad. Only there the line is looked at more closely (adaptive quadrature): a network changes its mind
//! within a few short parts, and elsewhere hardly bends.

use std::sync::atomic::{AtomicUsize, Ordering};

use bundle::{IdsAndSpecialMask, ModelFile};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::tokens::check_asked;
use crate::windows::windows_of;
use crate::{
    Batch, Bundle, ClassifierError, ForwardContext, MemoryLimit, Mode, Network, Parameters,
    PreparedBatch, Result, Weights,
};

/// Parts of the line at first.
const PARTS: usize = 32;

/// Once so many parts were looked at, what is left over stays.
const MOST_PARTS: usize = 512;

/// Parts that are looked at together at least: a few cost hardly more than one.
const TOGETHER: usize = 8;

/// How far what the tokens get may be from adding up: a share of the difference, and nats.
const TOLERANCE: (f64, f64) = (0.02, 0.01);

/// Tokens of a batch at most, beyond which fewer points are computed together; fewer still where memory is
/// full.
const BATCH_TOKENS: usize = 8192;

/// What each token contributes to how far the positive class is ahead, in nats of log-odds before
/// calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributions {
    /// `[T]`, one for each token of the row.
    pub tokens: Vec<f64>,
    /// How far the positive class is ahead on the row.
    pub difference: f64,
    /// The same on the baseline: the row with padding's vector for every token of its text.
    pub baseline: f64,
}

/// The integrated gradients of rows of token ids, in their order, by so many threads of the pool. Tokens that
/// are `added` to a text by the tokenizer stay as they are on the baseline, and get nothing.
///
/// # Errors
/// A row is empty, too long or has an id that the vocabulary has not, or libtorch refuses: about the first
/// row that this is found of.
pub fn attributions_of_rows(
    bundle: &Bundle,
    rows: &[IdsAndSpecialMask],
    threads: usize,
    memory: &MemoryLimit,
) -> Result<Vec<Attributions>> {
    let next = AtomicUsize::new(0);
    // A tensor may go to another thread, but not be looked at by two: each has a name of its own for
    // the same weights.
    let explained = |_| Explained {
        model: &bundle.model,
        network: &bundle.network,
        weights: bundle.weights.share(),
        memory,
    };
    let shares: Vec<Explained<'_>> = (0..threads.clamp(1, rows.len().max(1)))
        .map(explained)
        .collect();
    let parts = shares.into_par_iter().map(|explained| {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some((ids, added)) = rows.get(place) else {
                return Ok(done);
            };
            done.push((place, explained.attributions(ids, added)?));
        }
    });
    let mut all = parts.collect::<Result<Vec<_>>>()?.concat();
    all.sort_unstable_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

/// A network whose answers are explained, on one thread.
struct Explained<'a> {
    model: &'a ModelFile,
    network: &'a Network,
    weights: Weights,
    memory: &'a MemoryLimit,
}

impl Explained<'_> {
    fn attributions(&self, ids: &[u32], added: &[bool]) -> Result<Attributions> {
        check_asked(&[ids].as_slice(), self.model)?;
        ClassifierError::catch("compute what drove the answer", || {
            let line = Line::new(self, ids, added);
            let ends: Vec<f64> = (0..=PARTS).map(|end| end as f64 / PARTS as f64).collect();
            let said =
                line.some_at_a_time(&ends, |some| numbers(&no_grad(|| line.differences(some).0)))?;
            let (baseline, difference) = (said[0], said[PARTS]);
            let allowed = TOLERANCE.0 * (difference - baseline).abs() + TOLERANCE.1;
            let ends: Vec<Point> = ends.into_iter().zip(said).collect();
            let parts = ends.windows(2).map(|ends| [ends[0], ends[1]]);
            let mut parts = line.parts(&parts.collect::<Vec<_>>())?;
            let mut looked_at = parts.len();
            let gap = |parts: &[Part]| parts.iter().map(Part::gap).sum::<f64>().abs();
            while gap(&parts) > allowed && looked_at < MOST_PARTS {
                let halves = halves_of_worst(&mut parts);
                looked_at += halves.len();
                parts.extend(line.parts(&halves)?);
            }
            let mut tokens = vec![0.0; ids.len()];
            for part in &parts {
                for (sum, value) in tokens.iter_mut().zip(&part.tokens) {
                    *sum += value;
                }
            }
            Ok(Attributions {
                tokens,
                difference,
                baseline,
            })
        })
    }

    /// A batch of the same row several times over.
    fn batch(&self, ids: &[u32], times: usize) -> Batch {
        let padding = self.model.tokenizer.pad_id;
        let device = self.weights.flat.device();
        let reading = self.network.reading().on(device);
        PreparedBatch::read(&vec![ids; times], &vec![0; times], padding, reading).open_on(device)
    }
}

/// Where on the line, and how far the positive class is ahead there.
type Point = (f64, f64);

/// A part of the line.
struct Part {
    ends: [Point; 2],
    /// In the middle the gradient was taken.
    middle: Point,
    /// What each token gets, `[T]`.
    tokens: Vec<f64>,
}

impl Part {
    /// By how much what the tokens get does not add up.
    fn gap(&self) -> f64 {
        self.tokens.iter().sum::<f64>() - (self.ends[1].1 - self.ends[0].1)
    }

    fn halves(&self) -> [[Point; 2]; 2] {
        let [start, end] = self.ends;
        [[start, self.middle], [self.middle, end]]
    }
}

/// Takes away the parts that add up worst, which make up half of all that is wrong, for their halves.
fn halves_of_worst(parts: &mut Vec<Part>) -> Vec<[Point; 2]> {
    parts.sort_by(|one, two| one.gap().abs().total_cmp(&two.gap().abs()));
    let mut wrong = parts.iter().map(|part| part.gap().abs()).sum::<f64>();
    let enough = wrong / 2.0;
    let mut halves = Vec::new();
    while wrong > enough || halves.len() < TOGETHER {
        let Some(part) = parts.pop() else { break };
        wrong -= part.gap().abs();
        halves.extend(part.halves());
    }
    halves
}

/// The numbers of a tensor.
fn numbers(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.to_device(Device::Cpu).contiguous().view([-1]);
    Vec::<f64>::try_from(tensor).expect("numbers")
}

/// The line from a row's baseline to the row.
struct Line<'a> {
    explained: &'a Explained<'a>,
    parameters: Parameters,
    ids: &'a [u32],
    /// `[T, W, D]`: the vectors of the baseline, for each window of the row.
    start: Tensor,
    /// `[T, W, D]`: the way to the row.
    way: Tensor,
    /// Which token of the row stands where, window after window, all of which are of one length.
    places: Vec<i64>,
}

impl<'a> Line<'a> {
    fn new(explained: &'a Explained<'a>, ids: &'a [u32], added: &[bool]) -> Self {
        let (network, weights) = (explained.network, &explained.weights);
        let parameters = Parameters::view(network.layout(), &weights.flat);
        let padding = explained.model.tokenizer.pad_id;
        let said_nothing: Vec<u32> = ids
            .iter()
            .zip(added)
            .map(|(id, added)| if *added { *id } else { padding })
            .collect();
        let places: Vec<i64> = (0..ids.len() as i64).collect();
        let places = match network.reading().windows {
            Some(settings) => windows_of(&places, settings).concat(),
            None => places,
        };
        let table = match (network.embedding(), &weights.frozen) {
            (Some(id), _) => parameters.get(id),
            (None, Some(frozen)) => frozen,
            (None, None) => unreachable!("weights hold the embedding that the network does not"),
        };
        let vectors = |ids: &[u32]| {
            let vectors = network.look_up(table, &explained.batch(ids, 1));
            vectors.to_kind(Kind::Float)
        };
        let start = vectors(&said_nothing);
        let way = vectors(ids) - &start;
        Self {
            explained,
            ids,
            start,
            way,
            places,
            parameters,
        }
    }

    /// How far the positive class is ahead at each point of the line, `[P]`, and the vectors there
    /// `[T, P * W, D]`.
    fn differences(&self, points: &[f64]) -> (Tensor, Tensor) {
        let (network, count) = (self.explained.network, points.len() as i64);
        let batch = self.explained.batch(self.ids, points.len());
        let windows = self.start.size()[1];
        let points = Tensor::from_slice(points)
            .to_kind(Kind::Float)
            .to_device(self.start.device())
            .repeat_interleave_self_int(windows, 0, None)
            .view([1, count * windows, 1]);
        let vectors = (self.start.repeat([1, count, 1]) + self.way.repeat([1, count, 1]) * points)
            .detach()
            .set_requires_grad(true);
        let context = ForwardContext::new(&batch, &self.parameters, Mode::Evaluate);
        let logits = network.forward(&vectors, context);
        let logits = logits.to_kind(Kind::Double);
        (logits.select(1, 1) - logits.select(1, 0), vectors)
    }

    /// What each token gets in parts of the line with these ends, from the gradient in the middle of each.
    fn parts(&self, ends: &[[Point; 2]]) -> Result<Vec<Part>> {
        self.some_at_a_time(ends, |some| self.some_parts(some))
    }

    /// Computes as many points of the line at a time as fit into memory.
    fn some_at_a_time<P, T>(
        &self,
        points: &[P],
        compute: impl Fn(&[P]) -> Vec<T>,
    ) -> Result<Vec<T>> {
        let tokens = self.places.len().max(1);
        let size = |some: &[P]| some.len() * tokens;
        let mut found = Vec::new();
        for some in points.chunks((BATCH_TOKENS / tokens).max(1)) {
            let parts = self.explained.memory.in_parts(some, size, |some| {
                ClassifierError::catch("compute the attributions", || Ok(compute(some)))
            })?;
            found.extend(parts.into_iter().flatten());
        }
        Ok(found)
    }

    fn some_parts(&self, ends: &[[Point; 2]]) -> Vec<Part> {
        let size = self.start.size();
        let middle = |[start, end]: &[Point; 2]| (start.0 + end.0) / 2.0;
        let middles: Vec<f64> = ends.iter().map(middle).collect();
        let (differences, vectors) = self.differences(&middles);
        let total = differences.sum(Kind::Double);
        let gradient = Tensor::run_backward(&[total], &[&vectors], false, false);
        let gradient = gradient[0].reshape([size[0], ends.len() as i64, size[1], size[2]]);
        let by_place = (gradient * self.way.unsqueeze(1)).sum_dim_intlist(-1, false, Kind::Double);
        // By part, window and place.
        let by_place = numbers(&by_place.permute([1, 2, 0]));
        let middles = middles.into_iter().zip(numbers(&differences.detach()));
        let points = ends.iter().zip(middles);
        let found = points.zip(by_place.chunks_exact(self.places.len()));
        let part = |((ends, middle), by_place): ((&[Point; 2], Point), &[f64])| {
            let length = ends[1].0 - ends[0].0;
            let mut tokens = vec![0.0; self.ids.len()];
            for (token, value) in self.places.iter().zip(by_place) {
                tokens[*token as usize] += length * value;
            }
            Part {
                ends: *ends,
                middle,
                tokens,
            }
        };
        found.map(part).collect()
    }
}
