//! The trainer: one training loop for every network and every task.
//!
//! A step here is an optimizer step. Its random numbers depend on seed and step only, and the order of an epoch on seed
//! and epoch only. So a checkpoint needs nothing but the tensors and the position.

mod batch_source;
mod gpu_sums;
mod position;
mod state;
mod step;

use std::thread;
use std::time::Instant;

use classifier::{
    ActivationWeights, ClassifierError, ComputePath, CounterRng, Gradient, MemoryLimit, Weights,
    epoch_batches,
};
use settings::TrainingSettings;
use tch::{Device, Kind, Tensor, no_grad};

use crate::adam::AdamW;
use crate::checkpoint::{Checkpoint, CheckpointManager};
use crate::error::{Result, TrainError};
use crate::record::{Record, RecordLine, resident_memory};
use crate::schedule::learning_rate;
use crate::task::{Task, Validation};
pub(crate) use batch_source::BatchSource;
use batch_source::prepare_ahead;
use gpu_sums::GpuSums;
use position::{Position, Sums};
use state::ResumeState;

/// The inputs of a training.
pub struct TrainContext<'a, T> {
    /// The task that is trained.
    pub task: &'a T,
    /// The training settings.
    pub settings: &'a TrainingSettings,
    /// Factor of the learning rate, multiplied once more for each level below the top one.
    pub layer_decay: f64,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The device.
    pub device: Device,
    /// The code that computes a step. Except in tests, it is that of the device: [`ComputePath::for_device`].
    pub path: ComputePath,
    /// Number of replicas that compute in parallel: the cores of a CPU, one on a GPU.
    pub replicas: usize,
    /// Number format of the activations.
    pub kind: Kind,
    /// Whether a training that started on a GPU may resume on the CPU.
    pub may_resume_on_cpu: bool,
    /// The epoch to stop after, counted from the start of the model. The learning rate follows the epochs of `settings`.
    pub until: u32,
    /// Whether to save the state and stop; called after every batch, and from any thread during validation.
    pub stop: fn() -> bool,
    /// Whether to save the state and continue; called after every batch. True once for each request.
    pub save: fn() -> bool,
    /// Prints a message for the user.
    pub note: &'a (dyn Fn(&str) + 'a),
}

/// The result of a training. The weights of the best epoch are in the buffer that was passed in.
#[derive(Debug)]
pub struct TrainingResult {
    /// Number of epochs done.
    pub epochs: u32,
    /// The best epoch on validation; `None` if the task has no validation and the last epoch is used.
    pub best: Option<BestEpoch>,
    /// The state to continue from, if epochs remain. Its record is empty, because the caller has the record. Its time is
    /// 0, so that equal trainings give equal states.
    pub state: Option<Checkpoint>,
}

/// The epoch with the lowest loss on validation.
#[derive(Debug)]
pub struct BestEpoch {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Its validation result.
    pub validation: Validation,
    /// 1-D tensor of all trained weights after this epoch.
    weights: Tensor,
}

/// Called with the number of rows processed since the last call and a message, which may be empty: after every batch,
/// once when a training resumes, and with 0 rows for messages about the loss.
pub type OnBatch<'a> = dyn Fn(u64, &str) + 'a;

/// The outputs of a training.
struct Outputs<'a, 'm> {
    record: &'a mut Record,
    manager: &'a mut CheckpointManager<'m>,
    on_batch: &'a OnBatch<'a>,
}

/// Factor of the learning rate after a non-finite loss.
const BACKOFF: f64 = 0.5;

