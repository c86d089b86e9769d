//! Asking a network about many rows, on all cores.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use tch::{Device, Tensor};

use crate::{Batch, ClassifierError, Network, Replica, TokenRows, sorted_batches};

/// The logits of rows, in the order of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// `rows * classes` values, row after row.
    pub values: Vec<f32>,
    /// Classes.
    pub classes: usize,
}

impl Logits {
    /// How much the positive class is ahead of the negative one, for each row.
    pub fn differences(&self) -> Vec<f64> {
        self.values
            .chunks_exact(self.classes)
            .map(|row| f64::from(row[1]) - f64::from(row[0]))
            .collect()
    }

    /// Mean cross-entropy, in nats, and share of rows whose largest logit is that of their label.
    pub fn loss_and_accuracy(&self, rows: &TokenRows) -> (f64, f64) {
        let mut loss = 0.0;
        let mut correct = 0_u64;
        for (row, logits) in self.values.chunks_exact(self.classes).enumerate() {
            let label = usize::from(rows.label(row));
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits
                .iter()
                .map(|&logit| f64::from(logit - largest).exp())
                .sum();
            loss += f64::from(largest - logits[label]) + sum.ln();
            correct += u64::from(logits.iter().position(|&logit| logit == largest) == Some(label));
        }
        let count = rows.len().max(1) as f64;
        (loss / count, correct as f64 / count)
    }
}

/// The logits of every row. The rows of a batch do not depend on how many replicas there are, so
/// neither do the results. `progress` is told the rows of each finished batch, and may stop the work.
///
/// # Errors
/// libtorch refuses, for example for want of memory; or `progress` has stopped the work.
pub fn logits_of(
    network: &Network,
    replicas: &mut [Replica],
    rows: &TokenRows,
    (batch_size, pad_id, classes): (usize, u32, usize),
    device: Device,
    progress: &(impl Fn(u64) -> ControlFlow<()> + Sync),
) -> Result<Logits, ClassifierError> {
    let batches = sorted_batches(rows, batch_size);
    let asked = Asked {
        network,
        rows,
        pad_id,
        device,
    };
    let compute = |replica: &Replica, batch: &Batch| replica.logits(network, batch);
    let values = asked.values(
        replicas,
        &batches,
        0..rows.len(),
        classes,
        compute,
        progress,
    )?;
    Ok(Logits { values, classes })
}

/// What the head reads of some rows: `span.len()` rows of [`Network::state_width`] values, in
/// order, from these batches of them.
///
/// # Errors
/// As for [`logits_of`].
pub fn states_of(
    asked: &Asked<'_>,
    replicas: &mut [Replica],
    batches: &[Vec<usize>],
    span: Range<usize>,
    progress: &(impl Fn(u64) -> ControlFlow<()> + Sync),
) -> Result<Vec<f32>, ClassifierError> {
    let width = asked.network.state_width() as usize;
    let compute = |replica: &Replica, batch: &Batch| replica.states(asked.network, batch);
    asked.values(replicas, batches, span, width, compute, progress)
}

/// A network and the rows it is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The network.
    pub network: &'a Network,
    /// The rows.
    pub rows: &'a TokenRows,
    /// The id that fills short rows of a batch.
    pub pad_id: u32,
    /// Where batches go.
    pub device: Device,
}

impl Asked<'_> {
    /// `width` values for every row of `span`, in order, from batches of its rows that come with
    /// the longest last.
    fn values(
        &self,
        replicas: &mut [Replica],
        batches: &[Vec<usize>],
        span: Range<usize>,
        width: usize,
        compute: impl Fn(&Replica, &Batch) -> Tensor + Sync,
        progress: &(impl Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<Vec<f32>, ClassifierError> {
        let next = AtomicUsize::new(0);
        let reading = self.network.reading();
        let parts = replicas
            .par_iter_mut()
            .map(|replica| {
                let mut done = Vec::new();
                // Longest first, so that no core is left with a long batch at the end.
                while let Some(index) = batches
                    .len()
                    .checked_sub(1 + next.fetch_add(1, Ordering::Relaxed))
                {
                    let chosen = &batches[index];
                    let values = ClassifierError::catch("compute the states of a batch", || {
                        let batch = Batch::gather(
                            self.rows,
                            chosen,
                            self.pad_id,
                            reading,
                            None,
                            self.device,
                        );
                        let values = compute(replica, &batch).to_device(Device::Cpu);
                        Ok(values.contiguous().view([-1]))
                    })?;
                    let values = Vec::<f32>::try_from(values)
                        .map_err(ClassifierError::torch("read the results"))?;
                    done.push((index, values));
                    if progress(chosen.len() as u64).is_break() {
                        return Err(ClassifierError::Stopped);
                    }
                }
                Ok(done)
            })
            .collect::<Result<Vec<_>, ClassifierError>>()?;
        let mut all = vec![0_f32; span.len() * width];
        for (index, values) in parts.into_iter().flatten() {
            for (&row, values) in batches[index].iter().zip(values.chunks_exact(width)) {
                all[(row - span.start) * width..][..width].copy_from_slice(values);
            }
        }
        Ok(all)
    }
}
