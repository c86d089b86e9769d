//! `explanations.json`: the most confident errors of a model, and the words that influenced them.

use serde::{Deserialize, Serialize};

/// An error with its words.
#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The review's id, as in `clean.parquet`.
    pub row_id: u64,
    /// First byte in the cleaned text, the byte behind the last, and what the word adds to the log-odds of
    /// the positive class before calibration; words that add nothing are left out.
    pub words: Vec<(usize, usize, f64)>,
}
