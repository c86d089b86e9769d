//! Successive halving (Jamieson and Talwalkar 2016; Li et al. 2018): all trials of a sweep are trained
//! a little, the best of them some more, and so on, so that few are trained to the end.

use artifact::Failure;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::defaults::number;
use crate::key::Key;
use crate::{ModelSettings, Trial};

/// `[sweep.NAME] halving`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HalvingSettings {
    /// Of so many trials one goes on, and is trained so many times as long.
    #[serde(default = "number::<3>")]
    pub factor: u32,
    /// Epochs after which trials are compared for the first time.
    #[serde(default = "number::<1>")]
    pub min_epochs: u32,
}

/// One rung of one trial: a step of its own, so that what was trained is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungSettings {
    /// Epochs trained by its end, those of the rungs before included.
    pub epochs: u32,
    /// Trials trained in it: the best of the rung before.
    pub trials: u32,
    /// The same trial's step of the rung before; none in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The steps of all trials of the rung before, which are the step's inputs.
    #[serde(skip)]
    pub previous_rung: Vec<String>,
}

impl HalvingSettings {
    /// Epochs by the end of each rung and the trials trained in it. The last rung has all epochs.
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

    /// The steps of a sweep, rung after rung. Those of the last rung have the trials' own names.
    pub(crate) fn steps(
        self,
        sweep: &str,
        trials: &[(Trial, ModelSettings)],
    ) -> Result<IndexMap<String, ModelSettings>, Failure> {
        let key = Key::of("sweep").at(sweep).at("halving");
        key.require(
            self.factor >= 2 && self.min_epochs > 0,
            "must have a `factor` of at least 2 and a `min_epochs` of at least 1",
        )?;
        let epochs = trials.first().map_or(0, |(_, it)| it.training.epochs);
        let mut models = trials.iter().map(|(_, settings)| settings);
        key.require(
            models.clone().all(|it| it.training.epochs == epochs),
            "compares trials after equal numbers of epochs, and `training.epochs` differs among them",
        )?;
        key.require(
            models.all(|it| it.kind.trains_in_epochs()),
            "is for models that are trained epoch by epoch, and this one is fitted to its minimum",
        )?;
        let rungs = self.rungs(trials.len(), epochs);
        if rungs.len() < 2 {
            let second = u64::from(self.min_epochs) * u64::from(self.factor);
            let problem = format!(
                "leaves nothing to stop: `min_epochs` times `factor` is {second}, and trials are trained for {epochs} epochs"
            );
            let hint = "Raise `training.epochs`, or lower `min_epochs` or `factor`".to_owned();
            return Err(key.error(problem).with_hint(hint));
        }
        let mut steps = IndexMap::new();
        let mut before: Vec<String> = Vec::new();
        for (number, (done, kept)) in rungs.iter().enumerate() {
            let mut names = Vec::new();
            for (place, (trial, settings)) in trials.iter().enumerate() {
                let name = match number + 1 == rungs.len() {
                    true => trial.name.clone(),
                    false => format!("{}-e{done}", trial.name),
                };
                let mut settings = settings.clone();
                settings.rung = Some(RungSettings {
                    epochs: *done,
                    trials: *kept,
                    from: before.get(place).cloned(),
                    previous_rung: before.clone(),
                });
                steps.insert(name.clone(), settings);
                names.push(name);
            }
            before = names;
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
    fn fewer_and_fewer_are_trained_longer_and_longer() {
        assert_eq!(rungs(3, 1, 27, 9), [(1, 27), (3, 9), (9, 3)]);
        assert_eq!(rungs(3, 1, 9, 10), [(1, 9), (3, 3), (10, 1)]);
        assert_eq!(rungs(2, 1, 3, 8), [(1, 3), (2, 1), (4, 1), (8, 1)]);
        assert_eq!(rungs(2, 2, 8, 5), [(2, 8), (5, 4)]);
        assert_eq!(rungs(3, 1, 9, 2), [(2, 9)]);
        // Nothing overflows, and the first rung has at most all epochs.
        assert_eq!(rungs(u32::MAX, u32::MAX, 9, 2), [(2, 9)]);
    }
}
