//! `[range_test.NAME]`: at which learning rates a model learns (Smith 2017).

use artifact::Failure;
use serde::{Deserialize, Serialize};

use crate::ModelSettings;
use crate::defaults::{number, percent};
use crate::key::Key;

/// Steps at least: fewer make no curve.
const FEWEST: u32 = 40;

/// Steps at most; more are a slip of the pen.
const MOST: u32 = 1_000_000;

/// `[range_test.NAME]` as written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeTestTable {
    /// The model whose rate is looked for.
    pub(crate) model: String,
    #[serde(default = "lowest")]
    from: f64,
    #[serde(default = "percent::<100>")]
    to: f64,
    #[serde(default = "number::<200>")]
    steps: u32,
}

fn lowest() -> f64 {
    1e-6
}

/// How the rate rises from step to step: each is the same multiple of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeTestSettings {
    /// Rate of the first step.
    pub from: f64,
    /// Rate of the last step, which it comes to where the loss does not diverge before.
    pub to: f64,
    /// Steps at most.
    pub steps: u32,
}

impl RangeTestSettings {
    /// The rate of a step, from 0.
    pub fn rate(self, step: u32) -> f64 {
        let share = f64::from(step) / f64::from(self.steps.max(2) - 1);
        self.from * (self.to / self.from).powf(share)
    }
}

impl RangeTestTable {
    /// How the rate of a model rises.
    pub(crate) fn resolve(
        &self,
        key: &Key,
        model: &ModelSettings,
    ) -> Result<RangeTestSettings, Failure> {
        key.at("model").require(
            model.kind.trains_in_epochs(),
            format!("names `{}`, which has no learning rate", self.model),
        )?;
        key.require(
            self.from > 0.0 && self.from < self.to && self.to.is_finite(),
            "must rise from a rate above 0 to a higher one",
        )?;
        key.at("steps").require(
            (FEWEST..=MOST).contains(&self.steps),
            format!("must be {FEWEST} to {MOST}"),
        )?;
        Ok(RangeTestSettings {
            from: self.from,
            to: self.to,
            steps: self.steps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rate_is_the_same_multiple_of_the_one_before() {
        let test = RangeTestSettings {
            from: 1e-4,
            to: 1.0,
            steps: 5,
        };
        let rates: Vec<f64> = (0..5).map(|step| test.rate(step)).collect();
        for (rate, expected) in rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]) {
            assert!((rate / expected - 1.0).abs() < 1e-12, "{rates:?}");
        }
    }
}
