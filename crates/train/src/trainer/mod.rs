//! The trainer: one for every network.
//!
//! A step's random numbers follow from (seed, step), an epoch's order from (seed, epoch). So all
//! that a checkpoint needs is the tensors and the position.

mod gradient;
mod position;
mod range;
mod state;

use std::ops::ControlFlow;
use std::time::Instant;

use checkpoint::{Checkpoint, Keeper};
use classifier::{
    ClassifierError, Logits, Network, Pass, Replica, Stream, TokenRows, Weights, epoch_batches,
    logits_of,
};
use optimizer::AdamW;
use settings::{ModelSettings, TrainingSettings};
use stage::{save_requested, stop_requested};
use tch::{Device, Kind, Tensor, no_grad};

use crate::error::TrainError;
use crate::record::{Line, Record, resident_memory};
use position::{Best, Position, Sums};
use state::State;

pub(crate) use range::{SETTLED, Tried, rise};

/// What training needs to know beside the settings.
pub struct Setting<'a> {
    /// The network to train.
    pub network: &'a Network,
    /// How.
    pub model: &'a ModelSettings,
    /// The rows to learn from.
    pub train: &'a TokenRows,
    /// The rows to choose the epoch by.
    pub validation: &'a TokenRows,
    /// The id that fills short rows.
    pub pad_id: u32,
    /// Classes.
    pub classes: usize,
    /// Where.
    pub device: Device,
    /// On how many cores side by side.
    pub replicas: usize,
    /// Number format of the activations.
    pub kind: Kind,
    /// Whether a training that began on a GPU may go on without one.
    pub may_move: bool,
    /// Epochs after which it ends for now; the rate follows all of the model's epochs.
    pub until: u32,
}

/// The outcome of training: the best epoch's weights are in the buffer it was given.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Epochs done.
    pub epochs: u32,
    /// The epoch kept, from 1.
    pub best_epoch: u32,
    /// Its loss on the validation split.
    pub loss: f64,
    /// Its accuracy on the validation split.
    pub accuracy: f64,
    /// Its logits on the validation split.
    pub logits: Logits,
    /// What it goes on from, where it ended before all epochs: without the record, which the caller has,
    /// and without a time, so that equal trainings leave equal states.
    pub state: Option<Checkpoint>,
}

/// Told of every batch: rows done, and a word on how it goes.
pub type OnBatch<'a> = dyn Fn(u64, &str) + Sync + 'a;

/// What the rate is multiplied by after a loss that was no number.
const GENTLER: f64 = 0.5;

/// Trains until the epochs are done or the validation loss has not fallen for `patience` epochs,
/// and leaves the best epoch's weights in `weights`. Goes on from the newest checkpoint if there is
/// one, and else from the state that an earlier training of the same model has left with its record.
///
/// # Errors
/// See [`TrainError`].
pub fn train(
    setting: &Setting<'_>,
    weights: &mut Weights,
    record: &mut Record,
    keeper: &mut Keeper<'_>,
    before: Option<Checkpoint>,
    on_batch: &OnBatch<'_>,
) -> Result<Trained, TrainError> {
    let beginning = no_grad(|| weights.flat.copy());
    let mut trainer = Trainer::new(setting, weights);
    let steps_per_epoch = trainer.steps_per_epoch;
    let handed_on = |before| State::handed_on(before, steps_per_epoch);
    let before = match before {
        Some(before) => Some(handed_on(before).ok_or(TrainError::StrangeState)?),
        None => None,
    };
    let kept = |checkpoint| State::of(checkpoint, steps_per_epoch);
    let latest = keeper.latest(kept);
    if let Some(state) = latest.as_ref().or(before.as_ref()) {
        trainer.restore(state, weights, record)?;
        keeper.note(&format!("goes on after step {}", trainer.position.step));
        on_batch(trainer.rows_done(), "");
    }
    let mut outcome = trainer.run(weights, record, keeper, on_batch);
    if let Err(error @ TrainError::NotANumber { .. }) = &outcome
        && trainer.position.rate_share > GENTLER
    {
        keeper.note(&format!(
            "{error}: back to the last good state, at half the rate"
        ));
        match keeper.latest(kept).or(before) {
            Some(state) => trainer.restore(&state, weights, record)?,
            None => {
                weights.flat = beginning;
                trainer = Trainer::new(setting, weights);
                record.restart(&[])?;
            }
        }
        trainer.position.rate_share = GENTLER;
        record.line(&Line::Gentler {
            step: trainer.position.step,
            rate_share: GENTLER,
        })?;
        outcome = trainer.run(weights, record, keeper, on_batch);
    }
    outcome
}

