//! The position of a training: its whole state except tensors.

use serde::{Deserialize, Serialize};

/// The format of [`Position`] and of the tensors beside it. Checkpoints of other formats are ignored.
const FORMAT: u32 = 3;

/// Sums over some steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Sum of the losses of the examples, in nats.
    #[serde(with = "crate::bits")]
    pub(super) loss: f64,
    /// Number of examples predicted correctly.
    pub(super) correct: u64,
    /// Number of examples: reviews, or masked tokens.
    pub(super) examples: u64,
    /// Number of reviews.
    pub(super) rows: u64,
    /// Number of tokens, without padding.
    pub(super) tokens: u64,
    /// Seconds of training, without validation.
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
    /// Number of classes, which is the number of logits of each row.
    pub(super) classes: usize,
}

/// The whole state except tensors. The best epoch, the optimizer steps, the accumulation and the device are set only
/// when the state is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The [`FORMAT`] of the program that wrote it.
    pub(super) format: u32,
    /// Optimizer steps done since the start of the model.
    pub(super) step: u64,
    /// The current epoch, from 1. `step` determines which of its batches are done.
    pub(super) epoch: u32,
    /// Sums over the whole current epoch so far.
    pub(super) whole: Sums,
    /// Sums since the last line of `metrics.jsonl`; in a range test, since the last reported loss.
    pub(super) recent: Sums,
    /// The best epoch so far.
    pub(super) best: Option<Best>,
    /// The step count of AdamW, for its bias correction.
    pub(super) optimizer_steps: i32,
    /// Learning rate of the last step.
    #[serde(with = "crate::bits")]
    pub(super) last_rate: f64,
    /// Norm of the last step's gradient before clipping.
    #[serde(with = "crate::bits")]
    pub(super) last_norm: f64,
    /// Minimum number of parts of a batch: the setting, or more after memory was full.
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
    /// The position before the first step.
    pub(super) fn start() -> Self {
        Self {
            format: FORMAT,
            epoch: 1,
            accumulation: 1,
            backoff: 1.0,
            ..Self::default()
        }
    }

    /// Whether this version of the program wrote it, in a training with this many steps per epoch.
    pub(super) fn fits(&self, steps_per_epoch: u64) -> bool {
        let Some(before) = u64::from(self.epoch).checked_sub(1) else {
            return false;
        };
        let first = before.saturating_mul(steps_per_epoch);
        let end = first.saturating_add(steps_per_epoch);
        self.format == FORMAT && (first..=end).contains(&self.step)
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
        for (epoch, step, expected) in [
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
                at(epoch, step).fits(5),
                expected,
                "epoch {epoch}, step {step}"
            );
        }
    }
}
