//! Where adaptation stands, as a checkpoint has it: to go on from one is to have never stopped.

use std::collections::BTreeMap;

use checkpoint::{Checkpoint, Keeper};
use classifier::as_slice;
use optimizer::AdamW;
use serde::{Deserialize, Serialize};
use stage::{Failure, FailureKind, save_requested, stop_requested};
use tch::{Device, Tensor, no_grad};

use super::Score;

/// The layout of [`Position`] and of the tensors beside it; a checkpoint of another one is left alone.
const FORMAT: u32 = 1;

const WEIGHTS: &str = "weights";
const MOMENTS: [&str; 2] = ["optimizer.first_moment", "optimizer.second_moment"];

#[derive(Serialize, Deserialize)]
struct Position {
    format: u32,
    step: u64,
    optimizer_steps: i32,
    before: Score,
}

/// Weights, optimizer, and steps done.
pub(super) struct Standing {
    pub(super) weights: Tensor,
    pub(super) adam: AdamW,
    pub(super) step: u64,
    /// How well it guessed before the first step, if that is known.
    pub(super) before: Option<Score>,
}

impl Standing {
    /// Takes over the newest checkpoint, if there is one.
    pub(super) fn restore(&mut self, keeper: &mut Keeper<'_>) {
        let found = keeper.latest(|mut checkpoint| {
            let position: Position = serde_json::from_str(&checkpoint.position).ok()?;
            let mut take = |name| checkpoint.take(name);
            let tensors = [take(WEIGHTS)?, take(MOMENTS[0])?, take(MOMENTS[1])?];
            (position.format == FORMAT).then_some((position, tensors))
        });
        if let Some((position, [weights, first, second])) = found {
            no_grad(|| self.weights.copy_(&Tensor::from_slice(&weights)));
            self.adam
                .restore([&first, &second], position.optimizer_steps);
            self.step = position.step;
            self.before = Some(position.before);
            keeper.note(&format!("goes on after step {}", self.step));
        }
    }

    /// Saves the state where it is time to, and leaves where the user wishes.
    ///
    /// # Errors
    /// The user wishes so, or the state that they wish saved cannot be.
    pub(super) fn keep(&self, keeper: &mut Keeper<'_>, total: u64) -> Result<(), Failure> {
        let step = self.step;
        if stop_requested() {
            keeper.save_now(&self.checkpoint())?;
            return Err(Failure::new(format!(
                "Saved after step {step} of {total}; the same command goes on from there"
            ))
            .with_kind(FailureKind::Interrupted));
        }
        if save_requested() {
            keeper.save_now(&self.checkpoint())?;
            keeper.note(&format!("saved after step {step}"));
        } else if keeper.is_due(step) {
            keeper.save(self.checkpoint());
        }
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        let values = |tensor: &Tensor| as_slice(&tensor.to_device(Device::Cpu)).to_vec();
        let ([first, second], optimizer_steps) = self.adam.state();
        let position = Position {
            format: FORMAT,
            step: self.step,
            optimizer_steps,
            before: self.before.unwrap_or_default(),
        };
        let names = [WEIGHTS, MOMENTS[0], MOMENTS[1]].map(str::to_owned);
        let tensors = [values(&self.weights), values(first), values(second)];
        Checkpoint {
            step: self.step,
            position: serde_json::to_string(&position).expect("numbers are plain data"),
            tensors: names.into_iter().zip(tensors).collect::<BTreeMap<_, _>>(),
            record: Vec::new(),
        }
    }
}
