//! Rows of nearly equal log-odds, taken together.

use std::collections::BTreeMap;

/// Log-odds beyond this are those of a probability that was rounded to 0 or 1.
const LARGEST: f64 = 16.0;

/// Levels of log-odds per unit. One half falls between two of them, so that no level has rows of both
/// decisions.
const FINENESS: f64 = 32.0;

/// Log-odds of a probability, bounded.
pub(crate) fn logit(probability: f64) -> f64 {
    let odds = probability / (1.0 - probability);
    odds.ln().clamp(-LARGEST, LARGEST)
}

/// The share of log-odds.
pub fn share_of_odds(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// 1 for a probability that calls a text positive, else 0.
pub(crate) fn called(probability: f64) -> f64 {
    f64::from(u8::from(probability >= 0.5))
}

/// How many rows of either class each level has, negative ones first: `[2][L]`.
pub(crate) type Counts = [Vec<f64>; 2];

/// What the rows of a level say on average, `[L]`, with rising log-odds; and which level each row is of, `[N]`.
#[derive(Debug)]
pub(crate) struct Levels {
    pub(crate) probabilities: Vec<f64>,
    pub(crate) odds: Vec<f64>,
    pub(crate) of_row: Vec<usize>,
}

impl Levels {
    /// The levels of rows with these probabilities.
    pub(crate) fn of(probabilities: &[f32]) -> Self {
        let rows = probabilities.iter().map(|value| f64::from(*value));
        let rows: Vec<(f64, f64)> = rows.map(|value| (value, logit(value))).collect();
        let number = |odds: f64| (odds * FINENESS).floor() as i64;
        // Sums by level: of probabilities, of log-odds, of rows.
        let mut sums: BTreeMap<i64, [f64; 3]> = BTreeMap::new();
        for (probability, odds) in &rows {
            let sums = sums.entry(number(*odds)).or_default();
            sums[0] += probability;
            sums[1] += odds;
            sums[2] += 1.0;
        }
        let mean = |which: usize| sums.values().map(|sums| sums[which] / sums[2]).collect();
        let places: BTreeMap<i64, usize> = sums.keys().copied().zip(0..).collect();
        Self {
            probabilities: mean(0),
            odds: mean(1),
            of_row: rows.iter().map(|row| places[&number(row.1)]).collect(),
        }
    }

    /// How many of these rows each level has, given the rows' levels.
    pub(crate) fn counted(&self, levels: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut counts = vec![0.0; self.odds.len()];
        levels.for_each(|level| counts[level] += 1.0);
        counts
    }
}
