//! `[range_test.NAME]`: a learning-rate range test (Smith 2017).

use artifact::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ModelSettings;
use crate::defaults::{number, percent};
use crate::setting_path::SettingPath;

/// Minimum number of steps. With fewer, the curve of the loss cannot be read.
const MIN_STEPS: f64 = 40.0;

/// Maximum number of steps.
const MAX_STEPS: f64 = 1e6;

/// A learning-rate range test (Smith 2017): trains a model while the learning rate rises, and shows at which
/// rates the loss falls.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeTestTable {
    /// Name of the model.
    pub(crate) model: String,
    /// Learning rate of the first step.
    #[serde(default = "default_from")]
    from: f64,
    /// Learning rate of the last step.
    #[serde(default = "percent::<100>")]
    to: f64,
    /// Number of optimizer steps, 40 to 1,000,000. The test ends earlier if the loss diverges.
    #[serde(default = "number::<200>")]
    steps: u32,
}

fn default_from() -> f64 {
    1e-6
}

/// The learning rates of a range test. They rise from step to step by the same factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeTestSettings {
    /// Learning rate of the first step.
    pub from: f64,
    /// Learning rate of the last step, which is reached unless the loss diverges.
    pub to: f64,
    /// Maximum number of steps.
    pub steps: u32,
}

impl RangeTestSettings {
    /// The learning rate of a step. The first step is 0.
    pub fn rate(self, step: u32) -> f64 {
        let fraction = f64::from(step) / f64::from(self.steps.max(2) - 1);
        self.from * (self.to / self.from).powf(fraction)
    }
}

impl RangeTestTable {
    /// Checks the range test for a model.
    pub(crate) fn resolve(
        &self,
        key: &SettingPath,
        model: &ModelSettings,
    ) -> Result<RangeTestSettings, Failure> {
        let (from, to, steps) = (self.from, self.to, self.steps);
        let has_rate = model.kind.trains_in_epochs();
        let problem = format!("names `{}`, which has no learning rate", self.model);
        key.join("model").require(has_rate, problem)?;
        let is_valid = from > 0.0 && from < to && to.is_finite();
        let problem = "must have a `from` above 0 and a `to` that is larger than `from`";
        key.require(is_valid, problem)?;
        key.require_in_range(&[("steps", steps.into(), MIN_STEPS, MAX_STEPS)])?;
        Ok(RangeTestSettings { from, to, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_by_the_same_factor() {
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
