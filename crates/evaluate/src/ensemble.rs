//! Several models as one: their log-odds, averaged or stacked (Wolpert 1992), with weights that are
//! learned from the validation rows alone.

use std::fs;
use std::path::Path;

use artifact::{ArtifactError, Split, StageName};
use linear::newton::{Design, cross_entropy, fit};
use metrics::fit_temperature;
use serde::{Deserialize, Serialize};
use settings::{EnsembleSettings, EnsembleWeights};
use stage::{Context, Failure};

use crate::judged::write_json;
use crate::predictions::read;
use crate::{PREDICTIONS, Prediction, metrics_failure};

/// What an ensemble is made of and how.
pub const ENSEMBLE: &str = "ensemble.json";

/// Draws the weights of members towards each other's scale; with thousands of validation rows and a
/// handful of members it hardly matters, with a few dozen rows it keeps them finite.
const PENALTY: f64 = 1e-3;

/// A probability that was rounded to 0 or 1 has log-odds of this size.
const LARGEST: f64 = 16.0;

/// `ensemble.json`: the log-odds of the ensemble are `bias` and the weighted sum of its members'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// How the weights were found.
    pub weights: EnsembleWeights,
    /// Members and the weights of their log-odds.
    pub members: Vec<(String, f64)>,
    /// Added to the sum.
    pub bias: f64,
    /// Validation rows that the weights were learned from.
    pub rows: u64,
    /// Mean cross-entropy on them, in nats.
    pub loss: f64,
}

impl Ensemble {
    /// The log-odds from those of the members, in their order.
    pub fn difference(&self, members: &[f64]) -> f64 {
        let pairs = self.members.iter().zip(members);
        self.bias
            + pairs
                .map(|((_, weight), value)| weight * value)
                .sum::<f64>()
    }

    /// The probability from those of the members, in their order.
    pub fn probability(&self, members: &[f32]) -> f32 {
        let odds: Vec<f64> = members.iter().copied().map(log_odds).collect();
        self.probability_of(&odds)
    }

    /// The same from their log-odds.
    fn probability_of(&self, odds: &[f64]) -> f32 {
        (1.0 / (1.0 + (-self.difference(odds)).exp())) as f32
    }

