//! Calibration of probabilities: reliability diagrams and the decomposition of the Brier score.

use serde::{Deserialize, Serialize};

use crate::scored_rows::{Counts, Level, totals};
use crate::{Metric, ScoredRows};

/// Decomposition of the Brier score: `reliability - resolution + uncertainty` (Murphy 1973). The resolution is that of
/// Stephenson, Coelho and Jolliffe (2008), which includes differences within a bin, so the sum is exact for any bins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrierParts {
    /// Mean squared difference between probability and share of positive rows per bin. Calibration can reduce it.
    pub reliability: f64,
    /// How well the probabilities separate the classes. A better model increases it.
    pub resolution: f64,
    /// The score of always predicting the share of positive rows. No model can change it.
    pub uncertainty: f64,
}

/// Decomposes the Brier score over this number of bins of equal mass, see [`reliability`]. `None` without rows.
pub fn brier_parts(scored: &ScoredRows, bins: u64) -> Option<BrierParts> {
    let score = scored.figure(Metric::Brier)?;
    let rows = scored.rows() as f64;
    let bins = reliability(scored, bins);
    let base = bins.iter().map(|bin| bin.positives).sum::<u64>() as f64 / rows;
    let gap = |bin: &ReliabilityBin| {
        bin.rows as f64 * (bin.mean_probability - bin.positive_share).powi(2)
    };
    let reliability = bins.iter().map(gap).sum::<f64>() / rows;
    let uncertainty = base * (1.0 - base);
    Some(BrierParts {
        reliability,
        // The between-bin resolution of Murphy plus the within-bin terms of Stephenson et al.
        resolution: reliability + uncertainty - score,
        uncertainty,
    })
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Number of rows.
    pub rows: u64,
    /// Number of positive rows.
    pub positives: u64,
    /// Mean probability of the positive class.
    pub mean_probability: f64,
    /// Share of positive rows.
    pub positive_share: f64,
}

/// Bins of equal mass, in descending order of probability. Rows with equal probabilities stay in one bin, so ties can
/// make bins fewer and uneven. Empty without rows.
pub fn reliability(rows: &ScoredRows, bins: u64) -> Vec<ReliabilityBin> {
    bin_counts(&rows.levels, &rows.counts, bins)
}

/// [`reliability`] from counts. All rows of a distinct probability go into the bin of the first one.
pub(crate) fn bin_counts(levels: &[Level], counts: &[Counts], bins: u64) -> Vec<ReliabilityBin> {
    let all: u64 = totals(counts).iter().sum();
    let mut result: Vec<ReliabilityBin> = Vec::new();
    let (mut previous_rows, mut current) = (0, None);
    for (level, count) in levels.iter().zip(counts).filter(|it| *it.1 != [0, 0]) {
        let [negative, positive] = count.map(u64::from);
        let index = previous_rows * bins / all;
        if current.replace(index) != Some(index) {
            result.push(ReliabilityBin::default());
        }
        let bin = result.last_mut().expect("the first entry opens a bin");
        let rows = negative + positive;
        previous_rows += rows;
        bin.rows += rows;
        bin.positives += positive;
        bin.mean_probability += rows as f64 * level.probability;
    }
    for bin in &mut result {
        bin.mean_probability /= bin.rows as f64;
        bin.positive_share = bin.positives as f64 / bin.rows as f64;
    }
    result
}

#[cfg(test)]
mod tests;
