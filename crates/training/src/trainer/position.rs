//! The position of a training: all of its state except tensors.

use serde::{Deserialize, Serialize};

/// The layout of [`Position`] and of the tensors beside it; a checkpoint of another format is ignored.
const FORMAT: u32 = 3;

/// Sums over some steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Of the examples' losses, in nats.
    #[serde(with = "crate::bits")]
    pub(super) loss: f64,
    /// Examples predicted correctly.
    pub(super) correct: u64,
    /// Examples that the loss is a sum over: reviews, or masked tokens.
    pub(super) examples: u64,
    /// Reviews.
    pub(super) rows: u64,
    /// Tokens, padding not counted.
    pub(super) tokens: u64,
    /// Of training itself, validation not counted.
    #[serde(with = "crate::bits")]
    pub(super) seconds: f64,
}

/// The best epoch so far, without its weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    /// From 1.
    pub(super) epoch: u32,
    /// Mean loss on validation, in nats.
    #[serde(with = "crate::bits")]
    pub(super) loss: f64,
    /// Share of validation rows predicted correctly.
    #[serde(with = "crate::bits")]
    pub(super) accuracy: f64,
    /// Classes, which its logits are one for each row of.
    pub(super) classes: usize,
}

/// All of the state except tensors. What other parts of the trainer know meanwhile is filled in when the state
/// is saved: the best epoch, the optimizer's steps, the accumulation, the device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// [`FORMAT`] of the program that wrote it.
    pub(super) format: u32,
    /// Steps done.
    pub(super) step: u64,
    /// The epoch under way, from 1. Which of its batches are done follows from the step.
    pub(super) epoch: u32,
    /// Sums over the epoch so far.
    pub(super) whole: Sums,
    /// Sums since the last line of `metrics.jsonl`.
    pub(super) recent: Sums,
    /// The best epoch so far.
    pub(super) best: Option<Best>,
    /// Steps of the optimizer.
    pub(super) optimizer_steps: i32,
    /// Rate of the last step.
    #[serde(with = "crate::bits")]
    pub(super) last_rate: f64,
    /// Norm of the last step's gradient before clipping.
    #[serde(with = "crate::bits")]
    pub(super) last_norm: f64,
    /// Parts that a batch is computed in: more than the settings say where memory was short.
    pub(super) accumulation: u32,
    /// Factor of the learning rate: less than 1 after a non-finite loss.
    #[serde(with = "crate::bits")]
    pub(super) backoff: f64,
    /// Seconds of training in all runs before this one.
    #[serde(with = "crate::bits")]
    pub(super) seconds: f64,
    /// `cuda` or `cpu`.
    pub(super) device: String,
}

impl Sums {
    pub(super) fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        self.correct += other.correct;
        self.examples += other.examples;
        self.rows += other.rows;
        self.tokens += other.tokens;
        self.seconds += other.seconds;
    }

    /// Mean loss of an example, in nats.
    pub(super) fn mean_loss(&self) -> f64 {
        self.loss / self.examples as f64
    }

    /// Share of examples predicted correctly.
    pub(super) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.examples as f64
    }
}

impl Position {
    /// Before the first step.
    pub(super) fn start() -> Self {
        Self {
            format: FORMAT,
            epoch: 1,
            accumulation: 1,
            backoff: 1.0,
            ..Self::default()
        }
    }

    /// Whether a program of this version wrote it, in a training with so many steps an epoch.
    pub(super) fn is_valid_for(&self, steps_per_epoch: u64) -> bool {
        let Some(before) = u64::from(self.epoch).checked_sub(1) else {
            return false;
        };
        let begun = before.saturating_mul(steps_per_epoch);
        let ended = begun.saturating_add(steps_per_epoch);
        self.format == FORMAT && (begun..=ended).contains(&self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_lies_within_the_epoch_it_names() {
        let at = |epoch, step| Position {
            epoch,
            step,
            ..Position::start()
        };
        for (epoch, step, is) in [
            (1, 0, true),
            (1, 5, true),
            (1, 6, false),
            (2, 4, false),
            (2, 5, true),
            (2, 10, true),
            (0, 0, false),
            (u32::MAX, 3, false),
        ] {
            assert_eq!(
                at(epoch, step).is_valid_for(5),
                is,
                "epoch {epoch}, step {step}"
            );
        }
    }
}
