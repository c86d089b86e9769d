//! `speed.json`: from tokens, or from the features of a probe, to probabilities.

use serde::{Deserialize, Serialize};

/// How long predicting took.
#[derive(Debug, Serialize, Deserialize)]
pub struct Speed {
    /// Reviews.
    pub rows: u64,
    /// Seconds that all of them took.
    pub seconds: f64,
}
