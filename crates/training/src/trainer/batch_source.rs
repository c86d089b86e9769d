//! Prepares the batches of an epoch.
//!
//! For a GPU a thread prepares batches in advance, while the GPU computes: it draws them, splits them into parts and
//! copies the parts into pinned memory. On a CPU each replica prepares its own parts.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use classifier::{ClassifierError, ComputePath, CounterRng, Result, Transfer};
use tch::Device;

use super::TrainContext;
use crate::task::Task;

/// Number of batches that are prepared in advance.
const AHEAD: usize = 2;

/// Maximum number of tokens, padding included, that a GPU computes at once: enough to keep it busy. If memory is
/// full, the trainer halves the parts.
const GPU_TOKENS: usize = 1 << 17;

/// A batch that is split into parts.
pub(crate) struct PartitionedBatch<T: Task> {
    pub(super) batch: T::Batch,
    /// Number of rows of the batch.
    rows: usize,
    /// Maximum number of rows of a part.
    pub(super) part_size: usize,
    /// The prepared parts; empty on a CPU.
    pub(super) parts: Vec<Option<T::Part>>,
}

impl<T: Task> PartitionedBatch<T> {
    /// The rows of each part.
    pub(super) fn spans(&self) -> impl Iterator<Item = Range<usize>> + use<T> {
        let (rows, size) = (self.rows, self.part_size);
        (0..rows.div_ceil(size)).map(move |part| part * size..((part + 1) * size).min(rows))
    }
}

/// Makes batches for the trainer, on any thread.
pub(crate) struct BatchSource<'a, T> {
    pub(super) task: &'a T,
    pub(super) path: ComputePath,
    pub(super) device: Device,
    /// Maximum number of rows that a replica on a CPU computes at once.
    shard_size: usize,
    /// Minimum number of parts of a batch: the setting, or more after memory was full.
    pub(super) accumulation: AtomicU32,
}

impl<'a, T: Task> BatchSource<'a, T> {
    pub(crate) fn new(context: &TrainContext<'a, T>) -> Self {
        Self {
            task: context.task,
            path: context.path,
            device: context.device,
            shard_size: context.settings.shard_size.unwrap_or(u32::MAX) as usize,
            accumulation: AtomicU32::new(context.settings.accumulation),
        }
    }

    /// Number of rows of a part, for a batch of these rows.
    pub(super) fn part_size(&self, rows: &[usize]) -> usize {
        let parts = self.accumulation.load(Ordering::Relaxed).max(1) as usize;
        let limit = match self.path {
            ComputePath::Cpu => self.shard_size,
            ComputePath::Gpu => {
                let lengths = rows.iter().map(|&row| self.task.length(row));
                GPU_TOKENS / lengths.max().unwrap_or(1).max(1)
            }
        };
        rows.len().div_ceil(parts).min(limit).max(1)
    }

    /// Draws a batch and prepares its parts with the random numbers of its step.
    pub(crate) fn prepare(&self, rows: &[usize], rng: CounterRng) -> Result<PartitionedBatch<T>> {
        let prepared = PartitionedBatch {
            batch: self.task.draw_batch(rows, rng),
            rows: rows.len(),
            part_size: self.part_size(rows),
            parts: Vec::new(),
        };
        self.with_parts(prepared, rng)
    }

    /// Copies the parts of a batch into pinned memory, if they are for a GPU.
    pub(super) fn with_parts(
        &self,
        mut prepared: PartitionedBatch<T>,
        rng: CounterRng,
    ) -> Result<PartitionedBatch<T>> {
        let task = self.task;
        ClassifierError::catch("prepare a batch", || {
            if self.path == ComputePath::Gpu {
                let part = |(number, span)| {
                    let rng = rng.child(number as u64);
                    let part = task.prepare_part(&prepared.batch, span, rng, self.path);
                    part.map(|part| part.pin(self.device))
                };
                prepared.parts = prepared.spans().enumerate().map(part).collect();
            }
            Ok(prepared)
        })
    }
}

/// Starts a thread that prepares these batches in order, each with the random numbers of its step. It ends after the
/// last batch or the first error.
pub(super) fn prepare_ahead<'scope, 'a: 'scope, T: Task>(
    scope: &'scope Scope<'scope, '_>,
    source: &'a BatchSource<'a, T>,
    batches: &'scope [Vec<usize>],
    rng_of_step: impl Fn(usize) -> CounterRng + Send + 'scope,
) -> Receiver<Result<PartitionedBatch<T>>> {
    let (sender, receiver) = sync_channel(AHEAD);
    scope.spawn(move || {
        for (number, rows) in batches.iter().enumerate() {
            let prepared = source.prepare(rows, rng_of_step(number));
            let failed = prepared.is_err();
            // The channel is closed when the trainer has stopped.
            if sender.send(prepared).is_err() || failed {
                break;
            }
        }
    });
    receiver
}
