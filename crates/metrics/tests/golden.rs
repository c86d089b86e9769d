//! The figures and tests against scipy, scikit-learn and statsmodels; `golden/make.py` says how theirs
//! were made.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use metrics::{
    Metric, ScoredRows, brier_parts, compare, compute_figures, fit_isotonic, fit_temperature, holm,
    interpolate, mcnemar, roc_curve, wilson_interval,
};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/golden.json")).expect("the script writes JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().expect("a list");
    values.iter().map(|value| value.as_f64().unwrap()).collect()
}

fn probabilities(golden: &Value, model: &str) -> Vec<f32> {
    numbers(&golden[model]).iter().map(|&x| x as f32).collect()
}

fn labels(golden: &Value) -> Vec<u8> {
    numbers(&golden["labels"])
        .iter()
        .map(|&x| x as u8)
        .collect()
}

fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found}, theirs {expected}"
    );
}

#[test]
fn figures_are_those_of_scikit_learn() {
    let golden = golden();
    for model in ["first", "second"] {
        let tally = ScoredRows::new(&labels(&golden), &probabilities(&golden, model)).unwrap();
        let found = compute_figures(&tally, 1, 0.95, 1).unwrap();
        for (name, expected) in golden["figures"][model].as_object().unwrap() {
            let what = format!("{name} of {model}");
            close(&what, found[name].value(), expected.as_f64().unwrap(), 1e-9);
        }
    }
    let tally = ScoredRows::new(&labels(&golden), &probabilities(&golden, "first")).unwrap();
    let found = compute_figures(&tally, 1, 0.95, 1).unwrap()[Metric::CalibrationError.name()];
    close("ece", found.value(), golden["ece"].as_f64().unwrap(), 1e-7);
    let parts = brier_parts(&tally, 10).unwrap();
    let expected = &golden["brier_parts"];
    for (name, found) in [
        ("reliability", parts.reliability),
        ("resolution", parts.resolution),
        ("uncertainty", parts.uncertainty),
    ] {
        close(name, found, expected[name].as_f64().unwrap(), 1e-9);
    }
}

#[test]
fn the_curve_is_that_of_scikit_learn() {
    let golden = golden();
    let tally = ScoredRows::new(&labels(&golden), &probabilities(&golden, "second")).unwrap();
    let found = roc_curve(&tally).unwrap();
    let expected = golden["roc"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let expected = numbers(expected);
        close(
            "false positives",
            found.false_positive_rate,
            expected[0],
            1e-12,
        );
        close(
            "true positives",
            found.true_positive_rate,
            expected[1],
            1e-12,
        );
    }
}

#[test]
fn calibration_is_that_of_scipy_and_scikit_learn() {
    let golden = golden();
    let differences = probabilities(&golden, "differences");
    let temperature = fit_temperature(&differences, &labels(&golden)).unwrap();
    close(
        "temperature",
        temperature,
        golden["temperature"].as_f64().unwrap(),
        1e-5,
    );
    let knots = fit_isotonic(&differences, &labels(&golden)).unwrap();
    let expected = numbers(&golden["isotonic"]["probabilities"]);
    for (place, expected) in numbers(&golden["isotonic"]["places"])
        .into_iter()
        .zip(expected)
    {
        close("isotonic", interpolate(&knots, place), expected, 1e-9);
    }
}

#[test]
fn tests_are_those_of_statsmodels() {
    let golden = golden();
    for row in golden["mcnemar"].as_array().unwrap() {
        let row = numbers(row);
        let found = mcnemar(row[0] as u64, row[1] as u64);
        assert!((found / row[2] - 1.0).abs() < 1e-9, "{row:?}: {found}");
    }
    let found = holm(&numbers(&golden["p_values"]));
    for (found, expected) in found.into_iter().zip(numbers(&golden["holm"])) {
        close("holm", found, expected, 1e-12);
    }
    for row in golden["wilson"].as_array().unwrap() {
        let row = numbers(row);
        let found = wilson_interval(row[0] as u64, row[1] as u64, 0.95).unwrap();
        close("low", found.low, row[2], 1e-6);
        close("high", found.high, row[3], 1e-6);
    }
}

/// Theirs are percentiles of 20,000 resamples, ours are Wilson's and Newcombe's: with 600 rows they agree to
/// within a third of a point, a tenth of their width.
#[test]
fn intervals_are_near_those_of_resampling_by_scipy() {
    let golden = golden();
    let (labels, first) = (labels(&golden), probabilities(&golden, "first"));
    let second = probabilities(&golden, "second");
    let tally = ScoredRows::new(&labels, &first).unwrap();
    let accuracy = compute_figures(&tally, 1, 0.95, 3).unwrap()["accuracy"];
    let accuracy = accuracy.estimate().unwrap();
    let expected = numbers(&golden["accuracy_interval"]);
    close("low", accuracy.low, expected[0], 0.003);
    close("high", accuracy.high, expected[1], 0.003);
    let pair = compare(&labels, ("first", &first), ("second", &second), 0.95).unwrap();
    assert_eq!(
        [pair.first_only as f64, pair.second_only as f64].to_vec(),
        numbers(&golden["only"])
    );
    close(
        "p-value",
        pair.p_value,
        golden["pair"].as_f64().unwrap(),
        1e-12,
    );
    let expected = numbers(&golden["difference_interval"]);
    close("low", pair.difference.low, expected[0], 0.003);
    close("high", pair.difference.high, expected[1], 0.003);
}
