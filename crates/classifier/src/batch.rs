//! Batches: rows of similar length, padded to the longest, with masks and lengths that keep padding out of the result.
//!
//! A batch is prepared in CPU memory as one block of integers, so that one copy transfers it to a device. There it is
//! opened: its tensors are views of the block.

use std::borrow::Cow;

use settings::{FeaturePooling, WindowSettings};
use tch::{Device, Kind, Tensor};

use crate::packing::Packing;
use crate::windows::{WindowOwners, window_owners, windows_of};
use crate::{CounterRng, IdRows};

/// Rows as tensors. T is the length of the longest row, B the number of rows, R the number of reviews. Tensors are
/// time-major, so that a recurrent network reads each step from one contiguous block.
#[derive(Debug)]
pub struct Batch {
    /// `[T, B]` i64: token ids, padded at the end.
    pub ids: Tensor,
    /// `[T, B, 1]` f32: 1 for tokens, 0 for padding.
    pub mask: Tensor,
    /// `[B]` f32: number of tokens of each row.
    pub lengths: Tensor,
    /// `[B]` i64: the index in `[T * B]` of each row's last token.
    pub last: Tensor,
    /// `[R]` i64: class ids of the reviews.
    pub labels: Tensor,
    /// The input of a recurrent network.
    pub rnn_input: RnnInput,
    /// Number of rows: reviews, or windows of reviews.
    pub rows: i64,
    /// The review of each window, if long reviews are divided into windows.
    pub owners: Option<WindowOwners>,
    /// Number of tokens, without padding.
    pub tokens: u64,
}

/// The input of a recurrent network, in which padding never changes a state.
#[derive(Debug)]
pub enum RnnInput {
    /// None: the network is not recurrent.
    None,
    /// For the backward direction: a permutation of `[T * B]` i64 that reverses each row within its own length and does
    /// not move padding. It is its own inverse.
    Reversed(Tensor),
    /// Packed rows without padding.
    Packed(Packing),
}

/// The kind of [`RnnInput`] that a network needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RnnLayout {
    /// None: the network is not recurrent.
    #[default]
    None,
    /// One call for each direction, with reversed rows for the backward direction: fast on a CPU.
    Reversed,
    /// One call for both directions, without padding: fast on a GPU.
    Packed,
}

/// The batch format that a network needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputFormat {
    /// Minimum length of a batch, padding included: a convolution needs the width of its kernel.
    pub min_length: usize,
    /// How long rows are divided into windows; `None` if they are not.
    pub windows: Option<WindowSettings>,
    /// The input of a recurrent network.
    pub rnn_layout: RnnLayout,
}

impl InputFormat {
    /// The format for a GPU, where recurrent networks read packed rows.
    pub fn for_gpu(mut self) -> Self {
        if self.rnn_layout == RnnLayout::Reversed {
            self.rnn_layout = RnnLayout::Packed;
        }
        self
    }

    /// The format for this device.
    pub fn for_device(self, device: Device) -> Self {
        match device {
            Device::Cpu => self,
            _ => self.for_gpu(),
        }
    }
}

/// Word dropout: removes random tokens from the rows of a batch.
#[derive(Clone, Copy, Debug)]
pub struct WordDropout {
    /// Share of tokens that are removed.
    pub share: f64,
    /// The random numbers of the step.
    pub rng: CounterRng,
}

/// A batch as one block of integers, in CPU memory or on a device.
#[derive(Debug)]
pub struct PreparedBatch {
    /// `[K]` i64: the sections one after the other, in the order of [`PreparedBatch::open`].
    numbers: Tensor,
    shape: Shape,
}

/// The content of the block.
#[derive(Clone, Debug)]
struct Shape {
    /// Lengths of the sections.
    sections: Vec<i64>,
    time: i64,
    rows: i64,
    tokens: u64,
    /// Number of windows of each review, if reviews are divided into windows.
    windows: Option<Vec<i64>>,
    rnn_layout: RnnLayout,
    /// `[T]` i64 in CPU memory: number of rows at each step, if they are packed.
    steps: Vec<i64>,
}

