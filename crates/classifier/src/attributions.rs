//! Which tokens drove a network's answer: integrated gradients (Sundararajan, Taly and Yan 2017).
//!
//! The gradient of the logits' difference is averaged along the straight line from a row that says
//! nothing to the row itself, and multiplied by the way. What the tokens get adds up to the
//! difference less that of the row that says nothing ("completeness"), up to the error of the average.

use std::sync::atomic::{AtomicUsize, Ordering};

use bundle::{MarkedRow, ModelFile};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::windows::windows_of;
use crate::{
    Batch, Bundle, ClassifierError, Mode, Network, Parameters, TokenContract, TokenRows, Weights,
};

/// Points on the line at first, and at most. They are doubled until the parts add up.
const POINTS: [usize; 2] = [32, 512];

/// How far the parts may be from adding up: a share of the difference, and nats.
const TOLERANCE: (f64, f64) = (0.02, 0.01);

/// Tokens of a batch at most, beyond which fewer points are computed together.
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

/// The integrated gradients of a row of token ids. Tokens that are `added` to a text by the
/// tokenizer stay as they are on the baseline, and get nothing.
///
/// # Errors
/// The row is empty, too long or has an id that the vocabulary has not; or libtorch refuses.
pub fn attributions(
    bundle: &Bundle,
    ids: &[u32],
    added: &[bool],
) -> Result<Attributions, ClassifierError> {
    let explained = Explained {
        model: &bundle.model,
        network: &bundle.network,
        weights: bundle.weights.share(),
    };
    explained.attributions(ids, added)
}

/// The same of many rows, in their order, by so many threads of the pool.
///
/// # Errors
/// As for [`attributions`], about the first row that is found to be refused.
pub fn attributions_of_rows(
    bundle: &Bundle,
    rows: &[MarkedRow],
    threads: usize,
) -> Result<Vec<Attributions>, ClassifierError> {
    // A tensor may go to another thread, but not be looked at by two: each has a name of its own for
    // the same weights.
    let shares: Vec<Weights> = (0..threads.clamp(1, rows.len().max(1)))
        .map(|_| bundle.weights.share())
        .collect();
    let (model, network) = (&bundle.model, &bundle.network);
    let next = AtomicUsize::new(0);
    let parts = shares.into_par_iter().map(|weights| {
        let explained = Explained {
            model,
            network,
            weights,
        };
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some((ids, added)) = rows.get(place) else {
                return Ok(done);
            };
            done.push((place, explained.attributions(ids, added)?));
        }
    });
    let parts = parts.collect::<Result<Vec<_>, ClassifierError>>()?;
    let mut all: Vec<(usize, Attributions)> = parts.into_iter().flatten().collect();
    all.sort_unstable_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, found)| found).collect())
}

/// A network whose answers are explained, on one thread.
struct Explained<'a> {
    model: &'a ModelFile,
    network: &'a Network,
    weights: Weights,
}

impl Explained<'_> {
    fn attributions(&self, ids: &[u32], added: &[bool]) -> Result<Attributions, ClassifierError> {
        let contract = TokenContract::of_model(self.model);
        TokenRows::from_ids(&[ids.to_vec()], &contract)?;
        ClassifierError::catch("compute what drove the answer", || {
            let line = Line::new(self, ids, added);
            let ends = no_grad(|| line.differences(&[0.0, 1.0]).0.to_device(Device::Cpu));
            let (baseline, difference) = (ends.double_value(&[0]), ends.double_value(&[1]));
            let mut points = POINTS[0];
            loop {
                let tokens = line.attributions(points);
                let gap = (tokens.iter().sum::<f64>() - (difference - baseline)).abs();
                let allowed = TOLERANCE.0 * (difference - baseline).abs() + TOLERANCE.1;
                if gap <= allowed || points >= POINTS[1] {
                    return Ok(Attributions {
                        tokens,
                        difference,
                        baseline,
                    });
                }
                points *= 2;
            }
        })
    }

    /// A batch of the same row several times over.
    fn batch(&self, ids: &[i64], times: usize) -> Batch {
        let rows = vec![ids.to_vec(); times];
        let padding = self.model.tokenizer.pad_id;
        let (reading, device) = (self.network.reading(), self.weights.flat.device());
        Batch::read(rows, &vec![0; times], padding, reading, device)
    }
}

