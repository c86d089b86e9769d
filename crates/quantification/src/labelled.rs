//! Labelled rows, and how surely it is known from them how a classifier errs.

use std::collections::BTreeMap;

use metrics::CounterRng;

use crate::levels::{Counts, Levels};
use crate::rates::ErrorRates;

/// How a classifier treats either class, as labelled rows or a resample of them show it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) rates: ErrorRates,
    /// The rows of every level: their ratio, and what parts of the negative and of the positive rows they are.
    rows: Vec<(f64, [f64; 2])>,
}

impl Known {
    fn new(levels: &Levels, counts: &Counts) -> Self {
        let rates = ErrorRates::of(levels, counts);
        let [negatives, positives] = counts.each_ref().map(|counts| counts.iter().sum::<f64>());
        let [negative, positive] = counts;
        let rows = levels.odds.iter().zip(negative.iter().zip(positive));
        let rows = rows.filter(|(_, counts)| *counts.0 + *counts.1 > 0.0);
        let part = |(odds, (negative, positive)): (&f64, (&f64, &f64))| {
            (
                rates.ratio(*odds),
                [negative / negatives, positive / positives],
            )
        };
        let rows = rows.map(part).collect();
        Self { rates, rows }
    }

    /// Means and variances over negative and over positive rows of a function of their ratio.
    pub(crate) fn spread(&self, value: impl Fn(f64) -> f64) -> ([f64; 2], [f64; 2]) {
        let means = self.means(&value);
        let squares = self.means(|ratio| value(ratio).powi(2));
        let variance = |class: usize| (squares[class] - means[class] * means[class]).max(0.0);
        (means, [0, 1].map(variance))
    }

    /// The means over negative and over positive rows of a function of their ratio.
    pub(crate) fn means(&self, value: impl Fn(f64) -> f64) -> [f64; 2] {
        let rows = self.rows.iter();
        rows.fold([0.0, 0.0], |means, (ratio, parts)| {
            let value = value(*ratio);
            [0, 1].map(|class| means[class] + parts[class] * value)
        })
    }
}

/// Labelled rows that can be drawn anew.
#[derive(Debug)]
pub(crate) struct Labelled {
    levels: Levels,
    units: Units,
}

/// What is drawn: the levels of its rows by class, negative ones first.
#[derive(Debug)]
enum Units {
    /// Row by row within the classes (Efron 1979).
    Rows([Vec<usize>; 2]),
    /// Group by group. Rows of one film are alike, so that they tell less than as many rows of as many films
    /// (Davison and Hinkley 1997, section 3.8).
    Groups(Vec<[Vec<usize>; 2]>),
}

impl Labelled {
    /// Rows with their class ids and probabilities, and the group of each where they are in groups; `[N]` each.
    pub(crate) fn new(labels: &[u8], probabilities: &[f32], groups: Option<&[u64]>) -> Self {
        let levels = Levels::of(probabilities);
        let rows = labels.iter().zip(&levels.of_row).enumerate();
        let mut by_group: BTreeMap<u64, [Vec<usize>; 2]> = BTreeMap::new();
        for (row, (label, level)) in rows {
            let group = by_group.entry(groups.map_or(0, |groups| groups[row]));
            group.or_default()[usize::from(*label)].push(*level);
        }
        let mut units = by_group.into_values();
        let units = match groups {
            Some(_) => Units::Groups(units.collect()),
            None => Units::Rows(units.next().unwrap_or_default()),
        };
        Self { levels, units }
    }

    /// Groups that the rows are in; `None` where each stands for itself.
    pub(crate) fn groups(&self) -> Option<usize> {
        match &self.units {
            Units::Rows(_) => None,
            Units::Groups(groups) => Some(groups.len()),
        }
    }

    /// What all rows show.
    pub(crate) fn known(&self) -> Known {
        self.of_units(|count| (0..count).collect())
    }

    /// What a resample shows.
    pub(crate) fn drawn(&self, draws: CounterRng) -> Known {
        let mut places = 1..;
        self.of_units(|count| {
            let places = places.by_ref().take(count);
            places.map(|place| draws.index(place, count)).collect()
        })
    }

    /// What units show that are chosen among so many, by their places.
    fn of_units(&self, mut choose: impl FnMut(usize) -> Vec<usize>) -> Known {
        let counts = match &self.units {
            Units::Rows(classes) => classes.each_ref().map(|rows| {
                let chosen = choose(rows.len());
                self.levels.counted(chosen.iter().map(|row| rows[*row]))
            }),
            Units::Groups(groups) => {
                let chosen = choose(groups.len());
                [0, 1].map(|class| {
                    let rows = chosen.iter().flat_map(|group| &groups[*group][class]);
                    self.levels.counted(rows.copied())
                })
            }
        };
        Known::new(&self.levels, &counts)
    }
}
