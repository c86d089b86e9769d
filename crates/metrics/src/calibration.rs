//! Figures of the probabilities themselves: do 80 % mean 80 %?

use serde::{Deserialize, Serialize};

use crate::Tally;
use crate::tally::{Counts, Level};

/// Bins of the calibration error.
pub(crate) const BINS: u64 = 15;

/// Mean of `-ln` of the probability given to the true class, with probabilities kept 1e-7 away from
/// 0 and 1. `None` without rows.
pub fn log_loss(tally: &Tally) -> Option<f64> {
    mean(tally, |level, [negative, positive]| {
        level.losses[0] * negative + level.losses[1] * positive
    })
}

/// Mean squared distance between probability and label (Brier 1950), from 0 (best) to 1. `None`
/// without rows.
pub fn brier(tally: &Tally) -> Option<f64> {
    mean(tally, |level, counts| {
        squared_error(level.probability, counts)
    })
}

pub(crate) fn squared_error(probability: f64, [negative, positive]: [f64; 2]) -> f64 {
    negative * probability.powi(2) + positive * (1.0 - probability).powi(2)
}

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
pub fn brier_parts(tally: &Tally, bins: u64) -> Option<BrierParts> {
    let score = brier(tally)?;
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

/// Expected calibration error: the mean distance between the share of positives and the mean
/// probability of the positive class over 15 bins of equal mass (Guo et al. 2017 with the equal
/// mass of Nguyen and O'Connor 2015, which keeps bins from being empty). Rows of one probability
/// stay in one bin. `None` without rows.
pub fn expected_calibration_error(tally: &Tally) -> Option<f64> {
    let bins = reliability(tally, BINS);
    let rows: u64 = bins.iter().map(|bin| bin.rows).sum();
    let gaps = bins
        .iter()
        .map(|bin| bin.rows as f64 * (bin.positive_share - bin.mean_probability).abs());
    let sum: f64 = gaps.sum();
    (rows > 0).then(|| sum / rows as f64)
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
pub fn reliability(tally: &Tally, bins: u64) -> Vec<ReliabilityBin> {
    let mut filler = BinFiller::new(tally.rows() as u64, bins);
    let mut found = Vec::new();
    for (level, counts) in tally.cells() {
        found.extend(filler.add(level.probability, counts));
    }
    found.extend(filler.finish());
    found
}

/// Fills bins of equal mass one after the other. A level goes whole into the bin where it begins.
pub(crate) struct BinFiller {
    rows: u64,
    bins: u64,
    seen: u64,
    current: u64,
    filled: u64,
    positives: u64,
    probabilities: f64,
}

impl BinFiller {
    pub(crate) fn new(rows: u64, bins: u64) -> Self {
        Self {
            rows,
            bins,
            seen: 0,
            current: 0,
            filled: 0,
            positives: 0,
            probabilities: 0.0,
        }
    }

    /// Adds a level, and returns the bin before it if the level opens a new one.
    pub(crate) fn add(&mut self, probability: f64, counts: Counts) -> Option<ReliabilityBin> {
        let [negative, positive] = counts.map(u64::from);
        let bin = self.seen * self.bins / self.rows.max(1);
        let closed = if bin == self.current {
            None
        } else {
            self.finish()
        };
        self.current = bin;
        let rows = negative + positive;
        self.seen += rows;
        self.filled += rows;
        self.positives += positive;
        self.probabilities += rows as f64 * probability;
        closed
    }

    /// Closes the bin under way, `None` if it is empty.
    pub(crate) fn finish(&mut self) -> Option<ReliabilityBin> {
        let rows = std::mem::take(&mut self.filled);
        let positives = std::mem::take(&mut self.positives);
        let probabilities = std::mem::take(&mut self.probabilities);
        (rows > 0).then(|| ReliabilityBin {
            rows,
            positives,
            mean_probability: probabilities / rows as f64,
            positive_share: positives as f64 / rows as f64,
        })
    }
}

fn mean(tally: &Tally, cost: impl Fn(&Level, [f64; 2]) -> f64) -> Option<f64> {
    let sum: f64 = tally
        .cells()
        .map(|(level, counts)| cost(level, counts.map(f64::from)))
        .sum();
    (tally.rows() > 0).then(|| sum / tally.rows() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, expected: f64) {
        let found = found.expect("it is defined");
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }

    fn tally(labels: &[u8], probabilities: &[f32]) -> Tally {
        Tally::new(labels, probabilities).expect("the rows are fine")
    }

    #[test]
    fn losses_match_tables_worked_by_hand() {
        let rows = tally(&[1, 0, 1], &[0.8, 0.4, 0.5]);
        close(
            log_loss(&rows),
            -(0.8_f64.ln() + 0.6_f64.ln() + 0.5_f64.ln()) / 3.0,
        );
        close(brier(&rows), (0.04 + 0.16 + 0.25) / 3.0);
    }

    #[test]
    fn certainty_is_clipped_and_never_infinite() {
        close(log_loss(&tally(&[0, 1], &[1.0, 0.0])), -1e-7_f64.ln());
        close(log_loss(&tally(&[0, 1], &[0.0, 1.0])), 1e-7);
        close(brier(&tally(&[0, 1], &[1.0, 0.0])), 1.0);
    }

    #[test]
    fn calibration_error_matches_a_table_worked_by_hand() {
        // Two levels of 15 rows each: 15 bins of 2 rows, but a level stays whole, so two bins.
        // At 0.9 there are 12 positives of 15 (0.8), at 0.2 there are 3 of 15 (0.2).
        let labels: Vec<u8> = (0..30)
            .map(|row| u8::from(row < 12 || (15..18).contains(&row)))
            .collect();
        let probabilities: Vec<f32> = (0..30)
            .map(|row| if row < 15 { 0.9 } else { 0.2 })
            .collect();
        let rows = tally(&labels, &probabilities);
        close(expected_calibration_error(&rows), 0.5 * 0.1);
        let bins = reliability(&rows, 10);
        assert_eq!(
            bins.iter()
                .map(|bin| (bin.rows, bin.positives))
                .collect::<Vec<_>>(),
            [(15, 12), (15, 3)]
        );
    }

    #[test]
    fn a_brier_score_falls_into_the_parts_worked_by_hand() {
        // Two bins in which all probabilities are the same, so that the parts are those of Murphy.
        let labels = [1, 1, 1, 0, 0, 0, 0, 1];
        let probabilities = [0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1];
        let rows = tally(&labels, &probabilities);
        let parts = brier_parts(&rows, 2).expect("there are rows");
        close(Some(parts.reliability), 0.15_f64.powi(2));
        close(Some(parts.resolution), 0.25_f64.powi(2));
        close(Some(parts.uncertainty), 0.25);
        close(
            brier(&rows),
            parts.reliability - parts.resolution + parts.uncertainty,
        );
        assert_eq!(brier_parts(&tally(&[], &[]), 10), None);
    }

    #[test]
    fn bins_have_equal_mass_and_lose_no_row() {
        let labels: Vec<u8> = (0..1000).map(|row| u8::from(row % 3 == 0)).collect();
        let probabilities: Vec<f32> = (0..1000).map(|row| row as f32 / 1000.0).collect();
        let bins = reliability(&tally(&labels, &probabilities), 10);
        assert_eq!(
            bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(),
            [100; 10]
        );
        assert_eq!(bins.iter().map(|bin| bin.positives).sum::<u64>(), 334);
    }

    #[test]
    fn no_rows_have_no_figures() {
        let none = tally(&[], &[]);
        assert_eq!(
            (
                log_loss(&none),
                brier(&none),
                expected_calibration_error(&none)
            ),
            (None, None, None)
        );
        assert!(reliability(&none, 10).is_empty());
    }
}