/// Trains until the epochs are done or the validation loss has not fallen for `patience` epochs. Leaves the best
/// weights in `weights`, which must hold the initial values of the layout.
///
/// Resumes from the newest checkpoint if there is one, and otherwise from `before`, the state that the previous rung of
/// the same trial stored. After the first non-finite loss or gradient it returns to the newest checkpoint,
/// `before` or the initial weights, and trains once more with half the learning rate.
///
/// # Errors
/// See [`TrainError`].
pub fn train<T: Task>(
    context: &TrainContext<'_, T>,
    weights: &mut Weights,
    record: &mut Record,
    manager: &mut CheckpointManager<'_>,
    before: Option<Checkpoint>,
    on_batch: &OnBatch<'_>,
) -> Result<TrainingResult> {
    let source = BatchSource::new(context);
    let mut trainer = Trainer::new(context, weights, &source);
    let mut outputs = Outputs {
        record,
        manager,
        on_batch,
    };
    let steps_per_epoch = trainer.steps_per_epoch;
    let parse_before = |it| ResumeState::from_previous_rung(it, steps_per_epoch);
    let before = before.map(|it| parse_before(it).ok_or(TrainError::UnreadableState));
    let before = before.transpose()?;
    let parse = |checkpoint| ResumeState::parse(checkpoint, steps_per_epoch);
    if let Some(state) = outputs.manager.latest(parse).as_ref().or(before.as_ref()) {
        trainer.restore(state, outputs.record)?;
        (context.note)(&format!("resumes after step {}", trainer.position.step));
        on_batch(trainer.rows_done(), "");
    }
    let mut outcome = trainer.run(&mut outputs);
    if let Err(error @ TrainError::NonFinite { .. }) = &outcome
        && trainer.position.backoff > BACKOFF
    {
        let state = outputs.manager.latest(parse).or(before);
        let action = match state {
            Some(_) => "returning to the last checkpoint",
            None => "starting again from the initial weights",
        };
        (context.note)(&format!("{error}: {action}, with half the learning rate"));
        match state {
            Some(state) => trainer.restore(&state, outputs.record)?,
            None => {
                drop(trainer);
                let initial = context.task.layout().initial(Device::Cpu);
                no_grad(|| weights.flat.copy_(&initial));
                trainer = Trainer::new(context, weights, &source);
                outputs.record.restart(&[])?;
            }
        }
        trainer.position.backoff = BACKOFF;
        let (step, factor) = (trainer.position.step, BACKOFF);
        outputs.record.line(&RecordLine::Backoff { step, factor })?;
        outcome = trainer.run(&mut outputs);
    }
    outcome
}

/// A training in progress: the state of [`train`] and of the range test.
pub(crate) struct Trainer<'a, T: Task> {
    context: &'a TrainContext<'a, T>,
    source: &'a BatchSource<'a, T>,
    /// 1-D tensor of all trained weights, a view of the buffer that was passed in.
    trained: Tensor,
    replicas: Vec<ActivationWeights>,
    gradient: Gradient,
    adam: AdamW,
    /// The sums on the GPU; `None` on a CPU, which adds up at once.
    gpu_sums: Option<GpuSums>,
    /// Sums of the steps that are not yet in `position`. On a GPU, `gpu_sums` has their losses and correct examples.
    pending: Sums,
    pending_steps: u64,
    rng: CounterRng,
    steps_per_epoch: u64,
    position: Position,
    best: Option<BestEpoch>,
    /// How much is computed at once during validation.
    memory: MemoryLimit,
    clock: Instant,
    /// The start time of the pending sums.
    since: Instant,
}

impl<'a, T: Task> Trainer<'a, T> {
    pub(crate) fn new(
        context: &'a TrainContext<'a, T>,
        weights: &Weights,
        source: &'a BatchSource<'a, T>,
    ) -> Self {
        let (settings, device) = (context.settings, context.device);
        let layout = context.task.layout();
        let trained = layout.trained();
        let mut replicas = vec![ActivationWeights::new(layout, weights, context.kind)];
        let others = (1..context.replicas).map(|_| replicas[0].share());
        replicas.extend(others.collect::<Vec<_>>());
        let on_gpu = context.path == ComputePath::Gpu;
        let flat = weights.flat.detach();
        Self {
            context,
            source,
            trained: flat.narrow(0, trained.start as i64, trained.len() as i64),
            replicas,
            gradient: Gradient::zeros(layout, device),
            adam: AdamW::new(layout, settings, context.layer_decay, device, on_gpu),
            gpu_sums: on_gpu.then(|| GpuSums::new(settings.clip_norm, device)),
            pending: Sums::default(),
            pending_steps: 0,
            rng: CounterRng::new(context.seed).child(1),
            steps_per_epoch: context.task.rows().div_ceil(settings.batch_size as usize) as u64,
            position: Position::start(),
            best: None,
            memory: MemoryLimit::default(),
            clock: Instant::now(),
            since: Instant::now(),
        }
    }

    /// The random numbers of a step.
    pub(crate) fn rng_of_step(&self, step: u64) -> CounterRng {
        step_rng(self.rng, step)
    }

    /// The batches of an epoch.
    pub(crate) fn batches_in_epoch(&self, epoch: u32) -> Vec<Vec<usize>> {
        let task = self.context.task;
        let order = self.rng.child(0).child(u64::from(epoch));
        let batch_size = self.context.settings.batch_size as usize;
        epoch_batches(task.rows(), |row| task.length(row), batch_size, order)
    }

