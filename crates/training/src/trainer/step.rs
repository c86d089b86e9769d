//! One training step: the gradient of a batch, computed in parts, and the update of the weights.

use std::ops::Range;
use std::sync::atomic::Ordering;

use classifier::{
    ActivationWeights, BackwardPass, ClassifierError, ComputePath, CounterRng, Mode, Result,
    Transfer, without_host_access,
};
use rayon::prelude::*;
use tch::{Device, Tensor};

use super::Trainer;
use super::batch_source::{BatchSource, PartitionedBatch};
use crate::error::TrainError;
use crate::faults;
use crate::task::Task;

/// The loss and the number of correct examples of each part of a batch.
type Losses = Vec<(Tensor, Tensor)>;

impl<T: Task> Trainer<'_, T> {
    /// One optimizer step on a batch of these rows at this learning rate. A non-finite loss or gradient changes
    /// nothing. On a GPU it is detected later, when the sums are read: see [`Trainer::collect_pending`].
    pub(crate) fn step(
        &mut self,
        rows: &[usize],
        prepared: PartitionedBatch<T>,
        rate: f64,
    ) -> Result<(), TrainError> {
        let path = self.source.path;
        let work = || -> Result<bool, TrainError> {
            let losses = self.compute_gradient(rows, prepared)?;
            let apply = || Ok(self.apply(&losses, rate));
            Ok(ClassifierError::catch("update the weights", apply)?)
        };
        let applied = match path {
            ComputePath::Cpu => work()?,
            ComputePath::Gpu => without_host_access(work)?,
        };
        if !applied {
            return Err(self.non_finite(self.position.step, rows));
        }
        self.pending_steps += 1;
        self.pending.rows += rows.len() as u64;
        let lengths = rows.iter().map(|&row| self.context.task.length(row) as u64);
        self.pending.tokens += lengths.sum::<u64>();
        self.position.last_rate = rate;
        self.position.step += 1;
        Ok(())
    }

    /// Updates the weights with the gradient. Returns false, without any change, if the CPU path finds a non-finite
    /// number.
    fn apply(&mut self, losses: &Losses, rate: f64) -> bool {
        let gradient = self.gradient.total();
        match &mut self.gpu_sums {
            Some(sums) => {
                let good = sums.clip(gradient, losses);
                let weights = &mut self.trained;
                self.adam.step_on_gpu(weights, gradient, &good, rate);
            }
            None => {
                let loss: f64 = losses.iter().map(|(loss, _)| loss.double_value(&[])).sum();
                let correct = losses.iter().map(|(_, correct)| correct.int64_value(&[]));
                let norm = gradient.norm().double_value(&[]);
                if !norm.is_finite() || !loss.is_finite() {
                    return false;
                }
                let limit = self.context.settings.clip_norm;
                if limit > 0.0 && norm > limit {
                    let _ = gradient.g_mul_scalar_(limit / norm);
                }
                self.adam.step(&mut self.trained, gradient, rate);
                self.pending.loss += loss;
                self.pending.correct += correct.sum::<i64>().unsigned_abs();
                self.position.last_norm = norm;
            }
        }
        // The other replicas share this memory.
        self.replicas[0].refresh();
        true
    }

    /// The error for a non-finite step on these rows.
    pub(super) fn non_finite(&self, step: u64, rows: &[usize]) -> TrainError {
        let id = |row: &usize| self.context.task.row_id(*row).to_string();
        let ids: Vec<String> = rows.iter().take(4).map(id).collect();
        let more = match rows.len() - ids.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let noun = if rows.len() == 1 { "review" } else { "reviews" };
        TrainError::NonFinite {
            epoch: self.position.epoch,
            step,
            rows: format!("{noun} {}{more}", ids.join(", ")),
        }
    }

    /// Computes the gradient of a batch. If memory is full, this and all later batches are computed in twice as many
    /// parts, and the failed attempt has no effect.
    fn compute_gradient(
        &mut self,
        rows: &[usize],
        mut prepared: PartitionedBatch<T>,
    ) -> Result<Losses, TrainError> {
        let (source, step) = (self.source, self.position.step);
        let rng = self.rng_of_step(step);
        let accumulation = &source.accumulation;
        // Batches that were prepared before memory was full are too large now.
        let part_size = source.part_size(rows);
        if part_size < prepared.part_size {
            prepared.part_size = part_size;
            prepared = source.with_parts(prepared, rng)?;
        }
        loop {
            let losses = faults::before(step, self.gradient.total())
                .and_then(|()| self.backward(&prepared, rng));
            match losses {
                Ok(losses) => {
                    faults::after(step, self.gradient.total());
                    self.pending.examples += source.task.examples(&prepared.batch);
                    return Ok(losses);
                }
                Err(error) if !error.is_memory() => return Err(error.into()),
                Err(source) if prepared.part_size == 1 => {
                    return Err(TrainError::OutOfMemory { step, source });
                }
                Err(_) => {
                    let mut parts = accumulation.load(Ordering::Relaxed);
                    while source.part_size(rows) == prepared.part_size {
                        parts *= 2;
                        accumulation.store(parts, Ordering::Relaxed);
                    }
                    (self.context.note)(&format!(
                        "memory is full: each batch is computed in {parts} parts from now on"
                    ));
                    prepared.part_size = source.part_size(rows);
                    prepared = source.with_parts(prepared, rng)?;
                }
            }
        }
    }

    /// Forward and backward pass of a batch, with as many parts at a time as there are replicas. Gradients are added
    /// in the order of the parts, so the sum does not depend on the speed or the number of replicas.
    fn backward(&mut self, prepared: &PartitionedBatch<T>, rng: CounterRng) -> Result<Losses> {
        let (source, task) = (self.source, self.source.task);
        let examples = task.examples(&prepared.batch);
        if examples == 0 {
            let _ = self.gradient.total().zero_();
            return Ok(Vec::new());
        }
        let scale = 1.0 / examples as f64;
        let mut losses = Losses::new();
        let gradient = &mut self.gradient;
        let mut add = |pass: BackwardPass| {
            ClassifierError::catch("add up the gradients", || {
                gradient.add(&pass, losses.is_empty(), source.path);
                losses.push((pass.loss, pass.correct));
                Ok(())
            })
        };
        if source.path == ComputePath::Gpu {
            for (number, part) in prepared.parts.iter().enumerate() {
                if let Some(part) = part {
                    let rng = rng.child(number as u64);
                    add(source.pass(part, &self.replicas[0], rng, scale)?)?;
                }
            }
        } else {
            let batch = &prepared.batch;
            let spans: Vec<(usize, Range<usize>)> = prepared.spans().enumerate().collect();
            for group in spans.chunks(self.replicas.len()) {
                let replicas = self.replicas.par_iter_mut().zip(group);
                let passes = replicas.map(|(weights, (number, span))| {
                    let rng = rng.child(*number as u64);
                    ClassifierError::catch("compute the gradient", || {
                        let part = task.prepare_part(batch, span.clone(), rng, source.path);
                        let pass = |part| source.pass(&part, weights, rng, scale);
                        part.map(pass).transpose()
                    })
                });
                let passes = passes.collect::<Result<Vec<_>, _>>()?;
                passes.into_iter().flatten().try_for_each(&mut add)?;
            }
        }
        Ok(losses)
    }
}

impl<T: Task> BatchSource<'_, T> {
    /// The loss of a part, and the gradient of `scale` times its sum.
    fn pass(
        &self,
        part: &T::Part,
        weights: &ActivationWeights,
        rng: CounterRng,
        scale: f64,
    ) -> Result<BackwardPass> {
        ClassifierError::catch("compute the gradient", || {
            let mode = self.mode(rng);
            let part = part.transfer(self.device);
            BackwardPass::compute(self.task.layout(), weights, scale, |parameters| {
                self.task.loss(&part, weights, parameters, mode)
            })
        })
    }

    /// The mode of a part: on a GPU, libtorch's generator makes the dropout masks, seeded by seed, step and part.
    fn mode(&self, rng: CounterRng) -> Mode {
        let rng = rng.child(1);
        if self.path == ComputePath::Cpu {
            return Mode::Train(rng);
        }
        let seed = rng.bits(0);
        match self.device {
            Device::Cuda(_) => tch::Cuda::manual_seed(seed),
            _ => tch::manual_seed(seed as i64),
        }
        Mode::TrainOnGpu
    }
}
