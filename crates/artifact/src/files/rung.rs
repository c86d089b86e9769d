//! `rung.json`: the state of a trial of a sweep by the end of a rung.

use serde::{Deserialize, Serialize};

/// How a trial compares with its rivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Epochs of the rung.
    pub epochs: u32,
    /// The epochs after which the trial was stopped; none where it is still in the race.
    pub stopped_after: Option<u32>,
    /// Its place among the trials that were compared last, from 1; none before the first comparison.
    pub place: Option<usize>,
    /// Of how many.
    pub compared: Option<usize>,
    /// Mean cross-entropy on validation of its best epoch, in nats.
    pub loss: f64,
}