    /// Starts the next epoch without validation, for the range test, and returns its batches.
    pub(crate) fn next_epoch(&mut self) -> Vec<Vec<usize>> {
        self.position.epoch += 1;
        self.batches_in_epoch(self.position.epoch)
    }

    /// Seconds of training, including earlier runs.
    fn seconds(&self) -> f64 {
        self.position.seconds + self.clock.elapsed().as_secs_f64()
    }

    fn total_steps(&self) -> u64 {
        self.steps_per_epoch * u64::from(self.context.settings.epochs)
    }

    /// Number of training rows processed so far; rows count again in every epoch.
    fn rows_done(&self) -> u64 {
        let Position { step, epoch, .. } = self.position;
        let before = u64::from(epoch - 1);
        let rows = self.context.task.rows() as u64;
        let batches = step - before * self.steps_per_epoch;
        before * rows + (batches * u64::from(self.context.settings.batch_size)).min(rows)
    }

    /// Trains from the current position to the end.
    fn run(&mut self, outputs: &mut Outputs<'_, '_>) -> Result<TrainingResult> {
        while !self.is_done() {
            self.train_epoch(outputs)?;
            self.end_epoch(outputs)?;
        }
        outputs.manager.finish();
        let is_last = self.context.until >= self.context.settings.epochs;
        let state = (!is_last).then(|| self.checkpoint(&[], 0.0)).transpose()?;
        let best = self.best.take();
        if let Some(best) = &best {
            no_grad(|| self.trained.copy_(&best.weights));
        }
        Ok(TrainingResult {
            epochs: self.position.epoch - 1,
            best,
            state,
        })
    }

    /// Whether all epochs are done, or the last `patience` epochs were no better.
    fn is_done(&self) -> bool {
        let done = self.position.epoch - 1;
        let patience = self.context.settings.patience;
        let has_no_progress = |best: &BestEpoch| patience > 0 && done - best.epoch >= patience;
        done >= self.context.until || self.best.as_ref().is_some_and(has_no_progress)
    }

    /// Trains the remaining batches of the epoch.
    fn train_epoch(&mut self, outputs: &mut Outputs<'_, '_>) -> Result<()> {
        let settings = self.context.settings;
        let epoch = self.position.epoch;
        let batches = self.batches_in_epoch(epoch);
        let first_step = u64::from(epoch - 1) * self.steps_per_epoch;
        let rest = &batches[(self.position.step - first_step) as usize..];
        let (first, rng, total) = (self.position.step, self.rng, self.total_steps());
        self.since = Instant::now();
        thread::scope(|scope| {
            let rng_of_step = move |number: usize| step_rng(rng, first + number as u64);
            let is_on_gpu = self.source.path == ComputePath::Gpu;
            let ready = is_on_gpu.then(|| prepare_ahead(scope, self.source, rest, rng_of_step));
            for rows in rest {
                let step = self.position.step;
                let rate = learning_rate(settings, step, total) * self.position.backoff;
                let prepared = match &ready {
                    None => self.source.prepare(rows, self.rng_of_step(step))?,
                    Some(ready) => ready.recv().expect("every batch or an error")?,
                };
                self.step(rows, prepared, rate)?;
                (outputs.on_batch)(rows.len() as u64, "");
                let log_every = u64::from(settings.log_every);
                if self.position.step.is_multiple_of(log_every) {
                    self.collect_pending(&batches)?;
                    let recent = std::mem::take(&mut self.position.recent);
                    let loss = recent.mean_loss();
                    (outputs.on_batch)(0, &format!("epoch {epoch}: loss {loss:.4}"));
                    outputs.record.line(&self.step_line(&recent))?;
                }
                self.save(&batches, outputs)?;
            }
            self.collect_pending(&batches)
        })
    }

    /// Adds the pending sums to those of the epoch and of the next line of the record. On a GPU this reads the sums,
    /// and returns an error for the first non-finite step, if there was one. `batches` are those of the epoch.
    pub(crate) fn collect_pending(&mut self, batches: &[Vec<usize>]) -> Result<()> {
        if self.pending_steps == 0 {
            return Ok(());
        }
        if let Some(sums) = &mut self.gpu_sums {
            let values = ClassifierError::catch("read the sums on the GPU", || Ok(sums.read()))?;
            self.pending.loss = values.loss;
            self.pending.correct = values.correct;
            self.position.last_norm = values.norm;
            if let Some(first_bad) = values.first_bad {
                let step = self.position.step - self.pending_steps + first_bad;
                let first_step = u64::from(self.position.epoch - 1) * self.steps_per_epoch;
                let rows = &batches[(step - first_step) as usize];
                return Err(self.non_finite(step, rows));
            }
        }
        self.pending.seconds = self.since.elapsed().as_secs_f64();
        self.since = Instant::now();
        self.pending_steps = 0;
        let pending = std::mem::take(&mut self.pending);
        self.position.whole.add(&pending);
        self.position.recent.add(&pending);
        Ok(())
    }

