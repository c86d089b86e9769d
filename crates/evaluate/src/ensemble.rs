//! Several models as one: their log-odds, averaged or stacked (Wolpert 1992), with weights that are
//! learned from the validation rows alone.

use artifact::files::{Prediction, read_predictions};
use artifact::{Failure, Split, StageName};
use bundle::{Ensemble, log_odds};
use linear::newton::{Design, cross_entropy, fit};
use metrics::fit_temperature;
use settings::{EnsembleSettings, EnsembleWeights};
use stage::Context;

use crate::PREDICTIONS;

/// Draws the weights of members towards each other's scale; with thousands of validation rows and a
/// handful of members it hardly matters, with a few dozen rows it keeps them finite.
const PENALTY: f64 = 1e-3;

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
                probability: ensemble.probability_from_log_odds(&members),
                ..*prediction
            }
        }));
    }
    Ok((ensemble, predictions))
}

fn weigh(
    weights: EnsembleWeights,
    names: Vec<String>,
    validation: &Odds,
) -> Result<Ensemble, Failure> {
    let labels: Vec<u8> = validation.rows.iter().map(|row| row.label).collect();
    if labels.is_empty() {
        let failure = Failure::new("There are no validation rows to weigh the models by");
        return Err(failure.with_hint(
            "Raise `clean.split.validation`, the share set aside to choose by".to_owned(),
        ));
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
            let temperature = fit_temperature(&single, &labels).map_err(Failure::from_error)?;
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
    let mut first = "";
    for (name, artifact) in context.inputs(StageName::Evaluate) {
        let mut rows = read_predictions(&artifact.file(PREDICTIONS)?, name, split)?;
        rows.sort_unstable_by_key(|row| row.row_id);
        if odds.members.is_empty() {
            first = name;
            odds.rows.clone_from(&rows);
        }
        let reviews = |rows: &[Prediction]| -> Vec<(u64, u8)> {
            rows.iter().map(|row| (row.row_id, row.label)).collect()
        };
        if reviews(&rows) != reviews(&odds.rows) {
            return Err(Failure::new(format!(
                "`{first}` and `{name}` have judged different {split} reviews, so that they cannot be one"
            ))
            .with_hint("Evaluate them again with `ressenti run --only evaluate --force`".to_owned()));
        }
        let rows = rows.iter();
        odds.members
            .push(rows.map(|row| log_odds(row.probability)).collect());
    }
    Ok(odds)
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
            (stacked.log_odds(&[2.0, 0.0]) - stacked.bias - 2.0 * stacked.members[0].1).abs()
                < 1e-12
        );
        assert!(weigh(EnsembleWeights::Equal, names(), &rows(&[&[], &[]], &[])).is_err());
    }
}