impl PreparedBatch {
    /// Prepares rows of a split in the format of a network.
    pub fn gather(
        rows: &dyn IdRows,
        chosen: &[usize],
        pad_id: u32,
        format: InputFormat,
        dropout: Option<WordDropout>,
    ) -> Self {
        let ids = |&row: &usize| drop_words(rows, row, dropout);
        let texts: Vec<Cow<'_, [u32]>> = chosen.iter().map(ids).collect();
        let label = |&row: &usize| i64::from(rows.label(row));
        let labels: Vec<i64> = chosen.iter().map(label).collect();
        Self::read(&texts, &labels, pad_id, format)
    }

    /// Prepares rows of ids, divided into windows if the format has them. Every row must have at least one id.
    pub fn read<I: Copy + Into<i64>>(
        texts: &[impl AsRef<[I]>],
        labels: &[i64],
        pad_id: u32,
        format: InputFormat,
    ) -> Self {
        let Some(settings) = format.windows else {
            return Self::build(texts, labels, None, pad_id, format);
        };
        let (mut all, mut counts) = (Vec::new(), Vec::new());
        for ids in texts {
            let windows = windows_of(ids.as_ref(), settings);
            counts.push(windows.len() as i64);
            all.extend(windows);
        }
        Self::build(&all, labels, Some(counts), pad_id, format)
    }

    fn build<I: Copy + Into<i64>>(
        texts: &[impl AsRef<[I]>],
        labels: &[i64],
        windows: Option<Vec<i64>>,
        pad_id: u32,
        format: InputFormat,
    ) -> Self {
        let lengths: Vec<usize> = texts.iter().map(|text| text.as_ref().len()).collect();
        let count = texts.len();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let time = longest.max(format.min_length).max(1);
        let (mut ids, mut mask) = (vec![i64::from(pad_id); time * count], vec![0; time * count]);
        for (column, text) in texts.iter().enumerate() {
            for (position, &id) in text.as_ref().iter().enumerate() {
                let index = position * count + column;
                ids[index] = id.into();
                mask[index] = 1;
            }
        }
        let columns = lengths.iter().enumerate();
        let last = columns.map(|(column, length)| length.saturating_sub(1) * count + column);
        let mut sections = vec![
            ids,
            mask,
            lengths.iter().map(|length| *length as i64).collect(),
            last.map(|index| index as i64).collect(),
            labels.to_vec(),
        ];
        if let Some(windows) = &windows {
            sections.extend([window_owners(windows), windows.clone()]);
        }
        let mut steps = Vec::new();
        match format.rnn_layout {
            RnnLayout::None => {}
            RnnLayout::Reversed => sections.push(reversed(&lengths, time)),
            RnnLayout::Packed => {
                let (tokens, indices, rows) = Packing::indices(&lengths, time);
                sections.extend([tokens, indices]);
                steps = rows;
            }
        }
        let sizes = sections.iter().map(|section| section.len() as i64);
        Self {
            numbers: Tensor::from_slice(&sections.concat()),
            shape: Shape {
                sections: sizes.collect(),
                time: time as i64,
                rows: count as i64,
                tokens: lengths.iter().sum::<usize>() as u64,
                windows,
                rnn_layout: format.rnn_layout,
                steps,
            },
        }
    }

    /// Number of tokens, padding included.
    pub fn padded_tokens(&self) -> u64 {
        (self.shape.time * self.shape.rows).unsigned_abs()
    }