    /// Mean loss of the steps since the last call. The pending sums must be collected first.
    pub(crate) fn take_recent_loss(&mut self) -> f64 {
        std::mem::take(&mut self.position.recent).mean_loss()
    }

    /// Saves the state if a checkpoint is due or requested, and stops if the user wants it.
    fn save(&mut self, batches: &[Vec<usize>], outputs: &mut Outputs<'_, '_>) -> Result<()> {
        let step = self.position.step;
        let (stop, save) = ((self.context.stop)(), (self.context.save)());
        if !stop && !save && !outputs.manager.is_due(step) {
            return Ok(());
        }
        self.collect_pending(batches)?;
        let checkpoint = self.checkpoint(&outputs.record.text, self.seconds())?;
        if stop {
            outputs.manager.save_now(&checkpoint)?;
            let total = self.total_steps();
            return Err(TrainError::Stopped { step, total });
        }
        if save {
            outputs.manager.save_now(&checkpoint)?;
            (self.context.note)(&format!("saved after step {step}"));
        } else {
            outputs.manager.save(checkpoint);
        }
        self.since = Instant::now();
        Ok(())
    }

    /// Validates the epoch and starts the next one.
    fn end_epoch(&mut self, outputs: &mut Outputs<'_, '_>) -> Result<()> {
        let context = self.context;
        let stop = context.stop;
        let validation = context.task.validate(&self.replicas, &self.memory, stop);
        // Validation does not count for the training speed.
        self.since = Instant::now();
        if let Some(note) = self.memory.take_note() {
            (context.note)(&note);
        }
        match validation {
            // The last step is done and validation changes no state, so the state can be saved.
            Err(ClassifierError::Stopped) => return self.save(&[], outputs),
            Err(error) => return Err(error.into()),
            Ok(None) => {}
            Ok(Some(validation)) => self.take_validation(validation, outputs)?,
        }
        self.position.epoch += 1;
        self.position.whole = Sums::default();
        self.position.recent = Sums::default();
        self.save(&[], outputs)
    }

    /// Records the validation result of an epoch, and keeps its weights if it is the best so far.
    fn take_validation(&mut self, found: Validation, outputs: &mut Outputs<'_, '_>) -> Result<()> {
        let Position { epoch, step, .. } = self.position;
        let Validation { loss, accuracy, .. } = found;
        if !loss.is_finite() {
            let rows = "the validation split".to_owned();
            return Err(TrainError::NonFinite { epoch, step, rows });
        }
        let best = self.best.as_ref();
        let is_best = best.is_none_or(|best| loss < best.validation.loss);
        let whole = &self.position.whole;
        outputs.record.line(&RecordLine::Epoch {
            epoch,
            step,
            train_loss: whole.mean_loss(),
            train_accuracy: whole.accuracy(),
            validation_loss: loss,
            validation_accuracy: accuracy,
            learning_rate: self.position.last_rate,
            reviews_per_second: whole.rows as f64 / whole.seconds,
            seconds: self.seconds(),
            memory: resident_memory(),
            best: is_best,
        })?;
        let percent = 100.0 * accuracy;
        let message = format!("epoch {epoch}: validation loss {loss:.4}, accuracy {percent:.2}%");
        (outputs.on_batch)(0, &message);
        if is_best {
            self.best = Some(BestEpoch {
                epoch,
                validation: found,
                weights: no_grad(|| self.trained.copy()),
            });
        }
        Ok(())
    }

    fn step_line(&self, sums: &Sums) -> RecordLine {
        RecordLine::Step {
            epoch: self.position.epoch,
            step: self.position.step,
            loss: sums.mean_loss(),
            accuracy: sums.accuracy(),
            learning_rate: self.position.last_rate,
            gradient_norm: self.position.last_norm,
            reviews_per_second: sums.rows as f64 / sums.seconds,
            tokens_per_second: sums.tokens as f64 / sums.seconds,
            seconds: self.seconds(),
            memory: resident_memory(),
        }
    }
}

/// The random numbers of a step, from those of the training.
fn step_rng(training: CounterRng, step: u64) -> CounterRng {
    training.child(1).child(step)
}
