//! How surely it is known how a classifier errs: resamples of the labelled rows.

use std::collections::BTreeMap;

use metrics::random::Draws;

use crate::rates::ErrorRates;

/// Labelled rows that can be drawn anew.
#[derive(Debug)]
pub(crate) enum Labelled<'a> {
    /// Row by row within the classes, negative ones first (Efron 1979).
    Rows(&'a [Vec<f64>; 2]),
    /// Group by group: rows of a group, by class. Rows of one film are alike, so that they tell less than
    /// as many rows of as many films (Davison and Hinkley 1997, section 3.8).
    Groups(Vec<[Vec<f64>; 2]>),
}

impl Labelled<'_> {
    /// Rows by the group that each belongs to.
    pub(crate) fn of_groups(labels: &[u8], probabilities: &[f32], groups: &[u64]) -> Self {
        let mut by_group: BTreeMap<u64, [Vec<f64>; 2]> = BTreeMap::new();
        for ((label, probability), group) in labels.iter().zip(probabilities).zip(groups) {
            let rows = by_group.entry(*group).or_default();
            rows[usize::from(*label)].push(f64::from(*probability));
        }
        Self::Groups(by_group.into_values().collect())
    }

    /// The rates of a resample.
    pub(crate) fn resampled(&self, draws: Draws) -> ErrorRates {
        let mut place = 0;
        let mut next = |among: usize| {
            place += 1;
            draws.index(place, among)
        };
        match self {
            Self::Rows(classes) => {
                let drawn = classes.each_ref().map(|rows| -> Vec<f64> {
                    rows.iter().map(|_| rows[next(rows.len())]).collect()
                });
                ErrorRates::of(&drawn)
            }
            Self::Groups(groups) => {
                let mut drawn = [Vec::new(), Vec::new()];
                for _ in groups {
                    let group = &groups[next(groups.len())];
                    for (all, rows) in drawn.iter_mut().zip(group) {
                        all.extend_from_slice(rows);
                    }
                }
                ErrorRates::of(&drawn)
            }
        }
    }
}
