use super::*;
use crate::log_odds::sigmoid;
use crate::tests::fit;
use metrics::CounterRng;
use quantification::{Method, Quantifier};

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

/// A classifier that errs in 20% of the texts of each class.
fn imperfect_classifier() -> (Quantifier, QuasiLikelihood) {
    let labels: Vec<u8> = (0..400).map(|row| u8::from(row % 2 == 0)).collect();
    let probabilities: Vec<f32> = (0..400)
        .map(|row| match (row % 2 == 0, (row / 2) % 5 == 0) {
            (true, false) | (false, true) => 0.8,
            _ => 0.2,
        })
        .collect();
    let quantifier = Quantifier::new(&labels, &probabilities, None, 10, 1).expect("both classes");
    let likelihood = quantifier.quasi_likelihood(Method::default());
    (quantifier, likelihood)
}

/// Periods with this number of texts, which are positive with these probabilities.
fn periods(shares: &[f64], texts: u64, seed: u64) -> Vec<Option<ScoreMeans>> {
    let (quantifier, likelihood) = imperfect_classifier();
    let rng = CounterRng::for_sample(seed, 9);
    let unit = |index: u64| rng.bits(index) as f64 / u64::MAX as f64;
    let period = |(at, share): (usize, &f64)| {
        let probabilities: Vec<f32> = (0..texts)
            .map(|text| {
                let index = 2 * (at as u64 * texts + text);
                let (is_positive, is_wrong) = (unit(index) < *share, unit(index + 1) < 0.2);
                if is_positive == is_wrong { 0.2 } else { 0.8 }
            })
            .collect();
        quantifier.score_means(&likelihood, &probabilities)
    };
    shares.iter().enumerate().map(period).collect()
}

#[test]
fn many_texts_give_their_share() {
    let shares = [0.2, 0.5, 0.9, 0.6, 0.3, 0.7, 0.5, 0.4];
    let series = periods(&shares, 50_000, 1);
    for (observed, share) in linearise(&series, &imperfect_classifier().1)
        .iter()
        .zip(shares)
    {
        let (value, variance) = observed.expect("there are texts");
        assert!(
            (value - logit(share)).abs() < 0.06 && variance < 2e-3,
            "{value} {share}"
        );
    }
    assert_eq!(
        linearise(&[None, None], &imperfect_classifier().1),
        [None, None]
    );
}

/// Shares estimated from four texts one by one would be biased towards one half.
#[test]
fn few_texts_per_period_do_not_bias_the_level() {
    let mut covered = 0;
    for seed in 0..40 {
        let series = periods(&[0.9; 60], 4, 50 + seed);
        let fitted = fit(&linearise(&series, &imperfect_classifier().1), false);
        let (level, variance) = fitted.levels[30];
        let half = 1.96 * variance.sqrt();
        covered += i32::from((level - half..=level + half).contains(&logit(0.9)));
    }
    assert!(covered >= 36, "{covered} of 40");
    let (quantifier, likelihood) = imperfect_classifier();
    let series = vec![quantifier.score_means(&likelihood, &[0.8; 3]); 60];
    let fitted = fit(&linearise(&series, &likelihood), false);
    assert!(
        sigmoid(fitted.levels[30].0) > 0.95,
        "{:?}",
        fitted.levels[30]
    );
}

#[test]
fn the_rise_over_two_and_three_periods_is_estimated() {
    let rise = |shares: &[f64]| {
        let series = periods(shares, 2000, 3);
        fit(&linearise(&series, &imperfect_classifier().1), false).rise
    };
    for shares in [&[0.2, 0.8][..], &[0.3, 0.5, 0.8]] {
        let (rise, variance) = rise(shares);
        let expected = shares[shares.len() - 1] - shares[0];
        assert!((rise - expected).abs() < 0.06, "{rise} {expected}");
        assert!(variance.sqrt() < 0.04, "{variance}");
    }
    let (constant, variance) = rise(&[0.6, 0.6]);
    assert!(
        constant.abs() < 1.96 * variance.sqrt() && variance > 1e-5,
        "{constant} {variance}"
    );
}
