//! Figures of the probabilities themselves: do 80 % mean 80 %?

use serde::{Deserialize, Serialize};

use crate::tally::{Counts, Level, totals};
use crate::{Metric, ScoredRows};

/// What a Brier score is made of: `reliability - resolution + uncertainty` (Murphy 1973), with the
/// resolution of Stephenson, Coelho and Jolliffe (2008), which counts what tells rows apart within a
/// bin, so that the three add up to the score however the bins are cut.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrierParts {
    /// Mean squared distance of probability and share in a bin: what a better calibration could save.
    pub reliability: f64,
    /// How far probabilities tell the classes apart: what a better model could raise.
    pub resolution: f64,
    /// The score of whoever only knows the share of positives: what no model can change.
    pub uncertainty: f64,
}

/// The parts of the Brier score over this many bins of equal mass; see [`reliability`]. `None` without
/// rows.
pub fn brier_parts(tally: &ScoredRows, bins: u64) -> Option<BrierParts> {
    let score = tally.figure(Metric::Brier)?;
    let rows = tally.rows() as f64;
    let bins = reliability(tally, bins);
    let base = bins.iter().map(|bin| bin.positives).sum::<u64>() as f64 / rows;
    let gap = |bin: &ReliabilityBin| {
        bin.rows as f64 * (bin.mean_probability - bin.positive_share).powi(2)
    };
    let reliability = bins.iter().map(gap).sum::<f64>() / rows;
    let uncertainty = base * (1.0 - base);
    Some(BrierParts {
        reliability,
        // The between-bin resolution of Murphy and the within-bin terms of Stephenson et al. together.
        resolution: reliability + uncertainty - score,
        uncertainty,
    })
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Rows in it.
    pub rows: u64,
    /// Positives among them.
    pub positives: u64,
    /// Their mean probability of the positive class.
    pub mean_probability: f64,
    /// The share of positives among them.
    pub positive_share: f64,
}

/// Bins of equal mass from the highest probability down. Rows of one probability stay together, so
/// bins can be fewer and of uneven size where many rows tie. Empty without rows.
pub fn reliability(tally: &ScoredRows, bins: u64) -> Vec<ReliabilityBin> {
    reliability_of(&tally.levels, &tally.counts, bins)
}

/// [`reliability`] of counts. A level goes whole into the bin where it begins.
pub(crate) fn reliability_of(
    levels: &[Level],
    counts: &[Counts],
    bins: u64,
) -> Vec<ReliabilityBin> {
    let all: u64 = totals(counts).iter().sum();
    let mut found: Vec<ReliabilityBin> = Vec::new();
    let (mut seen, mut current) = (0, None);
    for (level, count) in levels.iter().zip(counts).filter(|it| *it.1 != [0, 0]) {
        let [negative, positive] = count.map(u64::from);
        let number = seen * bins / all;
        if current.replace(number) != Some(number) {
            found.push(ReliabilityBin::default());
        }
        let bin = found.last_mut().expect("the first level opens a bin");
        let rows = negative + positive;
        seen += rows;
        bin.rows += rows;
        bin.positives += positive;
        bin.mean_probability += rows as f64 * level.probability;
    }
    for bin in &mut found {
        bin.mean_probability /= bin.rows as f64;
        bin.positive_share = bin.positives as f64 / bin.rows as f64;
    }
    found
}

#[cfg(test)]
mod tests;
