//! Prediction of many rows with a network, on all cores or on a GPU.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use tch::{Device, Tensor};

use crate::{
    Batch, ClassifierError, IdRows, MemoryLimit, Network, PreparedBatch, Replica, Result,
    sorted_batches,
};

/// The logits of rows, in the order of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// `rows * classes` values, row after row.
    pub values: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
}

impl Logits {
    /// The score of each row: the log-odds of the positive class, in nats.
    pub fn scores(&self) -> Vec<f64> {
        let difference = |row: &[f32]| f64::from(row[1]) - f64::from(row[0]);
        let rows = self.values.chunks_exact(self.classes);
        rows.map(difference).collect()
    }

    /// Mean cross-entropy in nats, and share of rows predicted correctly.
    pub fn loss_and_accuracy(&self, rows: &dyn IdRows) -> (f64, f64) {
        let mut loss = 0.0;
        let mut correct = 0_u64;
        for (row, logits) in self.values.chunks_exact(self.classes).enumerate() {
            let label = usize::from(rows.label(row));
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers = logits.iter().map(|logit| f64::from(logit - largest).exp());
            loss += f64::from(largest - logits[label]) + powers.sum::<f64>().ln();
            correct += u64::from(logits.iter().position(|&logit| logit == largest) == Some(label));
        }
        let count = rows.len().max(1) as f64;
        (loss / count, correct as f64 / count)
    }
}

/// Called with the number of rows of each finished batch. It can stop the work.
pub type BatchProgress<'a> = dyn Fn(u64) -> ControlFlow<()> + Sync + 'a;

/// Prediction of rows with a network. The rows of a batch do not depend on the number of replicas, so neither do the
/// results. If a batch does not fit into memory, it is computed in parts: see [`MemoryLimit`].
pub struct Inference<'a> {
    /// The network.
    pub network: &'a Network,
    /// The rows.
    pub rows: &'a dyn IdRows,
    /// The token id of padding.
    pub pad_id: u32,
    /// The device of the batches.
    pub device: Device,
    /// The limit on what is computed at once.
    pub memory: &'a MemoryLimit,
    /// Called after each batch.
    pub progress: &'a BatchProgress<'a>,
}

impl Inference<'_> {
    /// The logits of every row.
    ///
    /// # Errors
    /// libtorch fails, a single row does not fit into memory, or `progress` stopped the work.
    pub fn logits(&self, replicas: &mut [Replica], batch_size: usize) -> Result<Logits> {
        let batches = sorted_batches(self.rows, batch_size);
        let (all, classes) = (0..self.rows.len(), self.network.classes());
        let values = self.values(replicas, &batches, all, classes, Replica::logits)?;
        Ok(Logits { values, classes })
    }

    /// The inputs of the head for the rows of `span`, in order: [`Network::state_width`] values for each row. `batches`
    /// divides these rows into batches.
    ///
    /// # Errors
    /// As for [`Inference::logits`].
    pub fn states(
        &self,
        replicas: &mut [Replica],
        batches: &[Vec<usize>],
        span: Range<usize>,
    ) -> Result<Vec<f32>> {
        let width = self.network.state_width() as usize;
        self.values(replicas, batches, span, width, Replica::states)
    }

    /// Computes `width` values for every row of `span`, in order. `batches` divides these rows into batches, the
    /// longest last.
    fn values(
        &self,
        replicas: &mut [Replica],
        batches: &[Vec<usize>],
        span: Range<usize>,
        width: usize,
        compute: fn(&Replica, &Network, &Batch) -> Tensor,
    ) -> Result<Vec<f32>> {
        let next = AtomicUsize::new(0);
        let format = self.network.input_format().for_device(self.device);
        // The size of a batch of these rows, padding included.
        let tokens_of = |rows: &[usize]| {
            let lengths = rows.iter().map(|&row| self.rows.length(row));
            rows.len() * lengths.max().unwrap_or(0).max(1)
        };
        let count = batches.len();
        let next_index = || count.checked_sub(1 + next.fetch_add(1, Ordering::Relaxed));
        let parts = replicas
            .par_iter_mut()
            .map(|replica| {
                // Results stay on the device until the end, so that the CPU can prepare the next batch without
                // waiting for this one.
                let (mut rows, mut results) = (Vec::new(), Vec::new());
                // The longest batches come first, so that no core computes a long batch alone at the end.
                while let Some(index) = next_index() {
                    let batch = &batches[index];
                    results.extend(self.memory.compute_in_parts(batch, tokens_of, |part| {
                        ClassifierError::catch("compute a batch", || {
                            let part =
                                PreparedBatch::gather(self.rows, part, self.pad_id, format, None);
                            let values = compute(replica, self.network, &part.open_on(self.device));
                            // Copied, because a view would keep all states of the batch in memory.
                            Ok(values.reshape([-1]).copy())
                        })
                    })?);
                    rows.extend_from_slice(batch);
                    if (self.progress)(batch.len() as u64).is_break() {
                        return Err(ClassifierError::Stopped);
                    }
                }
                Ok((rows, copy_to_cpu(&results)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut all = vec![0_f32; span.len() * width];
        for (rows, values) in parts {
            for (row, values) in rows.into_iter().zip(values.chunks_exact(width)) {
                all[(row - span.start) * width..][..width].copy_from_slice(values);
            }
        }
        Ok(all)
    }
}

/// Copies the values of tensors from a device, one tensor after the other, with a single copy. If the device has no
/// memory to concatenate them, each tensor is copied separately.
fn copy_to_cpu(parts: &[Tensor]) -> Result<Vec<f32>> {
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let action = "copy the results from the device";
    let copied = ClassifierError::catch(action, || values_on_cpu(&Tensor::cat(parts, 0)));
    match copied {
        Err(error) if error.fault().is_some_and(|fault| fault.is_memory()) => {
            ClassifierError::catch(action, || {
                let copied = parts.iter().map(values_on_cpu);
                Ok(copied.collect::<Result<Vec<_>, _>>()?.concat())
            })
        }
        copied => copied,
    }
}

fn values_on_cpu(tensor: &Tensor) -> Result<Vec<f32>> {
    let values = tensor.to_device(Device::Cpu).contiguous().view([-1]);
    Vec::try_from(values).map_err(ClassifierError::torch("read the results"))
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn results_are_copied_in_order() {
        let wide = Tensor::arange(8, (Kind::Float, Device::Cpu)).view([2, 4]);
        let part = |from, count| wide.narrow(1, from, count).tr().reshape([-1]);
        let values = copy_to_cpu(&[part(0, 2), part(2, 1), part(3, 1)]).expect("values");
        assert_eq!(values, [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
        assert!(copy_to_cpu(&[]).expect("nothing to copy").is_empty());
    }
}