struct Trainer<'a> {
    setting: &'a Setting<'a>,
    settings: &'a TrainingSettings,
    replicas: Vec<Replica>,
    gradient: Tensor,
    adam: AdamW,
    stream: Stream,
    steps_per_epoch: u64,
    position: Position,
    /// Weights and validation logits of the best epoch.
    best: Option<(Tensor, Logits)>,
    clock: Instant,
}

impl<'a> Trainer<'a> {
    fn new(setting: &'a Setting<'a>, weights: &Weights) -> Self {
        let settings = &setting.model.training;
        let layout = setting.network.layout();
        Self {
            setting,
            settings,
            replicas: (0..setting.replicas)
                .map(|_| Replica::new(setting.network, weights, true, setting.kind))
                .collect(),
            gradient: layout.zeros(setting.device),
            adam: AdamW::new(layout, settings, setting.model.layer_decay, setting.device),
            stream: Stream::new(setting.model.seed).child(1),
            steps_per_epoch: setting.train.len().div_ceil(settings.batch_size as usize) as u64,
            position: Position::start(settings.accumulation, device_name(setting.device)),
            best: None,
            clock: Instant::now(),
        }
    }

    /// Seconds of training, those of earlier runs included.
    fn seconds(&self) -> f64 {
        self.position.seconds + self.clock.elapsed().as_secs_f64()
    }

    fn total_steps(&self) -> u64 {
        self.steps_per_epoch * u64::from(self.settings.epochs)
    }

    /// Training rows seen, as often as they were.
    fn rows_done(&self) -> u64 {
        let Position { step, epoch, .. } = self.position;
        let before = u64::from(epoch - 1);
        let rows = self.setting.train.len() as u64;
        let batches = step - before * self.steps_per_epoch;
        before * rows + (batches * u64::from(self.settings.batch_size)).min(rows)
    }

    /// Trains from where it stands to the end.
    fn run(
        &mut self,
        weights: &mut Weights,
        record: &mut Record,
        keeper: &mut Keeper<'_>,
        on_batch: &OnBatch<'_>,
    ) -> Result<Trained, TrainError> {
        while !self.is_done() {
            self.batches(weights, record, keeper, on_batch)?;
            self.end_epoch(weights, record, keeper, on_batch)?;
        }
        keeper.finish();
        let is_over = self.setting.until >= self.settings.epochs;
        let state = (!is_over).then(|| self.checkpoint(weights, &[], 0.0));
        let best = self
            .position
            .best
            .expect("an epoch was done, and its loss is a number");
        let (flat, logits) = self.best.take().expect("the best epoch has weights");
        weights.flat = flat;
        Ok(Trained {
            epochs: self.position.epoch - 1,
            best_epoch: best.epoch,
            loss: best.loss,
            accuracy: best.accuracy,
            logits,
            state,
        })
    }

    /// Whether all epochs are done, or the last ones were no better.
    fn is_done(&self) -> bool {
        let done = self.position.epoch - 1;
        let patience = self.settings.patience;
        let is_late = |best: Best| patience > 0 && done - best.epoch >= patience;
        done >= self.setting.until || self.position.best.is_some_and(is_late)
    }

    /// The rest of the epoch's batches.
    fn batches(
        &mut self,
        weights: &mut Weights,
        record: &mut Record,
        keeper: &mut Keeper<'_>,
        on_batch: &OnBatch<'_>,
    ) -> Result<(), TrainError> {
        let epoch = self.position.epoch;
        let order = self.stream.child(0).child(u64::from(epoch));
        let batches = epoch_batches(self.setting.train, self.settings.batch_size as usize, order);
        let done = self.position.step - u64::from(epoch - 1) * self.steps_per_epoch;
        for rows in batches.iter().skip(done as usize) {
            let clock = Instant::now();
            let rate = optimizer::rate(self.settings, self.position.step, self.total_steps());
            let rate = rate * self.position.rate_share;
            let passes = self.update(rows, weights, rate, keeper)?;
            let seconds = clock.elapsed().as_secs_f64();
            self.position.whole.add(&passes, seconds);
            self.position.recent.add(&passes, seconds);
            on_batch(rows.len() as u64, "");
            if self
                .position
                .step
                .is_multiple_of(u64::from(self.settings.log_every))
            {
                let recent = std::mem::take(&mut self.position.recent);
                let loss = recent.loss / recent.rows as f64;
                on_batch(0, &format!("epoch {epoch}: loss {loss:.4}"));
                record.line(&self.step_line(epoch, &recent))?;
            }
            self.keep(weights, record, keeper)?;
        }
        Ok(())
    }

