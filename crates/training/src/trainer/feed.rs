//! The batches of an epoch, prepared ahead of time.
//!
//! On a device a thread prepares batches while the device computes: it draws them, partitions them
//! and puts the parts into pinned memory. On a processor the replicas prepare their own parts.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use classifier::{ClassifierError, ComputePath, Stream};
use tch::Device;

use crate::task::Task;

/// Batches that are ready before they are needed.
const AHEAD: usize = 2;

/// Tokens, padding included, that a device computes at once at most: enough to keep it busy. Where its
/// memory is smaller, the trainer halves the parts.
const DEVICE_TOKENS: usize = 1 << 17;

/// A batch with its parts.
pub(crate) struct Prepared<T: Task> {
    pub(super) batch: T::Batch,
    /// Rows of a part at most.
    pub(super) size: usize,
    /// The parts that were prepared ahead of time; none on a processor.
    pub(super) parts: Vec<Option<T::Part>>,
}

/// How batches are partitioned: what follows from the settings and the device.
#[derive(Clone, Copy)]
pub(super) struct Partition {
    pub(super) path: ComputePath,
    /// Rows that a replica on a processor computes at once.
    pub(super) shard_size: usize,
}

impl Partition {
    /// Rows of a part, if a batch of these rows is computed in at least `accumulation` parts.
    pub(super) fn size<T: Task>(self, task: &T, rows: &[usize], accumulation: u32) -> usize {
        let by_count = rows.len().div_ceil(accumulation.max(1) as usize);
        let limit = match self.path {
            ComputePath::Processor => self.shard_size,
            ComputePath::Device => {
                let longest = rows.iter().map(|&row| task.length(row)).max().unwrap_or(1);
                DEVICE_TOKENS / longest.max(1)
            }
        };
        by_count.min(limit).max(1)
    }
}

/// The rows of each part of a batch.
pub(super) fn spans(rows: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows.div_ceil(size)).map(move |part| part * size..((part + 1) * size).min(rows))
}

/// Where the trainer gets its batches.
pub(super) struct Feed<T: Task>(Option<Receiver<Result<Prepared<T>, ClassifierError>>>);

/// What the thread needs.
pub(super) struct Source<'a, T: Task> {
    pub(super) task: &'a T,
    pub(super) partition: Partition,
    pub(super) device: Device,
    /// Parts that a batch is computed in; the trainer may raise it.
    pub(super) accumulation: &'a AtomicU32,
}

impl<T: Task> Source<'_, T> {
    /// Draws a batch and prepares its parts if they are for a device. `stream` is that of the step.
    pub(super) fn prepare(
        &self,
        rows: &[usize],
        stream: Stream,
    ) -> Result<Prepared<T>, ClassifierError> {
        ClassifierError::catch("prepare a batch", || {
            let batch = self.task.draw(rows, stream);
            let accumulation = self.accumulation.load(Ordering::Relaxed);
            let size = self.partition.size(self.task, rows, accumulation);
            let mut prepared = Prepared {
                batch,
                size,
                parts: Vec::new(),
            };
            if self.partition.path == ComputePath::Device {
                prepared.parts = self.parts(&prepared.batch, rows.len(), size, stream);
            }
            Ok(prepared)
        })
    }

    /// The parts of a batch, in pinned memory.
    pub(super) fn parts(
        &self,
        batch: &T::Batch,
        rows: usize,
        size: usize,
        stream: Stream,
    ) -> Vec<Option<T::Part>> {
        let part = |(number, span): (usize, Range<usize>)| {
            let part = self.task.part(
                batch,
                span,
                stream.child(number as u64),
                self.partition.path,
            );
            part.map(|part| self.task.pin(part, self.device))
        };
        spans(rows, size).enumerate().map(part).collect()
    }
}

impl<T: Task> Feed<T> {
    /// Starts to prepare these batches, each with the stream of its step.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        source: Source<'scope, T>,
        batches: &'scope [Vec<usize>],
        stream_of: impl Fn(usize) -> Stream + Send + 'scope,
    ) -> Self
    where
        T: 'scope,
    {
        if source.partition.path == ComputePath::Processor {
            return Self(None);
        }
        let (sender, receiver): (SyncSender<_>, _) = sync_channel(AHEAD);
        scope.spawn(move || {
            for (number, rows) in batches.iter().enumerate() {
                let prepared = source.prepare(rows, stream_of(number));
                let failed = prepared.is_err();
                // A closed channel is a trainer that has stopped.
                if sender.send(prepared).is_err() || failed {
                    break;
                }
            }
        });
        Self(Some(receiver))
    }

    /// The next batch, if it is prepared ahead of time.
    ///
    /// # Errors
    /// It could not be prepared.
    pub(super) fn next(&self) -> Result<Option<Prepared<T>>, ClassifierError> {
        let Some(receiver) = &self.0 else {
            return Ok(None);
        };
        let prepared = receiver.recv();
        prepared
            .expect("the thread sends every batch or an error")
            .map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_batch() {
        let found = |rows, size| spans(rows, size).collect::<Vec<_>>();
        assert_eq!(found(5, 2), [0..2, 2..4, 4..5]);
        assert_eq!(found(4, 4).len(), 1);
        assert!(found(0, 4).is_empty());
    }
}
