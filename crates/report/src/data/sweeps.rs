//! Hyperparameter sweeps and learning-rate range tests.

use artifact::files::RangeTestStep;
use serde::{Deserialize, Serialize};

use super::{Epoch, bounds};

/// One model trained with several values of some settings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SweepData {
    /// Its name in the pipeline file.
    pub name: String,
    /// The settings that vary.
    pub over: Vec<String>,
    /// Validation reviews behind the figures.
    pub rows: u64,
    /// The combinations, in the order of the pipeline file.
    pub points: Vec<SweepPoint>,
}

/// One combination of values with one or more trials.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SweepPoint {
    /// The values, in the order of [`SweepData::over`].
    pub values: Vec<String>,
    /// The values as numbers; `None` for a value that is not a number.
    pub numbers: Vec<Option<f64>>,
    /// One trial per seed.
    pub trials: Vec<TrialData>,
}

/// One training of a sweep with its validation figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrialData {
    /// Its variant.
    pub name: String,
    /// Mean loss of the best epoch, in nats.
    pub loss: f64,
    /// Accuracy.
    pub accuracy: f64,
    /// One entry per epoch.
    pub epochs: Vec<Epoch>,
    /// Duration of training.
    pub seconds: f64,
    /// Epochs after which successive halving stopped it; `None` for a complete trial.
    pub stopped_after: Option<u32>,
}

/// The loss of a model at rising learning rates (Smith 2017).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RangeTestData {
    /// Its name in the pipeline file.
    #[serde(skip_deserializing)]
    pub name: String,
    /// The rate with the fastest decrease of the loss, if it decreases.
    pub suggested: Option<f64>,
    /// The rate at which it diverged, if it did.
    pub diverged: Option<f64>,
    /// Every step, in order.
    pub points: Vec<RangeTestStep>,
}

impl SweepPoint {
    /// The mean loss over seeds.
    pub(crate) fn loss(&self) -> f64 {
        self.mean(|trial| trial.loss)
    }

    /// The mean accuracy over seeds.
    pub(crate) fn accuracy(&self) -> f64 {
        self.mean(|trial| trial.accuracy)
    }

    /// The mean of a figure over seeds.
    pub fn mean(&self, figure: impl Fn(&TrialData) -> f64) -> f64 {
        self.trials.iter().map(figure).sum::<f64>() / self.trials.len().max(1) as f64
    }

    /// The lowest and the highest of a figure over seeds.
    pub fn range(&self, figure: impl Fn(&TrialData) -> f64) -> (f64, f64) {
        bounds(self.trials.iter().map(figure))
    }
}

impl SweepData {
    /// Every trial.
    pub(crate) fn trials(&self) -> impl Iterator<Item = &TrialData> {
        self.points.iter().flat_map(|point| &point.trials)
    }

    /// The combination with the lowest mean loss.
    pub fn best(&self) -> Option<&SweepPoint> {
        let points = self.points.iter();
        points.min_by(|one, two| one.loss().total_cmp(&two.loss()))
    }
}