    /// Saves the state where it is time to, and leaves where the user wishes.
    fn keep(
        &self,
        weights: &Weights,
        record: &Record,
        keeper: &mut Keeper<'_>,
    ) -> Result<(), TrainError> {
        let step = self.position.step;
        let state = || self.checkpoint(weights, record.text(), self.seconds());
        if stop_requested() {
            keeper.save_now(&state())?;
            let total = self.total_steps();
            return Err(TrainError::Stopped { step, total });
        }
        if save_requested() {
            keeper.save_now(&state())?;
            keeper.note(&format!("saved after step {step}"));
        } else if keeper.is_due(step) {
            keeper.save(state());
        }
        Ok(())
    }

    /// Judges the epoch on the validation split and begins the next one.
    fn end_epoch(
        &mut self,
        weights: &Weights,
        record: &mut Record,
        keeper: &mut Keeper<'_>,
        on_batch: &OnBatch<'_>,
    ) -> Result<(), TrainError> {
        let logits = match self.validate() {
            // The step before it is done, and validating learns nothing.
            Err(ClassifierError::Stopped) => return self.keep(weights, record, keeper),
            other => other?,
        };
        let (loss, accuracy) = logits.loss_and_accuracy(self.setting.validation);
        let Position {
            epoch,
            step,
            whole,
            last_rate,
            ..
        } = self.position;
        if !loss.is_finite() {
            let rows = "of the validation split".to_owned();
            return Err(TrainError::NotANumber { epoch, step, rows });
        }
        let is_best = self.position.best.is_none_or(|best| loss < best.loss);
        record.line(&Line::Epoch {
            epoch,
            step,
            train_loss: whole.loss / whole.rows as f64,
            train_accuracy: whole.correct as f64 / whole.rows as f64,
            validation_loss: loss,
            validation_accuracy: accuracy,
            learning_rate: last_rate,
            reviews_per_second: whole.rows as f64 / whole.seconds,
            seconds: self.seconds(),
            memory: resident_memory(),
            best: is_best,
        })?;
        let percent = 100.0 * accuracy;
        on_batch(
            0,
            &format!("epoch {epoch}: validation loss {loss:.4}, accuracy {percent:.2} %"),
        );
        if is_best {
            self.position.best = Some(Best {
                epoch,
                loss,
                accuracy,
            });
            self.best = Some((no_grad(|| weights.flat.copy()), logits));
        }
        self.position.epoch += 1;
        self.position.whole = Sums::default();
        self.position.recent = Sums::default();
        self.keep(weights, record, keeper)
    }

    fn step_line(&self, epoch: u32, sums: &Sums) -> Line {
        Line::Step {
            epoch,
            step: self.position.step,
            loss: sums.loss / sums.rows as f64,
            accuracy: sums.correct as f64 / sums.rows as f64,
            learning_rate: self.position.last_rate,
            gradient_norm: self.position.last_norm,
            reviews_per_second: sums.rows as f64 / sums.seconds,
            tokens_per_second: sums.tokens as f64 / sums.seconds,
            seconds: self.seconds(),
            memory: resident_memory(),
        }
    }

    fn validate(&mut self) -> Result<Logits, ClassifierError> {
        let Setting {
            network,
            validation,
            pad_id,
            classes,
            device,
            ..
        } = *self.setting;
        let shape = (2 * self.settings.batch_size as usize, pad_id, classes);
        logits_of(
            network,
            &mut self.replicas,
            validation,
            shape,
            device,
            &|_| {
                if stop_requested() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        )
    }
}

impl Sums {
    fn add(&mut self, passes: &[Pass], seconds: f64) {
        for pass in passes {
            self.loss += pass.loss;
            self.correct += pass.correct;
            self.rows += pass.rows;
            self.tokens += pass.tokens;
        }
        self.seconds += seconds;
    }
}

fn device_name(device: Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { "cpu" }
}
