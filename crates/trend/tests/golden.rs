//! Compares the state-space models with statsmodels; `golden/make.py` computes its values.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use serde_json::Value;
use trend::state_space::{Observation, Variances, fit_with_variances};

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn likelihood_levels_and_forecasts_agree_with_statsmodels() {
    let golden: Value = serde_json::from_str(include_str!("golden/golden.json")).unwrap();
    let values = golden["values"].as_array().unwrap().iter();
    let observed: Vec<Observation> = values.map(|value| Some((value.as_f64()?, 0.0))).collect();
    for case in golden["cases"].as_array().unwrap() {
        let given = numbers(&case["variances"]);
        let found = fit_with_variances(
            &observed,
            Variances {
                irregular: given[0],
                level: given[1],
                slope: given.get(2).copied(),
            },
        );
        // The initial variance of 1e6 is only approximately diffuse, so the results differ slightly.
        let close = |what: &str, found: f64, expected: f64, tolerance: f64| {
            assert!(
                (found - expected).abs() < tolerance,
                "{given:?}: {what} {found}, expected {expected}"
            );
        };
        let likelihood = case["log_likelihood"].as_f64().unwrap();
        close("likelihood", found.log_likelihood, likelihood, 1e-4);
        let levels = numbers(&case["levels"])
            .into_iter()
            .zip(numbers(&case["level_variances"]));
        for ((level, variance), (expected, its_variance)) in found.levels.iter().zip(levels) {
            close("level", *level, expected, 1e-4);
            close("variance", *variance, its_variance, 1e-4);
        }
        let ahead = numbers(&case["forecast"])
            .into_iter()
            .zip(numbers(&case["forecast_variances"]));
        for ((level, variance), (expected, its_variance)) in
            found.posterior.forecast(3).into_iter().zip(ahead)
        {
            close("forecast", level, expected, 1e-4);
            close("its variance", variance, its_variance, 1e-4);
        }
    }
}
