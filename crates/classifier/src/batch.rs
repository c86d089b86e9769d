//! BatchSize: rows of about the same length, padded to the longest of them, with all that keeps the
//! padding out of the result.
//!
//! A batch is prepared on the host as one block of integers, so that one copy brings it to a device, and
//! opened there.

use std::borrow::Cow;

use settings::{FeaturePooling, WindowSettings};
use tch::{Device, Kind, Tensor};

use crate::packing::Packing;
use crate::windows::{WindowOwners, window_owners, windows_of};
use crate::{CounterRng, IdRows};

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
    /// `[B]` i64: the place of each row's last token.
    pub last: Tensor,
    /// `[R]` i64: class ids of the reviews.
    pub labels: Tensor,
    /// How a recurrent net reads the rows.
    pub rnn_input: RnnInput,
    /// Rows of the tensors above: reviews, or windows of reviews.
    pub rows: i64,
    /// Whose windows they are, where long rows are read in parts.
    pub owners: Option<WindowOwners>,
    /// Tokens, without padding.
    pub tokens: u64,
}

/// How a recurrent net reads the rows of a batch, so that padding never changes a state.
#[derive(Debug)]
pub enum RnnInput {
    /// No recurrent net reads it.
    None,
    /// Backward from its own end: for each place of `[T * B]` i64 the place that replaces it; padding
    /// stays where it is. Applied twice it is the identity.
    Reversed(Tensor),
    /// Packed, without padding.
    Packed(Packing),
}

/// Which [`RnnInput`] a network needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RnnLayout {
    /// None.
    Any,
    /// Each direction over rows of its own: fast on a CPU.
    Reversed,
    /// Both directions in one call, without padding: fast on a GPU.
    Packed,
}

/// How a network reads rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputFormat {
    /// A batch is at least this long, padding included: a convolution needs its kernel's width.
    pub min_length: usize,
    /// How long rows are divided, if they are.
    pub windows: Option<WindowSettings>,
    /// In which order.
    pub rnn_layout: RnnLayout,
}

impl InputFormat {
    /// The same on a GPU: recurrent nets read packed rows there.
    pub fn for_gpu(self) -> Self {
        let rnn_layout = match self.rnn_layout {
            RnnLayout::Reversed => RnnLayout::Packed,
            other => other,
        };
        Self { rnn_layout, ..self }
    }

    /// The same on this device.
    pub fn for_device(self, device: Device) -> Self {
        match device {
            Device::Cpu => self,
            _ => self.for_gpu(),
        }
    }
}

/// What may change a row on its way into a batch, and by which random numbers.
#[derive(Clone, Copy, Debug)]
pub struct WordDropout {
    /// Share of tokens left out.
    pub share: f64,
    /// Numbers of this step.
    pub rng: CounterRng,
}

/// A batch as one block of integers, on the host or on a GPU.
#[derive(Debug)]
pub struct PreparedBatch {
    /// `[K]` i64: sections, one after the other, in the order in which [`PreparedBatch::open`] takes them.
    numbers: Tensor,
    shape: Shape,
}

/// What the block holds.
#[derive(Clone, Debug)]
struct Shape {
    /// Lengths of the sections.
    sections: Vec<i64>,
    time: i64,
    rows: i64,
    tokens: u64,
    /// Windows of each review, where reviews are read in windows.
    windows: Option<Vec<i64>>,
    rnn_layout: RnnLayout,
    /// Rows that are read at each step, where they are packed: `[T]` i64, on the host.
    steps: Vec<i64>,
}

impl PreparedBatch {
    /// Prepares rows of a split, as the network reads them.
    pub fn gather(
        rows: &dyn IdRows,
        chosen: &[usize],
        pad_id: u32,
        format: InputFormat,
        dropout: Option<WordDropout>,
    ) -> Self {
        let ids = |&row: &usize| ids_of(rows, row, dropout);
        let texts: Vec<Cow<'_, [u32]>> = chosen.iter().map(ids).collect();
        let label = |&row: &usize| i64::from(rows.label(row));
        let labels: Vec<i64> = chosen.iter().map(label).collect();
        Self::read(&texts, &labels, pad_id, format)
    }

    /// Prepares rows of ids, divided into windows if the network reads them so. Every row has at least
    /// one id.
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
                let place = position * count + column;
                ids[place] = id.into();
                mask[place] = 1;
            }
        }
        let columns = lengths.iter().enumerate();
        let last = columns.map(|(column, length)| length.saturating_sub(1) * count + column);
        let mut sections = vec![
            ids,
            mask,
            lengths.iter().map(|length| *length as i64).collect(),
            last.map(|place| place as i64).collect(),
            labels.to_vec(),
        ];
        if let Some(windows) = &windows {
            sections.extend([window_owners(windows), windows.clone()]);
        }
        let mut steps = Vec::new();
        match format.rnn_layout {
            RnnLayout::Any => {}
            RnnLayout::Reversed => sections.push(reversed(&lengths, time)),
            RnnLayout::Packed => {
                let (tokens, places, rows) = Packing::places(&lengths, time);
                sections.extend([tokens, places]);
                steps = rows;
            }
        }
        Self {
            numbers: Tensor::from_slice(&sections.concat()),
            shape: Shape {
                sections: sections
                    .iter()
                    .map(|section| section.len() as i64)
                    .collect(),
                time: time as i64,
                rows: count as i64,
                tokens: lengths.iter().sum::<usize>() as u64,
                windows,
                rnn_layout: format.rnn_layout,
                steps,
            },
        }
    }

    /// Tokens, padding included.
    pub fn cells(&self) -> u64 {
        (self.shape.time * self.shape.rows).unsigned_abs()
    }

    /// The tensors of the batch: views of the block, and what is computed from them.
    pub fn open(&self) -> Batch {
        let shape = &self.shape;
        let (time, rows) = (shape.time, shape.rows);
        let mut parts = self
            .numbers
            .split_with_sizes(&shape.sections, 0)
            .into_iter();
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
                RnnLayout::Any => RnnInput::None,
                RnnLayout::Reversed => RnnInput::Reversed(part()),
                RnnLayout::Packed => RnnInput::Packed(Packing::new(part(), part(), &shape.steps)),
            },
            rows,
            tokens: shape.tokens,
        }
    }

    /// The same on a GPU, for a batch that was prepared as the network reads it there.
    pub fn open_on(self, device: Device) -> Batch {
        self.pin(device).transfer(device).open()
    }
}

/// What is prepared on the host to be computed on a GPU.
pub trait Transfer: Send + Sized {
    /// The same in memory that a device can read by itself, if `device` is a GPU.
    #[must_use]
    fn pin(self, device: Device) -> Self;

    /// The same on a GPU, by copies that the host does not wait for if the memory is pinned.
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
        Self {
            numbers: self.numbers.transfer(device),
            shape: self.shape.clone(),
        }
    }
}

impl Batch {
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
}

/// For each place of `[T * B]` the place that replaces it when every row is read from its own end.
fn reversed(lengths: &[usize], time: usize) -> Vec<i64> {
    let count = lengths.len();
    let mut places: Vec<i64> = (0..(time * count) as i64).collect();
    for (column, &length) in lengths.iter().enumerate() {
        for position in 0..length {
            places[position * count + column] = ((length - 1 - position) * count + column) as i64;
        }
    }
    places
}

/// The ids of a row, without the tokens that word dropout removes. One always stays.
fn ids_of(rows: &dyn IdRows, row: usize, dropout: Option<WordDropout>) -> Cow<'_, [u32]> {
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
