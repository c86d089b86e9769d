//! Labelled rows and their resamples: what they show of a classifier's errors, and how certain that is.

use std::collections::BTreeMap;

use metrics::CounterRng;

use crate::bins::{Counts, LogOddsBins};
use crate::error_rates::ErrorRates;

/// Error rates and class-conditional distributions of a classifier, from labelled rows or a resample of them.
#[derive(Clone, Debug)]
pub(crate) struct ClassDistributions {
    pub(crate) rates: ErrorRates,
    /// For each bin: its likelihood ratio, and its shares of the negative and of the positive rows.
    bins: Vec<(f64, [f64; 2])>,
}

impl ClassDistributions {
    fn new(bins: &LogOddsBins, counts: &Counts) -> Self {
        let rates = ErrorRates::new(bins, counts);
        let [negatives, positives] = counts.each_ref().map(|counts| counts.iter().sum::<f64>());
        let [negative, positive] = counts;
        let rows = bins.log_odds.iter().zip(negative.iter().zip(positive));
        let rows = rows.filter(|(_, counts)| *counts.0 + *counts.1 > 0.0);
        let shares = |(log_odds, (negative, positive)): (&f64, (&f64, &f64))| {
            let ratio = rates.likelihood_ratio(*log_odds);
            (ratio, [negative / negatives, positive / positives])
        };
        let bins = rows.map(shares).collect();
        Self { rates, bins }
    }

    /// Means and variances, over negative and over positive rows, of a function of the likelihood ratio.
    pub(crate) fn means_and_variances(&self, value: impl Fn(f64) -> f64) -> ([f64; 2], [f64; 2]) {
        let means = self.means(&value);
        let squares = self.means(|ratio| value(ratio).powi(2));
        let variance = |class: usize| (squares[class] - means[class] * means[class]).max(0.0);
        (means, [0, 1].map(variance))
    }

    /// Means, over negative and over positive rows, of a function of the likelihood ratio.
    pub(crate) fn means(&self, value: impl Fn(f64) -> f64) -> [f64; 2] {
        let bins = self.bins.iter();
        bins.fold([0.0, 0.0], |means, (ratio, shares)| {
            let value = value(*ratio);
            [0, 1].map(|class| means[class] + shares[class] * value)
        })
    }
}

/// Labelled rows that can be resampled.
#[derive(Debug)]
pub(crate) struct LabelledRows {
    bins: LogOddsBins,
    units: ResamplingUnits,
}

/// The units of resampling, each with the bins of its rows by class, negative first.
#[derive(Debug)]
enum ResamplingUnits {
    /// Single rows, resampled within their class (Efron 1979).
    Rows([Vec<usize>; 2]),
    /// Groups of rows, for example reviews of one film, which are correlated and so carry less information
    /// than independent rows (Davison and Hinkley 1997, section 3.8).
    Groups(Vec<[Vec<usize>; 2]>),
}

impl LabelledRows {
    /// Rows with their class ids, probabilities and optional group ids; `[N]` each.
    pub(crate) fn new(labels: &[u8], probabilities: &[f32], groups: Option<&[u64]>) -> Self {
        let bins = LogOddsBins::new(probabilities);
        let rows = labels.iter().zip(&bins.bin_of_row).enumerate();
        let mut by_group: BTreeMap<u64, [Vec<usize>; 2]> = BTreeMap::new();
        for (row, (label, bin)) in rows {
            let group = by_group.entry(groups.map_or(0, |groups| groups[row]));
            group.or_default()[usize::from(*label)].push(*bin);
        }
        let mut units = by_group.into_values();
        let units = match groups {
            Some(_) => ResamplingUnits::Groups(units.collect()),
            None => ResamplingUnits::Rows(units.next().unwrap_or_default()),
        };
        Self { bins, units }
    }

    /// Number of groups; `None` if the rows have no groups.
    pub(crate) fn groups(&self) -> Option<usize> {
        match &self.units {
            ResamplingUnits::Rows(_) => None,
            ResamplingUnits::Groups(groups) => Some(groups.len()),
        }
    }

    /// The distributions of all rows.
    pub(crate) fn distributions(&self) -> ClassDistributions {
        self.distributions_of(|count| (0..count).collect())
    }

    /// The distributions of a resample.
    pub(crate) fn resample(&self, rng: CounterRng) -> ClassDistributions {
        let mut positions = 1..;
        self.distributions_of(|count| {
            let positions = positions.by_ref().take(count);
            positions.map(|it| rng.index(it, count)).collect()
        })
    }

    /// The distributions of chosen units. `choose` maps a number of units to the indices of the chosen ones.
    fn distributions_of(&self, mut choose: impl FnMut(usize) -> Vec<usize>) -> ClassDistributions {
        let counts = match &self.units {
            ResamplingUnits::Rows(classes) => classes.each_ref().map(|rows| {
                let chosen = choose(rows.len());
                self.bins.count(chosen.iter().map(|row| rows[*row]))
            }),
            ResamplingUnits::Groups(groups) => {
                let chosen = choose(groups.len());
                [0, 1].map(|class| {
                    let rows = chosen.iter().flat_map(|group| &groups[*group][class]);
                    self.bins.count(rows.copied())
                })
            }
        };
        ClassDistributions::new(&self.bins, &counts)
    }
}
