//! `range.json`: the loss of a model at rising learning rates (Smith 2017).

use serde::{Deserialize, Serialize};

/// What a range test found.
#[derive(Debug, Serialize, Deserialize)]
pub struct RangeTest {
    /// Rate of the first step.
    pub from: f64,
    /// Rate of the last step, had it come to it.
    pub to: f64,
    /// The rate at which the smoothed loss falls most steeply per power of ten; none where it does not
    /// fall.
    pub suggested: Option<f64>,
    /// The rate at which the loss diverged; none where it did not.
    pub diverged: Option<f64>,
    /// A tenth of that.
    pub tenth_of_diverged: Option<f64>,
    /// Every step, in order.
    pub points: Vec<RangeTestStep>,
}

/// One step of a range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangeTestStep {
    /// From 0.
    pub step: u32,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Mean loss of the batch before the step, in nats.
    pub loss: f64,
    /// The running mean of the losses so far, corrected for its start (Kingma and Ba 2015).
    pub smoothed_loss: f64,
}