    /// Reads `ensemble.json`.
    ///
    /// # Errors
    /// The file is not there or is not what [`crate::Evaluate`] writes.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read(path).map_err(ArtifactError::io("read", path))?;
        serde_json::from_slice(&text).map_err(|error| {
            Failure::new(format!("`{}` is not an ensemble: {error}", path.display()))
        })
    }

    /// In half a line: `linear 0.61, gru 0.48`.
    pub(crate) fn in_words(&self) -> String {
        let parts = self
            .members
            .iter()
            .map(|(name, weight)| format!("{name} {weight:.2}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// The log-odds of the rows of a split: `[M][N]`.
struct Odds {
    rows: Vec<Prediction>,
    members: Vec<Vec<f64>>,
}

/// Finds the weights, and what the ensemble says of the validation and the test rows.
pub(crate) fn predict(
    context: &Context,
    settings: &EnsembleSettings,
) -> Result<(Ensemble, Vec<Prediction>), Failure> {
    let validation = odds_of(context, Split::Validation)?;
    let test = odds_of(context, Split::Test)?;
    let names: Vec<String> = context
        .inputs(StageName::Evaluate)
        .map(|(name, _)| name.to_owned())
        .collect();
    let ensemble = weigh(settings.weights, names, &validation)?;
    let mut predictions = Vec::new();
    for odds in [&validation, &test] {
        predictions.extend(odds.rows.iter().enumerate().map(|(row, prediction)| {
            let members: Vec<f64> = odds.members.iter().map(|member| member[row]).collect();
            Prediction {
                probability: ensemble.probability_of(&members),
                ..*prediction
            }
        }));
    }
    Ok((ensemble, predictions))
}

/// Writes `ensemble.json`.
pub(crate) fn write(ensemble: &Ensemble, folder: &Path) -> Result<(), ArtifactError> {
    write_json(&folder.join(ENSEMBLE), ensemble)
}

fn weigh(
    weights: EnsembleWeights,
    names: Vec<String>,
    validation: &Odds,
) -> Result<Ensemble, Failure> {
    let labels: Vec<u8> = validation.rows.iter().map(|row| row.label).collect();
    if labels.is_empty() {
        return Err(
            Failure::new("There are no validation rows to weigh the models by").with_hint(
                "Raise `clean.split.validation`, the share set aside to choose by".to_owned(),
            ),
        );
    }
    let truth: Vec<f64> = labels.iter().map(|label| f64::from(*label)).collect();
    let count = names.len();
    let mut found = vec![1.0 / count as f64; count];
    found.push(0.0);
    match weights {
        EnsembleWeights::Equal => {
            // The mean of models that err in different rows is too unsure of itself.
            let mean = validation.scores(&found);
            let single: Vec<f32> = mean.iter().map(|value| *value as f32).collect();
            let temperature = fit_temperature(&single, &labels).map_err(metrics_failure)?;
            found.iter_mut().for_each(|weight| *weight /= temperature);
        }
        EnsembleWeights::Stacked => {
            found = fit(validation, &truth, (PENALTY, 1e-9), &found).weights;
        }
    }
    let loss = cross_entropy(&validation.scores(&found), &truth);
    let bias = found.pop().unwrap_or(0.0);
    Ok(Ensemble {
        weights,
        members: names.into_iter().zip(found).collect(),
        bias,
        rows: labels.len() as u64,
        loss,
    })
}

impl Design for Odds {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn width(&self) -> usize {
        self.members.len()
    }

    fn scores(&self, weights: &[f64]) -> Vec<f64> {
        let mut scores = vec![weights[self.members.len()]; self.rows.len()];
        for (member, weight) in self.members.iter().zip(weights) {
            for (score, value) in scores.iter_mut().zip(member) {
                *score += weight * value;
            }
        }
        scores
    }

    fn gather(&self, values: &[f64]) -> Vec<f64> {
        let dot = |member: &Vec<f64>| member.iter().zip(values).map(|(one, two)| one * two).sum();
        let mut sums: Vec<f64> = self.members.iter().map(dot).collect();
        sums.push(values.iter().sum());
        sums
    }
}

/// What every member says of the same rows.
fn odds_of(context: &Context, split: Split) -> Result<Odds, Failure> {
    let mut odds = Odds {
        rows: Vec::new(),
        members: Vec::new(),
    };
    for (name, artifact) in context.inputs(StageName::Evaluate) {
        let mut rows = read(&artifact.file(PREDICTIONS)?, name, split)?;
        rows.sort_unstable_by_key(|row| row.row_id);
        let same =
            |one: &Prediction, two: &Prediction| (one.row_id, one.label) == (two.row_id, two.label);
        if odds.members.is_empty() {
            odds.rows.clone_from(&rows);
        } else if rows.len() != odds.rows.len()
            || !rows.iter().zip(&odds.rows).all(|(one, two)| same(one, two))
        {
            let (first, _) = context
                .inputs(StageName::Evaluate)
                .next()
                .expect("there is one");
            return Err(Failure::new(format!(
                "`{first}` and `{name}` have judged different {split} reviews, so that they cannot be one"
            ))
            .with_hint("Evaluate them again with `ressenti run --only evaluate --force`".to_owned()));
        }
        odds.members
            .push(rows.iter().map(|row| log_odds(row.probability)).collect());
    }
    Ok(odds)
}

/// The log-odds of a probability, bounded where it was rounded to 0 or 1.
fn log_odds(probability: f32) -> f64 {
    let probability = f64::from(probability);
    (probability / (1.0 - probability))
        .ln()
        .clamp(-LARGEST, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[&[f64]], labels: &[u8]) -> Odds {
        let row = |(row, label): (usize, &u8)| Prediction {
            row_id: row as u64,
            split: Split::Validation,
            label: *label,
            probability: 0.5,
        };
        Odds {
            rows: labels.iter().enumerate().map(row).collect(),
            members: values.iter().map(|member| member.to_vec()).collect(),
        }
    }

    fn names() -> Vec<String> {
        ["good", "noise"].map(str::to_owned).to_vec()
    }

    #[test]
    fn stacking_listens_to_who_knows() {
        let labels: Vec<u8> = (0..400).map(|row| u8::from(row % 2 == 0)).collect();
        let good: Vec<f64> = (0..400_u32)
            .map(|row| {
                if (row % 2 == 0) == (row % 7 != 0) {
                    1.5
                } else {
                    -1.5
                }
            })
            .collect();
        let noise: Vec<f64> = (0..400_u32)
            .map(|row| f64::from(row * 13 % 11) - 5.0)
            .collect();
        let odds = rows(&[&good, &noise], &labels);
        let stacked = weigh(EnsembleWeights::Stacked, names(), &odds).expect("weights");
        assert!(
            stacked.members[0].1 > 0.8 && stacked.members[1].1.abs() < 0.1,
            "{stacked:?}"
        );
        let equal = weigh(EnsembleWeights::Equal, names(), &odds).expect("weights");
        assert_eq!(equal.members[0].1, equal.members[1].1);
        assert!(
            stacked.loss < equal.loss && equal.loss < 0.7,
            "{stacked:?} {equal:?}"
        );
        assert!(
            (stacked.difference(&[2.0, 0.0]) - stacked.bias - 2.0 * stacked.members[0].1).abs()
                < 1e-12
        );
        assert!(weigh(EnsembleWeights::Equal, names(), &rows(&[&[], &[]], &[])).is_err());
    }

    #[test]
    fn rounded_probabilities_have_odds() {
        assert_eq!(log_odds(1.0), LARGEST);
        assert_eq!(log_odds(0.0), -LARGEST);
        assert_eq!(log_odds(0.5), 0.0);
    }
}
