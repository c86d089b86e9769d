//! What the settings do: sweeps and learning-rate range tests.

use artifact::files::RangeTestStep;
use serde::{Deserialize, Serialize};

use super::{Epoch, bounds};

/// One model with several values of some settings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SweepData {
    /// Its name in the pipeline file.
    pub name: String,
    /// The settings swept over.
    pub over: Vec<String>,
    /// Validation reviews that the trials are judged by.
    pub rows: u64,
    /// The combinations, in the order of the pipeline file.
    pub points: Vec<SweepPoint>,
}

/// One combination of values, trained once or several times.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SweepPoint {
    /// The values, in the order of [`SweepData::over`].
    pub values: Vec<String>,
    /// The same as numbers, where they are that.
    pub numbers: Vec<Option<f64>>,
    /// One for each seed.
    pub trials: Vec<TrialData>,
}

/// One training of a sweep, judged on validation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrialData {
    /// Its variant.
    pub name: String,
    /// Mean loss of the epoch that was kept, in nats.
    pub loss: f64,
    /// Share judged right.
    pub accuracy: f64,
    /// One entry per epoch.
    pub epochs: Vec<Epoch>,
    /// Duration of training.
    pub seconds: f64,
    /// Epochs after which it was stopped, being among the worse ones; `None` where it went to its end.
    pub stopped_after: Option<u32>,
}

/// The loss of a model at rising learning rates (Smith 2017).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RangeTestData {
    /// Its name in the pipeline file.
    #[serde(skip_deserializing)]
    pub name: String,
    /// The rate at which the loss falls fastest, if it falls.
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

    /// The mean share judged right over seeds.
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
    /// Every training.
    pub(crate) fn trials(&self) -> impl Iterator<Item = &TrialData> {
        self.points.iter().flat_map(|point| &point.trials)
    }

    /// The combination with the lowest mean loss: what a winner is chosen by.
    pub fn best(&self) -> Option<&SweepPoint> {
        let points = self.points.iter();
        points.min_by(|one, two| one.loss().total_cmp(&two.loss()))
    }
}
