//! The batches of an epoch, prepared ahead of time.
//!
//! On a GPU a thread prepares batches while the device computes: it draws them, partitions them
//! and puts the parts into pinned memory. On a CPU the replicas prepare their own parts.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use classifier::{ClassifierError, ComputePath, CounterRng, Result, Transfer};
use tch::Device;

use super::TrainContext;
use crate::task::Task;

/// Batches that are ready before they are needed.
const AHEAD: usize = 2;

/// Tokens, padding included, that a device computes at once at most: enough to keep it busy. Where its
/// memory is smaller, the trainer halves the parts.
const DEVICE_TOKENS: usize = 1 << 17;

/// A batch with its parts.
pub(crate) struct PartitionedBatch<T: Task> {
    pub(super) batch: T::Batch,
    /// Rows of the batch.
    rows: usize,
    /// Rows of a part at most.
    pub(super) size: usize,
    /// The parts that were prepared ahead of time; none on a CPU.
    pub(super) parts: Vec<Option<T::Part>>,
}

impl<T: Task> PartitionedBatch<T> {
    /// The rows of each part.
    pub(super) fn spans(&self) -> impl Iterator<Item = Range<usize>> + use<T> {
        spans(self.rows, self.size)
    }
}

fn spans(rows: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows.div_ceil(size)).map(move |part| part * size..((part + 1) * size).min(rows))
}

/// Where the trainer gets its batches, on any thread.
pub(crate) struct BatchSource<'a, T> {
    pub(super) task: &'a T,
    pub(super) path: ComputePath,
    pub(super) device: Device,
    /// Rows that a replica on a CPU computes at once.
    shard_size: usize,
    /// Parts that a batch is computed in at least: more than the settings say where memory was short.
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

    /// Rows of a part, if a batch of these rows is computed now.
    pub(super) fn size(&self, rows: &[usize]) -> usize {
        let parts = self.accumulation.load(Ordering::Relaxed).max(1) as usize;
        let limit = match self.path {
            ComputePath::Cpu => self.shard_size,
            ComputePath::Gpu => {
                let lengths = rows.iter().map(|&row| self.task.length(row));
                DEVICE_TOKENS / lengths.max().unwrap_or(1).max(1)
            }
        };
        rows.len().div_ceil(parts).min(limit).max(1)
    }

    /// Draws a batch and prepares its parts. `rng` is that of the step.
    pub(crate) fn prepare(&self, rows: &[usize], rng: CounterRng) -> Result<PartitionedBatch<T>> {
        let prepared = PartitionedBatch {
            batch: self.task.draw_batch(rows, rng),
            rows: rows.len(),
            size: self.size(rows),
            parts: Vec::new(),
        };
        self.with_parts(prepared, rng)
    }

    /// Puts the parts of a batch into pinned memory, if they are for a device.
    pub(super) fn with_parts(
        &self,
        mut prepared: PartitionedBatch<T>,
        rng: CounterRng,
    ) -> Result<PartitionedBatch<T>> {
        ClassifierError::catch("prepare a batch", || {
            if self.path == ComputePath::Gpu {
                let part = |(number, span)| {
                    let rng = rng.child(number as u64);
                    let part = self
                        .task
                        .prepare_part(&prepared.batch, span, rng, self.path);
                    part.map(|part| part.pin(self.device))
                };
                prepared.parts = prepared.spans().enumerate().map(part).collect();
            }
            Ok(prepared)
        })
    }
}

/// Starts a thread that prepares these batches, each with the rng of its step: all of them in order, or until
/// one fails.
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
            // A closed channel is a trainer that has stopped.
            if sender.send(prepared).is_err() || failed {
                break;
            }
        }
    });
    receiver
}
