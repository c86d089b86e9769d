//! Where a training stands, but for the tensors.

use serde::{Deserialize, Serialize};

/// The layout of [`Position`] and of the tensors beside it; a checkpoint of another one is left alone.
const FORMAT: u32 = 2;

/// Sums over some steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Of the rows' losses, in nats.
    #[serde(with = "checkpoint::bits")]
    pub(super) loss: f64,
    /// Rows classified rightly.
    pub(super) correct: u64,
    /// Rows.
    pub(super) rows: u64,
    /// Tokens, padding not counted.
    pub(super) tokens: u64,
    /// Of training itself, validation not counted.
    #[serde(with = "checkpoint::bits")]
    pub(super) seconds: f64,
}

/// The best epoch so far, without its weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    /// From 1.
    pub(super) epoch: u32,
    /// Mean loss on validation, in nats.
    #[serde(with = "checkpoint::bits")]
    pub(super) loss: f64,
    /// Share of validation rows classified rightly.
    #[serde(with = "checkpoint::bits")]
    pub(super) accuracy: f64,
}

/// Where training stands, but for the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[serde(with = "checkpoint::bits")]
    pub(super) last_rate: f64,
    /// Norm of the last step's gradient before clipping.
    #[serde(with = "checkpoint::bits")]
    pub(super) last_norm: f64,
    /// Micro-batches a batch is split into: more than the settings say where memory was short.
    pub(super) accumulation: u32,
    /// What the learning rate is multiplied by: less than 1 after a loss that was no number.
    #[serde(with = "checkpoint::bits")]
    pub(super) rate_share: f64,
    /// Seconds of training in all runs before this one.
    #[serde(with = "checkpoint::bits")]
    pub(super) seconds: f64,
    /// `cuda` or `cpu`.
    pub(super) device: String,
}

impl Position {
    /// Before the first step.
    pub(super) fn start(accumulation: u32, device: &str) -> Self {
        Self {
            format: FORMAT,
            step: 0,
            epoch: 1,
            whole: Sums::default(),
            recent: Sums::default(),
            best: None,
            optimizer_steps: 0,
            last_rate: 0.0,
            last_norm: 0.0,
            accumulation,
            rate_share: 1.0,
            seconds: 0.0,
            device: device.to_owned(),
        }
    }

    /// Whether a program of this version wrote it, in a training with so many steps an epoch.
    pub(super) fn is_of(&self, steps_per_epoch: u64) -> bool {
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
            ..Position::start(1, "cpu")
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
            assert_eq!(at(epoch, step).is_of(5), is, "epoch {epoch}, step {step}");
        }
    }
}
