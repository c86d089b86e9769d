//! Batches: rows of about the same length, padded to the longest of them, with all that keeps the
//! padding out of the result.

use std::ops::Range;

use settings::{FeaturePooling, WindowSettings};
use tch::{Device, Tensor};

use crate::windows::{Owners, windows_of};
use crate::{Stream, TokenRows};

/// Some rows as tensors. T is the length of the longest, B the number of rows; everything is
/// time-major, so that a recurrent net reads each step from one contiguous block.
#[derive(Debug)]
pub struct Batch {
    /// `[T, B]` i64: token ids, padded at the end.
    pub ids: Tensor,
    /// `[T, B, 1]` f32: 1 for tokens, 0 for padding.
    pub mask: Tensor,
    /// `[B]` f32: tokens per row.
    pub lengths: Tensor,
    /// `[T * B]` i64: for each place the place that takes it when every row is read from its own
    /// end; padding stays where it is. Applied twice it is the identity.
    pub reversed: Tensor,
    /// `[B]` i64: the place of each row's last token.
    pub last: Tensor,
    /// `[R]` i64: class ids of the reviews.
    pub labels: Tensor,
    /// Rows of the tensors above: reviews, or windows of reviews.
    pub rows: i64,
    /// Whose windows they are, where long rows are read in parts.
    pub owners: Option<Owners>,
    /// Tokens, without padding.
    pub tokens: u64,
}

/// How a network reads rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// A batch is at least this long, padding included: a convolution needs its kernel's width.
    pub least_length: usize,
    /// How long rows are divided, if they are.
    pub windows: Option<WindowSettings>,
}

/// What may change a row on its way into a batch, and by which random numbers.
#[derive(Clone, Copy, Debug)]
pub struct WordDropout {
    /// Share of tokens left out.
    pub share: f64,
    /// Numbers of this step.
    pub stream: Stream,
}

impl Batch {
    /// Gathers rows, as the network reads them.
    pub fn gather(
        rows: &TokenRows,
        chosen: &[usize],
        pad_id: u32,
        reading: Reading,
        dropout: Option<WordDropout>,
        device: Device,
    ) -> Self {
        let texts: Vec<Vec<i64>> = chosen
            .iter()
            .map(|&row| ids_of(rows, row, dropout))
            .collect();
        let labels: Vec<i64> = chosen
            .iter()
            .map(|&row| i64::from(rows.label(row)))
            .collect();
        Self::read(texts, &labels, pad_id, reading, device)
    }

    /// Puts rows of ids into tensors, divided as the network reads them. Every row has at least one
    /// id.
    pub(crate) fn read(
        texts: Vec<Vec<i64>>,
        labels: &[i64],
        pad_id: u32,
        reading: Reading,
        device: Device,
    ) -> Self {
        let Some(settings) = reading.windows else {
            return Self::from_rows(&texts, labels, pad_id, reading.least_length, device);
        };
        let windows: Vec<Vec<Vec<i64>>> =
            texts.iter().map(|ids| windows_of(ids, settings)).collect();
        let counts: Vec<usize> = windows.iter().map(Vec::len).collect();
        let windows: Vec<Vec<i64>> = windows.into_iter().flatten().collect();
        Self {
            owners: Some(Owners::new(&counts, device)),
            ..Self::from_rows(&windows, labels, pad_id, reading.least_length, device)
        }
    }

    /// What was found in windows `[B, W]`, put together by review `[R, W]`, as it was found within
    /// each.
    pub(crate) fn pool_windows(&self, found: &Tensor, pooling: FeaturePooling) -> Tensor {
        match (&self.owners, pooling) {
            (None, _) => found.shallow_clone(),
            (Some(owners), FeaturePooling::Cls) => owners.mean(found),
            (Some(owners), FeaturePooling::Mean) => owners.weighted_mean(found, &self.lengths),
            (Some(owners), FeaturePooling::Max) => owners.max(found),
        }
    }

    /// Reviews.
    pub fn reviews(&self) -> i64 {
        self.labels.size()[0]
    }