/// The line from a row's baseline to the row.
struct Line<'a> {
    explained: &'a Explained<'a>,
    parameters: Parameters,
    ids: Vec<i64>,
    /// `[T, W, D]`: the vectors of the baseline, for each window of the row.
    start: Tensor,
    /// `[T, W, D]`: the way to the row.
    way: Tensor,
    /// Which token of the row stands where, by window.
    windows: Vec<Vec<i64>>,
}

impl<'a> Line<'a> {
    fn new(explained: &'a Explained<'a>, ids: &[u32], added: &[bool]) -> Self {
        let (network, weights) = (explained.network, &explained.weights);
        let parameters = Parameters::view(network.layout(), &weights.flat, false);
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let padding = i64::from(explained.model.tokenizer.pad_id);
        let said_nothing: Vec<i64> = ids
            .iter()
            .zip(added)
            .map(|(id, added)| if *added { *id } else { padding })
            .collect();
        let places: Vec<i64> = (0..ids.len() as i64).collect();
        let windows = match network.reading().windows {
            Some(settings) => windows_of(&places, settings),
            None => vec![places],
        };
        let table = match (network.embedding(), &weights.frozen) {
            (Some(id), _) => parameters.get(id),
            (None, Some(frozen)) => frozen,
            (None, None) => unreachable!("weights hold the embedding that the network does not"),
        };
        let vectors = |ids: &[i64]| {
            network
                .look_up(table, &explained.batch(ids, 1))
                .to_kind(Kind::Float)
        };
        let start = vectors(&said_nothing);
        let way = vectors(&ids) - &start;
        Self {
            explained,
            ids,
            start,
            way,
            windows,
            parameters,
        }
    }

    /// How far the positive class is ahead at each point of the line, `[P]`, and the vectors there
    /// `[T, P * W, D]`.
    fn differences(&self, points: &[f64]) -> (Tensor, Tensor) {
        let (network, count) = (self.explained.network, points.len() as i64);
        let batch = self.explained.batch(&self.ids, points.len());
        let windows = self.windows.len() as i64;
        let points = Tensor::from_slice(points)
            .to_kind(Kind::Float)
            .to_device(self.start.device())
            .repeat_interleave_self_int(windows, 0, None)
            .view([1, count * windows, 1]);
        let vectors = (self.start.repeat([1, count, 1]) + self.way.repeat([1, count, 1]) * points)
            .detach()
            .set_requires_grad(true);
        let logits = network.forward(&vectors, &batch, &self.parameters, Mode::Evaluate);
        let logits = logits.to_kind(Kind::Double);
        (logits.select(1, 1) - logits.select(1, 0), vectors)
    }

    /// What each token contributes, from the gradient in the middle of this many equal parts of the
    /// line.
    fn attributions(&self, points: usize) -> Vec<f64> {
        let size = self.start.size();
        let (length, windows) = (size[0], size[1]);
        let together = (BATCH_TOKENS / (length * windows).max(1) as usize).clamp(1, points);
        let middles: Vec<f64> = (0..points)
            .map(|part| (part as f64 + 0.5) / points as f64)
            .collect();
        let mut sum = Tensor::zeros_like(&self.start);
        for some in middles.chunks(together) {
            let (differences, vectors) = self.differences(some);
            let total = differences.sum(Kind::Double);
            let gradient = Tensor::run_backward(&[total], &[&vectors], false, false);
            sum += gradient[0]
                .view([length, some.len() as i64, windows, size[2]])
                .sum_dim_intlist(1, false, Kind::Float);
        }
        let by_place = (sum * &self.way).sum_dim_intlist(-1, false, Kind::Double) / points as f64;
        let by_place = by_place.transpose(0, 1).contiguous().to_device(Device::Cpu);
        let by_place = Vec::<f64>::try_from(by_place.view([-1])).expect("numbers");
        let mut tokens = vec![0.0; self.ids.len()];
        for (window, found) in self
            .windows
            .iter()
            .zip(by_place.chunks_exact(length as usize))
        {
            for (place, value) in window.iter().zip(found) {
                tokens[*place as usize] += value;
            }
        }
        tokens
    }
}
