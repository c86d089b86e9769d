//! Figures of the probabilities themselves: do 80 % mean 80 %?

use serde::{Deserialize, Serialize};

use crate::tally::{Counts, Level, totals};
use crate::{Metric, Tally};

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
pub fn reliability(tally: &Tally, bins: u64) -> Vec<ReliabilityBin> {
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
            rows.figure(Metric::LogLoss),
            -(0.8_f64.ln() + 0.6_f64.ln() + 0.5_f64.ln()) / 3.0,
        );
        close(rows.figure(Metric::Brier), (0.04 + 0.16 + 0.25) / 3.0);
    }

    #[test]
    fn certainty_is_clipped_and_never_infinite() {
        close(
            tally(&[0, 1], &[1.0, 0.0]).figure(Metric::LogLoss),
            -1e-7_f64.ln(),
        );
        close(tally(&[0, 1], &[0.0, 1.0]).figure(Metric::LogLoss), 1e-7);
        close(tally(&[0, 1], &[1.0, 0.0]).figure(Metric::Brier), 1.0);
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
        close(rows.figure(Metric::CalibrationError), 0.5 * 0.1);
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
            rows.figure(Metric::Brier),
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
                none.figure(Metric::LogLoss),
                none.figure(Metric::Brier),
                none.figure(Metric::CalibrationError)
            ),
            (None, None, None)
        );
        assert!(reliability(&none, 10).is_empty());
    }
}
