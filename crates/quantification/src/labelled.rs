//! Labelled rows, and how surely it is known from them how a classifier errs.

use std::collections::BTreeMap;

use metrics::CounterRng;

use crate::ErrorRates;
use crate::levels::Levels;

/// How many rows of either class each level has, negative ones first: `[2][L]`.
pub(crate) type Counts = [Vec<f64>; 2];

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
        Self {
            rates,
            rows: rows
                .map(|(odds, (negative, positive))| {
                    let parts = [negative / negatives, positive / positives];
                    (rates.ratio(*odds), parts)
                })
                .collect(),
        }
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
        let all = |class: usize| match &self.units {
            Units::Rows(classes) => self.levels.counted(classes[class].iter().copied()),
            Units::Groups(groups) => {
                let rows = groups.iter().flat_map(|group| &group[class]);
                self.levels.counted(rows.copied())
            }
        };
        Known::new(&self.levels, &[all(0), all(1)])
    }

    /// What a resample shows.
    pub(crate) fn drawn(&self, draws: CounterRng) -> Known {
        let mut place = 0;
        let mut next = |among: usize| {
            place += 1;
            draws.index(place, among)
        };
        let counts = match &self.units {
            Units::Rows(classes) => classes.each_ref().map(|rows| {
                let drawn = rows.iter().map(|_| rows[next(rows.len())]);
                self.levels.counted(drawn)
            }),
            Units::Groups(groups) => {
                let drawn: Vec<usize> = groups.iter().map(|_| next(groups.len())).collect();
                [0, 1].map(|class| {
                    let rows = drawn.iter().flat_map(|group| &groups[*group][class]);
                    self.levels.counted(rows.copied())
                })
            }
        };
        Known::new(&self.levels, &counts)
    }
}
