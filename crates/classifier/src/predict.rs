//! Predicting many rows with a network: on all cores, or on a GPU.

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
    /// Classes.
    pub classes: usize,
}

impl Logits {
    /// How much the positive class is ahead of the negative one, for each row.
    pub fn scores(&self) -> Vec<f64> {
        self.values
            .chunks_exact(self.classes)
            .map(|row| f64::from(row[1]) - f64::from(row[0]))
            .collect()
    }

    /// Mean cross-entropy, in nats, and share of rows whose largest logit is that of their label.
    pub fn loss_and_accuracy(&self, rows: &dyn IdRows) -> (f64, f64) {
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

/// Called with the number of rows of each finished batch; it may stop the work.
pub type BatchProgress<'a> = dyn Fn(u64) -> ControlFlow<()> + Sync + 'a;

/// Rows that a network reads, on which device, and with what memory. The rows of a batch do not depend on
/// how many replicas there are, so neither do the results. A batch that does not fit into memory is
/// computed in parts, see [`MemoryLimit`].
pub struct Inference<'a> {
    /// The network.
    pub network: &'a Network,
    /// All rows.
    pub rows: &'a dyn IdRows,
    /// The id that fills short rows.
    pub pad_id: u32,
    /// Where batches go.
    pub device: Device,
    /// As far as it is known.
    pub memory: &'a MemoryLimit,
    /// Called after each batch.
    pub progress: &'a BatchProgress<'a>,
}

impl Inference<'_> {
    /// The logits of every row.
    ///
    /// # Errors
    /// libtorch fails, a single row does not fit into memory, or `progress` has stopped the work.
    pub fn logits(&self, replicas: &mut [Replica], batch_size: usize) -> Result<Logits> {
        let batches = sorted_batches(self.rows, batch_size);
        let (all, classes) = (0..self.rows.len(), self.network.classes());
        let values = self.values(replicas, &batches, all, classes, Replica::logits)?;
        Ok(Logits { values, classes })
    }

    /// The input of the head for some rows: `span.len()` rows of [`Network::state_width`] values, in
    /// order, from these batches of them.
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

    /// `width` values for every row of `span`, in order, from batches of its rows that are sorted with
    /// the longest last.
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
        // Of a batch of these rows, padding included.
        let tokens_of = |rows: &[usize]| {
            let lengths = rows.iter().map(|&row| self.rows.length(row));
            rows.len() * lengths.max().unwrap_or(0).max(1)
        };
        let parts = replicas
            .par_iter_mut()
            .map(|replica| {
                // Results stay on the device until the end, so that the host never waits for a batch
                // before it prepares the next one.
                let (mut rows, mut results) = (Vec::new(), Vec::new());
                // Longest first, so that no core is left with a long batch at the end.
                while let Some(index) = batches
                    .len()
                    .checked_sub(1 + next.fetch_add(1, Ordering::Relaxed))
                {
                    let batch = &batches[index];
                    results.extend(self.memory.compute_in_parts(batch, tokens_of, |part| {
                        ClassifierError::catch("compute a batch", || {
                            let part =
                                PreparedBatch::gather(self.rows, part, self.pad_id, format, None);
                            let values = compute(replica, self.network, &part.open_on(self.device));
                            // A view would keep all states of the batch in memory.
                            Ok(values.reshape([-1]).copy())
                        })
                    })?);
                    rows.extend_from_slice(batch);
                    if (self.progress)(batch.len() as u64).is_break() {
                        return Err(ClassifierError::Stopped);
                    }
                }
                Ok((rows, copy_to_host(&results)?))
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

/// The values of tensors on a GPU, one after the other, by one copy. If the device has no memory for
/// all of them side by side, by one copy for each.
fn copy_to_host(parts: &[Tensor]) -> Result<Vec<f32>> {
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let action = "copy the results from the device";
    let copied = ClassifierError::catch(action, || host_values(&Tensor::cat(parts, 0)));
    match copied {
        Err(error)
            if error
                .torch_error_kind()
                .is_some_and(|fault| fault.is_memory()) =>
        {
            ClassifierError::catch(action, || {
                let copied = parts.iter().map(host_values);
                Ok(copied.collect::<Result<Vec<_>, _>>()?.concat())
            })
        }
        copied => copied,
    }
}

fn host_values(tensor: &Tensor) -> Result<Vec<f32>> {
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
        let values = copy_to_host(&[part(0, 2), part(2, 1), part(3, 1)]).expect("values");
        assert_eq!(values, [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
        assert!(copy_to_host(&[]).expect("nothing to copy").is_empty());
    }
}
