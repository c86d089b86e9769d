//! Successive halving of a sweep (Jamieson and Talwalkar 2016; Li et al. 2018): all trials are trained for a
//! few epochs, the best of them for more, and so on. Only few trials are trained to the end.

use artifact::Failure;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::defaults::number;
use crate::setting_path::SettingPath;
use crate::{ModelSettings, Trial};

/// Successive halving: only the best trials of each rung are trained further. For models trained in epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HalvingSettings {
    /// At each rung, one of `factor` trials continues, and the epochs are multiplied by `factor`. At least 2.
    #[serde(default = "number::<3>")]
    pub factor: u32,
    /// Epochs of the first rung, at least 1.
    #[serde(default = "number::<1>")]
    pub min_epochs: u32,
}

/// One rung of one trial. Every rung is a separate step, so that an interrupted sweep loses little work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungSettings {
    /// Epochs trained at the end of the rung, including those of earlier rungs.
    pub epochs: u32,
    /// Number of trials trained in the rung: the best of the previous rung.
    pub trials: u32,
    /// Step of the same trial in the previous rung. `None` in the first rung.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Steps of all trials in the previous rung. They are inputs of this step.
    #[serde(skip)]
    pub previous_rung: Vec<String>,
}

impl HalvingSettings {
    /// For each rung: epochs at its end, and number of trials trained in it. The last rung has all epochs.
    pub(crate) fn rungs(self, trials: usize, epochs: u32) -> Vec<(u32, u32)> {
        let mut rungs = Vec::new();
        let (mut done, mut left) = (u64::from(self.min_epochs), trials as u64);
        loop {
            let next = done * u64::from(self.factor);
            if next > u64::from(epochs) {
                rungs.push((epochs, left as u32));
                return rungs;
            }
            rungs.push((done as u32, left as u32));
            (done, left) = (next, (left / u64::from(self.factor)).max(1));
        }
    }

    /// The training steps of a sweep, rung after rung. Steps of the last rung have the names of the trials.
    pub(crate) fn steps(
        self,
        sweep: &str,
        trials: &[(Trial, ModelSettings)],
    ) -> Result<IndexMap<String, ModelSettings>, Failure> {
        let key = SettingPath::new("sweep").join(sweep).join("halving");
        let is_valid = self.factor >= 2 && self.min_epochs > 0;
        let problem = "must have a `factor` of at least 2 and a `min_epochs` of at least 1";
        key.require(is_valid, problem)?;
        let epochs = trials.first().map_or(0, |(_, it)| it.training.epochs);
        let mut models = trials.iter().map(|(_, settings)| settings);
        let is_valid = models.clone().all(|it| it.training.epochs == epochs);
        let problem = "compares trials after the same number of epochs, but the trials differ in `training.epochs`";
        key.require(is_valid, problem)?;
        let is_valid = models.all(|it| it.kind.trains_in_epochs());
        let problem = "is for models trained in epochs, but this model has none: it is fitted until its loss is minimal";
        key.require(is_valid, problem)?;
        let rungs = self.rungs(trials.len(), epochs);
        if rungs.len() < 2 {
            let second = u64::from(self.min_epochs) * u64::from(self.factor);
            let problem = format!(
                "leaves nothing to stop: the second rung would have `min_epochs` times `factor` = {second} epochs, but trials have only {epochs}"
            );
            let hint = "Raise `training.epochs`, or lower `min_epochs` or `factor`".to_owned();
            return Err(key.error(problem).with_hint(hint));
        }
        let mut steps = IndexMap::new();
        let mut previous: Vec<String> = Vec::new();
        for (number, (epochs, count)) in rungs.iter().enumerate() {
            let mut names = Vec::new();
            for (index, (trial, settings)) in trials.iter().enumerate() {
                let name = match number + 1 == rungs.len() {
                    true => trial.name.clone(),
                    false => format!("{}-e{epochs}", trial.name),
                };
                let mut settings = settings.clone();
                settings.rung = Some(RungSettings {
                    epochs: *epochs,
                    trials: *count,
                    from: previous.get(index).cloned(),
                    previous_rung: previous.clone(),
                });
                steps.insert(name.clone(), settings);
                names.push(name);
            }
            previous = names;
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rungs(factor: u32, first: u32, trials: usize, epochs: u32) -> Vec<(u32, u32)> {
        HalvingSettings {
            factor,
            min_epochs: first,
        }
        .rungs(trials, epochs)
    }

    #[test]
    fn rungs_have_fewer_trials_and_more_epochs() {
        assert_eq!(rungs(3, 1, 27, 9), [(1, 27), (3, 9), (9, 3)]);
        assert_eq!(rungs(3, 1, 9, 10), [(1, 9), (3, 3), (10, 1)]);
        assert_eq!(rungs(2, 1, 3, 8), [(1, 3), (2, 1), (4, 1), (8, 1)]);
        assert_eq!(rungs(2, 2, 8, 5), [(2, 8), (5, 4)]);
        assert_eq!(rungs(3, 1, 9, 2), [(2, 9)]);
        // Large values do not overflow.
        assert_eq!(rungs(u32::MAX, u32::MAX, 9, 2), [(2, 9)]);
    }
}
