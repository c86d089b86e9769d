//! Batches: rows of about the same length, padded to the longest of them, with all that keeps the
//! padding out of the result.
//!
//! A batch is prepared on the host as one block of integers, so that one copy brings it to a device, and
//! opened there.

use std::borrow::Cow;

use settings::{FeaturePooling, WindowSettings};
use tch::{Device, Kind, Tensor};

use crate::packing::Packing;
use crate::windows::{Owners, windows_of};
use crate::{IdRows, Stream};

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
    pub order: Order,
    /// Rows of the tensors above: reviews, or windows of reviews.
    pub rows: i64,
    /// Whose windows they are, where long rows are read in parts.
    pub owners: Option<Owners>,
    /// Tokens, without padding.
    pub tokens: u64,
}

/// How a recurrent net reads the rows of a batch, so that padding never changes a state.
#[derive(Debug)]
pub enum Order {
    /// No recurrent net reads it.
    None,
    /// Backward from its own end: for each place of `[T * B]` i64 the place that replaces it; padding
    /// stays where it is. Applied twice it is the identity.
    Reversed(Tensor),
    /// Packed, without padding.
    Packed(Packing),
}

/// Which [`Order`] a network needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// None.
    Any,
    /// Each direction over rows of its own: fast on a processor.
    Reversed,
    /// Both directions in one call, without padding: fast on a GPU.
    Packed,
}

/// How a network reads rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// A batch is at least this long, padding included: a convolution needs its kernel's width.
    pub least_length: usize,
    /// How long rows are divided, if they are.
    pub windows: Option<WindowSettings>,
    /// In which order.
    pub direction: Direction,
}

impl Reading {
    /// The same on a device: recurrent nets read packed rows there.
    pub fn on_device(self) -> Self {
        let direction = match self.direction {
            Direction::Reversed => Direction::Packed,
            other => other,
        };
        Self { direction, ..self }
    }

    fn on(self, device: Device) -> Self {
        match device {
            Device::Cpu => self,
            _ => self.on_device(),
        }
    }
}

/// What may change a row on its way into a batch, and by which random numbers.
#[derive(Clone, Copy, Debug)]
pub struct WordDropout {
    /// Share of tokens left out.
    pub share: f64,
    /// Numbers of this step.
    pub stream: Stream,
}

/// A batch as one block of integers, on the host or on a device.
#[derive(Debug)]
pub struct PreparedBatch {
    /// `[K]` i64: the sections of [`PreparedBatch::sections`], one after the other.
    numbers: Tensor,
    shape: Shape,
}

/// What the block holds.
#[derive(Clone, Debug)]
struct Shape {
    time: i64,
    rows: i64,
    reviews: i64,
    tokens: u64,
    /// Windows of each review, where reviews are read in windows.
    windows: Option<Vec<i64>>,
    direction: Direction,
    /// Rows that are read at each step, where they are packed: `[T]` i64, on the host.
    steps: Vec<i64>,
}

impl PreparedBatch {
    /// Prepares rows of a split, as the network reads them.
    pub fn gather(
        rows: &dyn IdRows,
        chosen: &[usize],
        pad_id: u32,
        reading: Reading,
        dropout: Option<WordDropout>,
    ) -> Self {
        let ids = |&row: &usize| ids_of(rows, row, dropout);
        let texts: Vec<Cow<'_, [u32]>> = chosen.iter().map(ids).collect();
        let label = |&row: &usize| i64::from(rows.label(row));
        let labels: Vec<i64> = chosen.iter().map(label).collect();
        Self::read(&texts, &labels, pad_id, reading)
    }

    /// Prepares rows of ids, divided into windows if the network reads them so. Every row has at least
    /// one id.
    pub fn read<I: Copy + Into<i64>>(
        texts: &[impl AsRef<[I]>],
        labels: &[i64],
        pad_id: u32,
        reading: Reading,
    ) -> Self {
        match reading.windows {
            None => Self::build(texts, labels, None, pad_id, reading),
            Some(settings) => {
                let windows = texts.iter().map(|ids| windows_of(ids.as_ref(), settings));
                let windows: Vec<Vec<Vec<I>>> = windows.collect();
                let counts = windows.iter().map(|windows| windows.len() as i64).collect();
                let windows: Vec<Vec<I>> = windows.into_iter().flatten().collect();
                Self::build(&windows, labels, Some(counts), pad_id, reading)
            }
        }
    }