    /// The tensors of the batch: views of the block, and tensors computed from them.
    pub fn open(&self) -> Batch {
        let shape = &self.shape;
        let (time, rows) = (shape.time, shape.rows);
        let parts = self.numbers.split_with_sizes(&shape.sections, 0);
        let mut parts = parts.into_iter();
        let mut part = || parts.next().expect("as many parts as sections");
        Batch {
            ids: part().view([time, rows]),
            mask: part().to_kind(Kind::Float).view([time, rows, 1]),
            lengths: part().to_kind(Kind::Float),
            last: part(),
            labels: part(),
            owners: (shape.windows.as_ref())
                .map(|windows| WindowOwners::of(part(), &part(), windows.clone())),
            rnn_input: match shape.rnn_layout {
                RnnLayout::None => RnnInput::None,
                RnnLayout::Reversed => RnnInput::Reversed(part()),
                RnnLayout::Packed => RnnInput::Packed(Packing::new(part(), part(), &shape.steps)),
            },
            rows,
            tokens: shape.tokens,
        }
    }

    /// Transfers the batch to a device and opens it there.
    pub fn open_on(self, device: Device) -> Batch {
        self.pin(device).transfer(device).open()
    }
}

/// Data that is prepared in CPU memory and transferred to a device.
pub trait Transfer: Send + Sized {
    /// Copies the data into pinned memory, from which a GPU can read directly; does nothing for a CPU.
    #[must_use]
    fn pin(self, device: Device) -> Self;

    /// Copies the data to a device. The CPU does not wait for copies from pinned memory.
    #[must_use]
    fn transfer(&self, device: Device) -> Self;
}

impl Transfer for Tensor {
    fn pin(self, device: Device) -> Self {
        match device {
            Device::Cuda(_) => self.internal_pin_memory(device),
            _ => self,
        }
    }

    fn transfer(&self, device: Device) -> Self {
        match device {
            Device::Cpu => self.shallow_clone(),
            _ => self.to_device_(device, self.kind(), true, false),
        }
    }
}

impl Transfer for PreparedBatch {
    fn pin(self, device: Device) -> Self {
        let numbers = self.numbers.pin(device);
        Self { numbers, ..self }
    }

    fn transfer(&self, device: Device) -> Self {
        let (numbers, shape) = (self.numbers.transfer(device), self.shape.clone());
        Self { numbers, shape }
    }
}

impl Batch {
    /// Combines the results of windows `[B, W]` into results of reviews `[R, W]`, with the pooling that was used within
    /// each window.
    pub(crate) fn pool_windows(&self, windows: &Tensor, pooling: FeaturePooling) -> Tensor {
        match (&self.owners, pooling) {
            (None, _) => windows.shallow_clone(),
            (Some(owners), FeaturePooling::Cls) => owners.mean(windows),
            (Some(owners), FeaturePooling::Mean) => owners.weighted_mean(windows, &self.lengths),
            (Some(owners), FeaturePooling::Max) => owners.max(windows),
        }
    }

    /// Number of reviews.
    pub fn reviews(&self) -> i64 {
        self.labels.size()[0]
    }
}

/// A permutation of `[T * B]` that reverses each row within its own length.
fn reversed(lengths: &[usize], time: usize) -> Vec<i64> {
    let count = lengths.len();
    let mut indices: Vec<i64> = (0..(time * count) as i64).collect();
    for (column, &length) in lengths.iter().enumerate() {
        for position in 0..length {
            indices[position * count + column] = ((length - 1 - position) * count + column) as i64;
        }
    }
    indices
}

/// The ids of a row without the tokens that word dropout removes; at least one token stays.
fn drop_words(rows: &dyn IdRows, row: usize, dropout: Option<WordDropout>) -> Cow<'_, [u32]> {
    let ids = rows.ids(row);
    let Some(WordDropout { share, rng }) = dropout else {
        return ids;
    };
    let rng = rng.child(row as u64);
    let is_kept = |(position, _): &(usize, &u32)| rng.uniform(*position as u64) >= share;
    let kept = ids.iter().enumerate().filter(is_kept);
    let mut kept: Vec<u32> = kept.map(|(_, id)| *id).collect();
    if kept.is_empty() {
        kept.extend(ids.first());
    }
    Cow::Owned(kept)
}
