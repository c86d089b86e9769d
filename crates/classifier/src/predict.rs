//! Asking a network about many rows, on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use tch::Device;

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
/// neither do the results. `progress` is told the rows of each finished batch.
///
/// # Errors
/// libtorch gives logits of another shape than the network promises.
pub fn logits_of(
    network: &Network,
    replicas: &mut [Replica],
    rows: &TokenRows,
    (batch_size, pad_id, classes): (usize, u32, usize),
    device: Device,
    progress: &(impl Fn(u64) + Sync),
) -> Result<Logits, ClassifierError> {
    let batches = sorted_batches(rows, batch_size);
    let next = AtomicUsize::new(0);
    let parts = replicas
        .par_iter_mut()
        .map(|replica| {
            let mut done = Vec::new();
            // Longest first, so that no core is left with a long batch at the end.
            while let Some(index) = batches
                .len()
                .checked_sub(1 + next.fetch_add(1, Ordering::Relaxed))
            {
                let batch = Batch::gather(
                    rows,
                    &batches[index],
                    pad_id,
                    network.least_length(),
                    None,
                    device,
                );
                let logits = replica
                    .logits(network, &batch)
                    .to_device(Device::Cpu)
                    .contiguous()
                    .view([-1]);
                let logits = Vec::<f32>::try_from(logits)
                    .map_err(ClassifierError::torch("read the logits"))?;
                done.push((index, logits));
                progress(batches[index].len() as u64);
            }
            Ok(done)
        })
        .collect::<Result<Vec<_>, ClassifierError>>()?;
    let mut values = vec![0_f32; rows.len() * classes];
    for (index, logits) in parts.into_iter().flatten() {
        for (&row, row_logits) in batches[index].iter().zip(logits.chunks_exact(classes)) {
            values[row * classes..][..classes].copy_from_slice(row_logits);
        }
    }
    Ok(Logits { values, classes })
}
