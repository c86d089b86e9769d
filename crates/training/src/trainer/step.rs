//! One step: the gradient of a batch, in as many parts as fit, and the move against it.

use std::ops::Range;
use std::sync::atomic::Ordering;

use classifier::{
    ActivationWeights, ClassifierError, ComputePath, Fault, Mode, Pass, Stream, without_host_access,
};
use rayon::prelude::*;
use tch::{Device, Tensor};

use super::Trainer;
use super::feed::{Prepared, spans};
use crate::error::TrainError;
use crate::faults;
use crate::task::Task;

/// The loss and the number of correct examples of each part of a batch.
type Losses = Vec<(Tensor, Tensor)>;

impl<T: Task> Trainer<'_, T> {
    /// One optimizer step on a batch, at this rate. A non-finite loss or gradient changes nothing. On a
    /// device that is found out when the sums are read: see [`Trainer::settle`].
    pub(crate) fn step(
        &mut self,
        rows: &[usize],
        prepared: Option<Prepared<T>>,
        rate: f64,
    ) -> Result<(), TrainError> {
        let prepared = match prepared {
            Some(prepared) => prepared,
            None => self
                .source()
                .prepare(rows, self.stream_of(self.position.step))?,
        };
        let path = self.partition.path;
        let work = || -> Result<bool, TrainError> {
            let losses = self.gradient_of(rows, prepared)?;
            let apply = || Ok(self.apply(&losses, rate));
            Ok(ClassifierError::catch("move the weights", apply)?)
        };
        let applied = match path {
            ComputePath::Processor => work()?,
            ComputePath::Device => without_host_access(work)?,
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

    /// Moves the weights against the gradient. False if a number is not finite, as far as the host knows:
    /// then nothing has changed.
    fn apply(&mut self, losses: &Losses, rate: f64) -> bool {
        let gradient = self.gradient.total();
        match &mut self.meter {
            Some(meter) => {
                let good = meter.check(gradient, losses);
                self.adam
                    .step_on_device(&mut self.trained, gradient, &good, rate);
            }
            None => {
                let sum =
                    |values: &dyn Fn(&(Tensor, Tensor)) -> f64| losses.iter().map(values).sum();
                let loss: f64 = sum(&|(loss, _)| loss.double_value(&[]));
                let correct: f64 = sum(&|(_, correct)| correct.double_value(&[]));
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
                self.pending.correct += correct as u64;
                self.position.last_norm = norm;
            }
        }
        // The other replicas read the same memory.
        self.replicas[0].refresh();
        true
    }

    /// The error of a step on these rows.
    pub(super) fn non_finite(&self, step: u64, rows: &[usize]) -> TrainError {
        let shown = rows.iter().take(4);
        let names: Vec<String> = shown
            .map(|row| self.context.task.row_id(*row).to_string())
            .collect();
        let more = rows.len().saturating_sub(names.len());
        let names = names.join(", ");
        TrainError::NonFinite {
            epoch: self.position.epoch,
            step,
            rows: if more > 0 {
                format!("reviews {names} and {more} more")
            } else {
                format!("reviews {names}")
            },
        }
    }

    /// The gradient of a batch. Where memory is full, the batch is computed in twice as many parts from
    /// then on, and nothing of the failed attempt is left.
    fn gradient_of(&mut self, rows: &[usize], prepared: Prepared<T>) -> Result<Losses, TrainError> {
        let step = self.position.step;
        let Prepared {
            batch,
            mut size,
            mut parts,
        } = prepared;
        let examples = self.context.task.examples(&batch);
        // Batches that were prepared before memory was full are too large now.
        let fits = self
            .partition
            .size(self.context.task, rows, self.position.accumulation);
        if fits < size {
            size = fits;
            parts = self.parts_again(&batch, rows.len(), size)?;
        }
        loop {
            let losses = faults::before(step, self.gradient.total())
                .and_then(|()| self.backward(&batch, rows.len(), size, &parts));
            match losses {
                Ok(losses) => {
                    faults::after(step, self.gradient.total());
                    self.pending.examples += examples;
                    return Ok(losses);
                }
                Err(error) if !error.fault().is_some_and(Fault::is_memory) => {
                    return Err(error.into());
                }
                Err(source) if size == 1 => return Err(TrainError::OutOfMemory { step, source }),
                Err(_) => {
                    let before = size;
                    while size == before {
                        self.position.accumulation *= 2;
                        size = self.partition.size(
                            self.context.task,
                            rows,
                            self.position.accumulation,
                        );
                    }
                    let accumulation = self.position.accumulation;
                    self.accumulation.store(accumulation, Ordering::Relaxed);
                    (self.context.note)(&format!(
                        "memory is full: each batch is computed in {accumulation} parts from now on"
                    ));
                    parts = self.parts_again(&batch, rows.len(), size)?;
                }
            }
        }
    }

    /// The parts of a batch that is partitioned again; on a processor the replicas prepare them.
    fn parts_again(
        &self,
        batch: &T::Batch,
        rows: usize,
        size: usize,
    ) -> Result<Vec<Option<T::Part>>, ClassifierError> {
        ClassifierError::catch("prepare a batch", || {
            Ok(match self.partition.path {
                ComputePath::Processor => Vec::new(),
                ComputePath::Device => {
                    let stream = self.stream_of(self.position.step);
                    self.source().parts(batch, rows, size, stream)
                }
            })
        })
    }

    /// Forward and backward of a batch in parts, as many at a time as there are replicas. Their gradients
    /// are added in the order of the parts: the sum depends neither on which replica was faster nor on
    /// how many there are.
    fn backward(
        &mut self,
        batch: &T::Batch,
        rows: usize,
        size: usize,
        parts: &[Option<T::Part>],
    ) -> Result<Losses, ClassifierError> {
        let (task, path) = (self.context.task, self.partition.path);
        let stream = self.stream_of(self.position.step);
        let examples = task.examples(batch);
        if examples == 0 {
            let _ = self.gradient.total().zero_();
            return Ok(Vec::new());
        }
        let differentiator = Differentiator {
            task,
            device: self.context.device,
            path,
            scale: 1.0 / examples as f64,
        };
        let mut losses = Losses::new();
        let gradient = &mut self.gradient;
        let mut add = |pass: Pass| {
            ClassifierError::catch("add up the gradients", || {
                gradient.add(&pass, losses.is_empty(), path);
                losses.push((pass.loss, pass.correct));
                Ok(())
            })
        };
        if path == ComputePath::Device {
            for (number, part) in parts.iter().enumerate() {
                let stream = stream.child(number as u64);
                let part = part.as_ref();
                let pass = part.map(|part| differentiator.pass(part, &self.replicas[0], stream));
                pass.transpose()?.map_or(Ok(()), &mut add)?;
            }
        } else {
            let spans: Vec<(usize, Range<usize>)> = spans(rows, size).enumerate().collect();
            for some in spans.chunks(self.replicas.len()) {
                let replicas = self.replicas.par_iter_mut().zip(some);
                let passes = replicas.map(|(weights, (number, span))| {
                    let stream = stream.child(*number as u64);
                    ClassifierError::catch("compute the gradient", || {
                        let part = task.part(batch, span.clone(), stream, path);
                        part.map(|part| differentiator.pass(&part, weights, stream))
                            .transpose()
                    })
                });
                let passes = passes.collect::<Result<Vec<_>, _>>()?;
                passes.into_iter().flatten().try_for_each(&mut add)?;
            }
        }
        Ok(losses)
    }
}

/// What the passes of a batch have in common.
struct Differentiator<'a, T> {
    task: &'a T,
    device: Device,
    path: ComputePath,
    /// One by the number of examples of the batch.
    scale: f64,
}

impl<T: Task> Differentiator<'_, T> {
    fn pass(
        &self,
        part: &T::Part,
        weights: &ActivationWeights,
        stream: Stream,
    ) -> Result<Pass, ClassifierError> {
        ClassifierError::catch("compute the gradient", || {
            let mode = mode_of(self.path, stream, self.device);
            let part = self.task.to_device(part, self.device);
            Pass::compute(self.task.layout(), weights, self.scale, |parameters| {
                self.task.loss(&part, weights, parameters, mode)
            })
        })
    }
}

/// How a part learns: on a device libtorch's generator draws the masks, seeded by seed, step and part.
fn mode_of(path: ComputePath, stream: Stream, device: Device) -> Mode {
    let stream = stream.child(1);
    if path == ComputePath::Processor {
        return Mode::Train(stream);
    }
    let seed = stream.bits(0);
    match device {
        Device::Cuda(_) => tch::Cuda::manual_seed(seed),
        _ => tch::manual_seed(seed as i64),
    }
    Mode::TrainOnDevice
}
