//! Ensembles: the log-odds of several models, averaged or stacked (Wolpert 1992). The weights are learned only from the
//! validation rows.

use artifact::files::{Prediction, read_predictions};
use artifact::{Failure, Split, StageName};
use bundle::{Ensemble, log_odds};
use linear::newton::{DesignMatrix, cross_entropy, fit};
use metrics::{ValidationResult, fit_temperature, is_correct};
use settings::{EnsembleSettings, EnsembleWeights};
use stage::Context;

use crate::{PREDICTIONS, Result};

/// The L2 penalty on the weights. With thousands of validation rows it has almost no effect; with a few dozen rows it
/// keeps the weights finite.
const PENALTY: f64 = 1e-3;

/// The predictions of all members for the rows of a split.
#[derive(Default)]
struct MemberLogOdds {
    /// The rows, with the predictions of the first member.
    rows: Vec<Prediction>,
    /// Log-odds of positive, `[M][N]` for M members and N rows.
    members: Vec<Vec<f64>>,
}

/// Fits the weights and predicts the validation and the test rows.
pub(crate) fn predict(
    context: &Context,
    settings: &EnsembleSettings,
) -> Result<(Ensemble, Vec<Prediction>)> {
    let validation = read_members(context, Split::Validation)?;
    let test = read_members(context, Split::Test)?;
    let members = context.inputs(StageName::Evaluate);
    let names: Vec<String> = members.map(|(name, _)| name.to_owned()).collect();
    let ensemble = fit_weights(settings.weights, names, &validation)?;
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

/// The result on the validation rows, to which the weights were fitted.
pub(crate) fn validation_result(ensemble: &Ensemble, rows: &[Prediction]) -> ValidationResult {
    let rows = rows.iter().filter(|row| row.split == Split::Validation);
    let correct = rows.filter(|row| is_correct(row.label, row.probability));
    ValidationResult {
        rows: ensemble.rows,
        loss: ensemble.loss,
        accuracy: correct.count() as f64 / ensemble.rows as f64,
    }
}

/// Fits the weights of the members to the validation rows.
///
/// # Errors
/// There are no validation rows.
fn fit_weights(
    weights: EnsembleWeights,
    names: Vec<String>,
    validation: &MemberLogOdds,
) -> Result<Ensemble> {
    let labels: Vec<u8> = validation.rows.iter().map(|row| row.label).collect();
    if labels.is_empty() {
        let problem = "There are no validation reviews to fit the weights of the ensemble to";
        let hint = "Raise `clean.split.validation`".to_owned();
        return Err(Failure::new(problem).with_hint(hint));
    }
    let truth: Vec<f64> = labels.iter().map(|label| f64::from(*label)).collect();
    let count = names.len();
    // The last coefficient is the bias.
    let mut coefficients = vec![1.0 / count as f64; count];
    coefficients.push(0.0);
    match weights {
        EnsembleWeights::Equal => {
            // The mean of models with different errors is underconfident.
            let mean = validation.scores(&coefficients);
            let mean: Vec<f32> = mean.iter().map(|value| *value as f32).collect();
            let temperature = fit_temperature(&mean, &labels).map_err(Failure::from_error)?;
            coefficients.iter_mut().for_each(|it| *it /= temperature);
        }
        EnsembleWeights::Stacked => {
            coefficients = fit(validation, &truth, (PENALTY, 1e-9), &coefficients).weights;
        }
    }
    let loss = cross_entropy(&validation.scores(&coefficients), &truth);
    let bias = coefficients.pop().unwrap_or(0.0);
    Ok(Ensemble {
        weights,
        members: names.into_iter().zip(coefficients).collect(),
        bias,
        rows: labels.len() as u64,
        loss,
    })
}

impl DesignMatrix for MemberLogOdds {
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

    fn multiply_transposed(&self, values: &[f64]) -> Vec<f64> {
        let dot = |member: &Vec<f64>| member.iter().zip(values).map(|(one, two)| one * two).sum();
        let mut sums: Vec<f64> = self.members.iter().map(dot).collect();
        sums.push(values.iter().sum());
        sums
    }
}

/// Reads the predictions of all members.
///
/// # Errors
/// A file is damaged, or the members were evaluated on different reviews.
fn read_members(context: &Context, split: Split) -> Result<MemberLogOdds> {
    let mut odds = MemberLogOdds::default();
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
                "`{first}` and `{name}` cannot form an ensemble: they were evaluated on different {split} reviews"
            ))
            .with_hint("Evaluate them again with `ressenti run --only evaluate --force`".to_owned()));
        }
        let member = rows.iter().map(|row| log_odds(row.probability));
        odds.members.push(member.collect());
    }
    Ok(odds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_odds(values: &[&[f64]], labels: &[u8]) -> MemberLogOdds {
        let row = |(row, label): (usize, &u8)| Prediction {
            row_id: row as u64,
            split: Split::Validation,
            label: *label,
            probability: 0.5,
        };
        MemberLogOdds {
            rows: labels.iter().enumerate().map(row).collect(),
            members: values.iter().map(|member| member.to_vec()).collect(),
        }
    }

    fn names() -> Vec<String> {
        ["good", "noise"].map(str::to_owned).to_vec()
    }

    #[test]
    fn stacking_gives_weight_to_the_accurate_member() {
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
        let odds = log_odds(&[&good, &noise], &labels);
        let stacked = fit_weights(EnsembleWeights::Stacked, names(), &odds).expect("weights");
        assert!(
            stacked.members[0].1 > 0.8 && stacked.members[1].1.abs() < 0.1,
            "{stacked:?}"
        );
        let equal = fit_weights(EnsembleWeights::Equal, names(), &odds).expect("weights");
        assert_eq!(equal.members[0].1, equal.members[1].1);
        assert!(
            stacked.loss < equal.loss && equal.loss < 0.7,
            "{stacked:?} {equal:?}"
        );
        assert!(
            (stacked.log_odds(&[2.0, 0.0]) - stacked.bias - 2.0 * stacked.members[0].1).abs()
                < 1e-12
        );
        let empty = log_odds(&[&[], &[]], &[]);
        assert!(fit_weights(EnsembleWeights::Equal, names(), &empty).is_err());
    }
}