    /// Puts rows of ids into tensors. Every row has at least one id.
    pub fn from_rows(
        texts: &[Vec<i64>],
        labels: &[i64],
        pad_id: u32,
        least_length: usize,
        device: Device,
    ) -> Self {
        let count = texts.len();
        let longest = texts
            .iter()
            .map(Vec::len)
            .max()
            .unwrap_or(0)
            .max(least_length)
            .max(1);
        let mut ids = vec![i64::from(pad_id); longest * count];
        let mut mask = vec![0_f32; longest * count];
        let mut reversed: Vec<i64> = (0..(longest * count) as i64).collect();
        let mut last = Vec::with_capacity(count);
        for (column, text) in texts.iter().enumerate() {
            for (position, &id) in text.iter().enumerate() {
                let place = position * count + column;
                ids[place] = id;
                mask[place] = 1.0;
                reversed[place] = ((text.len() - 1 - position) * count + column) as i64;
            }
            last.push((text.len().saturating_sub(1) * count + column) as i64);
        }
        let lengths: Vec<f32> = texts.iter().map(|text| text.len() as f32).collect();
        let (time, batch) = (longest as i64, count as i64);
        Self {
            ids: Tensor::from_slice(&ids)
                .view([time, batch])
                .to_device(device),
            mask: Tensor::from_slice(&mask)
                .view([time, batch, 1])
                .to_device(device),
            lengths: Tensor::from_slice(&lengths).to_device(device),
            reversed: Tensor::from_slice(&reversed).to_device(device),
            last: Tensor::from_slice(&last).to_device(device),
            labels: Tensor::from_slice(labels).to_device(device),
            rows: batch,
            owners: None,
            tokens: texts.iter().map(|text| text.len() as u64).sum(),
        }
    }
}

/// The ids of a row, without the tokens that word dropout takes out. One always stays.
fn ids_of(rows: &TokenRows, row: usize, dropout: Option<WordDropout>) -> Vec<i64> {
    let mut ids = Vec::with_capacity(rows.length(row));
    let stream = dropout.map(|dropout| (dropout.share, dropout.stream.child(row as u64)));
    rows.for_each_id(row, |position, id| {
        let kept = stream.is_none_or(|(share, stream)| stream.uniform(position as u64) >= share);
        if kept {
            ids.push(i64::from(id));
        }
    });
    if ids.is_empty() {
        rows.for_each_id(row, |position, id| {
            if position == 0 {
                ids.push(i64::from(id));
            }
        });
    }
    ids
}

/// Batches per pool: large enough that neighbours after sorting have nearly the same length, small
/// enough that the batches of an epoch stay random.
const POOL: usize = 40;

/// The batches of one training epoch: rows shuffled, sorted by length within pools, the batches
/// shuffled again. A function of the stream alone.
pub fn epoch_batches(rows: &TokenRows, batch_size: usize, stream: Stream) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    stream.child(0).shuffle(&mut order);
    let mut batches = Vec::with_capacity(order.len().div_ceil(batch_size));
    for pool in order.chunks_mut(POOL * batch_size) {
        pool.sort_by_key(|&row| rows.length(row));
        batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
    }
    stream.child(1).shuffle(&mut batches);
    batches
}

/// Batches for looking only: some rows, sorted by length, as many in a batch as have about this many
/// tokens together.
pub fn batches_of_tokens(rows: &TokenRows, span: Range<usize>, tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = span.collect();
    order.sort_by_key(|&row| rows.length(row));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for row in order {
        match batches.last_mut() {
            // Rows come by length, so this one is the longest.
            Some(batch) if (batch.len() + 1) * rows.length(row) <= tokens => batch.push(row),
            _ => batches.push(vec![row]),
        }
    }
    batches
}

/// Batches for looking only: all rows, sorted by length.
pub fn sorted_batches(rows: &TokenRows, batch_size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&row| rows.length(row));
    order.chunks(batch_size).map(<[usize]>::to_vec).collect()
}