    fn build<I: Copy + Into<i64>>(
        texts: &[impl AsRef<[I]>],
        labels: &[i64],
        windows: Option<Vec<i64>>,
        pad_id: u32,
        reading: Reading,
    ) -> Self {
        let lengths: Vec<usize> = texts.iter().map(|text| text.as_ref().len()).collect();
        let count = texts.len();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let time = longest.max(reading.least_length).max(1);
        let cells = time * count;
        let mut numbers = vec![i64::from(pad_id); cells];
        numbers.resize(2 * cells, 0);
        for (column, text) in texts.iter().enumerate() {
            for (position, &id) in text.as_ref().iter().enumerate() {
                let place = position * count + column;
                numbers[place] = id.into();
                numbers[cells + place] = 1;
            }
        }
        numbers.extend(lengths.iter().map(|&length| length as i64));
        let last =
            |(column, &length): (usize, &usize)| (length.saturating_sub(1) * count + column) as i64;
        numbers.extend(lengths.iter().enumerate().map(last));
        numbers.extend_from_slice(labels);
        if let Some(windows) = &windows {
            let owners = windows.iter().zip(0..);
            numbers
                .extend(owners.flat_map(|(&count, row)| std::iter::repeat_n(row, count as usize)));
            numbers.extend_from_slice(windows);
        }
        let mut steps = Vec::new();
        match reading.direction {
            Direction::Any => {}
            Direction::Reversed => numbers.extend(reversed(&lengths, time)),
            Direction::Packed => steps = Packing::places(&lengths, time, &mut numbers),
        }
        Self {
            numbers: Tensor::from_slice(&numbers),
            shape: Shape {
                time: time as i64,
                rows: count as i64,
                reviews: labels.len() as i64,
                tokens: lengths.iter().map(|&length| length as u64).sum(),
                windows,
                direction: reading.direction,
                steps,
            },
        }
    }

    /// The same in memory that a device can read by itself, if `device` is a GPU.
    pub fn pin(self, device: Device) -> Self {
        match device {
            Device::Cuda(_) => Self {
                numbers: self.numbers.internal_pin_memory(device),
                ..self
            },
            _ => self,
        }
    }

    /// The same on a device, by one copy, which the host does not wait for if the memory is pinned.
    pub fn to_device(&self, device: Device) -> Self {
        let numbers = match device {
            Device::Cpu => self.numbers.shallow_clone(),
            _ => self.numbers.to_device_(device, Kind::Int64, true, false),
        };
        Self {
            numbers,
            shape: self.shape.clone(),
        }
    }

    /// Tokens, padding included.
    pub fn cells(&self) -> u64 {
        (self.shape.time * self.shape.rows).unsigned_abs()
    }

    /// Lengths of the sections of the block.
    fn sections(&self) -> Vec<i64> {
        let Shape {
            time,
            rows,
            reviews,
            ..
        } = self.shape;
        let mut sections = vec![time * rows, time * rows, rows, rows, reviews];
        if self.shape.windows.is_some() {
            sections.extend([rows, reviews]);
        }
        match self.shape.direction {
            Direction::Any => {}
            Direction::Reversed => sections.push(time * rows),
            Direction::Packed => sections.extend([self.shape.tokens as i64, time * rows]),
        }
        sections
    }

    /// The tensors of the batch: views of the block, and what is computed from them.
    pub fn open(&self) -> Batch {
        let Shape { time, rows, .. } = self.shape;
        let mut parts = self
            .numbers
            .split_with_sizes(self.sections(), 0)
            .into_iter();
        let mut part = || parts.next().expect("as many parts as sections");
        let ids = part().view([time, rows]);
        let mask = part().to_kind(Kind::Float).view([time, rows, 1]);
        let lengths = part().to_kind(Kind::Float);
        let (last, labels) = (part(), part());
        let owners = self
            .shape
            .windows
            .as_ref()
            .map(|windows| Owners::of(part(), &part(), windows.clone()));
        let order = match self.shape.direction {
            Direction::Any => Order::None,
            Direction::Reversed => Order::Reversed(part()),
            Direction::Packed => Order::Packed(Packing::new(part(), part(), &self.shape.steps)),
        };
        Batch {
            ids,
            mask,
            lengths,
            last,
            labels,
            order,
            rows,
            owners,
            tokens: self.shape.tokens,
        }
    }
}

impl Batch {
    /// Gathers rows on a device, as the network reads them there.
    pub fn gather(
        rows: &dyn IdRows,
        chosen: &[usize],
        pad_id: u32,
        reading: Reading,
        dropout: Option<WordDropout>,
        device: Device,
    ) -> Self {
        let reading = reading.on(device);
        let prepared = PreparedBatch::gather(rows, chosen, pad_id, reading, dropout);
        prepared.pin(device).to_device(device).open()
    }

    /// Puts rows of ids on a device, divided as the network reads them. Every row has at least one id.
    pub fn read<I: Copy + Into<i64>>(
        texts: &[impl AsRef<[I]>],
        labels: &[i64],
        pad_id: u32,
        reading: Reading,
        device: Device,
    ) -> Self {
        let reading = reading.on(device);
        let prepared = PreparedBatch::read(texts, labels, pad_id, reading);
        prepared.pin(device).to_device(device).open()
    }

    /// Puts rows of ids into tensors that every network can read, undivided.
    pub fn from_rows(
        texts: &[Vec<i64>],
        labels: &[i64],
        pad_id: u32,
        least_length: usize,
        device: Device,
    ) -> Self {
        let reading = Reading {
            least_length,
            windows: None,
            direction: Direction::Reversed,
        };
        Self::read(texts, labels, pad_id, reading, device)
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
    let Some(WordDropout { share, stream }) = dropout else {
        return ids;
    };
    let stream = stream.child(row as u64);
    let is_kept = |(position, _): &(usize, &u32)| stream.uniform(*position as u64) >= share;
    let kept = ids.iter().enumerate().filter(is_kept);
    let mut kept: Vec<u32> = kept.map(|(_, id)| *id).collect();
    if kept.is_empty() {
        kept.extend(ids.first());
    }
    Cow::Owned(kept)
}
