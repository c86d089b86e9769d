use super::*;
use crate::odds::share_of;
use crate::tests::fit;
use metrics::CounterRng;
use quantification::{Method, Quantifier};

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

/// A model that errs in a fifth of the texts of either class.
fn erring() -> (Quantifier, Response) {
    let labels: Vec<u8> = (0..400).map(|row| u8::from(row % 2 == 0)).collect();
    let said: Vec<f32> = (0..400)
        .map(|row| match (row % 2 == 0, row / 2 % 5 == 0) {
            (true, false) | (false, true) => 0.8,
            _ => 0.2,
        })
        .collect();
    let quantifier = Quantifier::new(&labels, &said, 10, 1).expect("both classes");
    let response = quantifier.response(Method::default());
    (quantifier, response)
}

/// Periods of so many texts, positive with these probabilities.
fn periods(shares: &[f64], texts: u64, seed: u64) -> Vec<Option<Evidence>> {
    let (quantifier, response) = erring();
    let draws = CounterRng::for_sample(seed, 9);
    let unit = |place: u64| draws.bits(place) as f64 / u64::MAX as f64;
    let period = |(at, share): (usize, &f64)| {
        let said: Vec<f32> = (0..texts)
            .map(|text| {
                let place = 2 * (at as u64 * texts + text);
                let (is_positive, is_wrong) = (unit(place) < *share, unit(place + 1) < 0.2);
                if is_positive == is_wrong { 0.2 } else { 0.8 }
            })
            .collect();
        quantifier.evidence(&response, &said)
    };
    shares.iter().enumerate().map(period).collect()
}

#[test]
fn many_texts_are_their_own_share() {
    let shares = [0.2, 0.5, 0.9, 0.6, 0.3, 0.7, 0.5, 0.4];
    let series = periods(&shares, 50_000, 1);
    for (observed, share) in linearised(&series, &erring().1).iter().zip(shares) {
        let (value, variance) = observed.expect("there are texts");
        assert!(
            (value - logit(share)).abs() < 0.06 && variance < 2e-3,
            "{value} {share}"
        );
    }
    assert_eq!(linearised(&[None, None], &erring().1), [None, None]);
}

/// Log-odds of shares of three or four texts, one by one, are drawn to the middle, all of them.
#[test]
fn few_texts_a_period_do_not_draw_the_level_to_the_middle() {
    let mut held = 0;
    for seed in 0..40 {
        let series = periods(&[0.9; 60], 4, 50 + seed);
        let fitted = fit(&linearised(&series, &erring().1), false);
        let (level, variance) = fitted.levels[30];
        let half = 1.96 * variance.sqrt();
        held += i32::from((level - half..=level + half).contains(&logit(0.9)));
    }
    assert!(held >= 36, "{held} of 40");
    let (quantifier, response) = erring();
    let series = vec![quantifier.evidence(&response, &[0.8; 3]); 60];
    let fitted = fit(&linearised(&series, &response), false);
    assert!(
        share_of(fitted.levels[30].0) > 0.95,
        "{:?}",
        fitted.levels[30]
    );
}

#[test]
fn two_and_three_periods_move_as_they_do() {
    let rise = |shares: &[f64]| {
        let series = periods(shares, 2000, 3);
        fit(&linearised(&series, &erring().1), false).rise
    };
    for shares in [&[0.2, 0.8][..], &[0.3, 0.5, 0.8]] {
        let (rise, variance) = rise(shares);
        let expected = shares[shares.len() - 1] - shares[0];
        assert!((rise - expected).abs() < 0.06, "{rise} {expected}");
        assert!(variance.sqrt() < 0.04, "{variance}");
    }
    let (still, variance) = rise(&[0.6, 0.6]);
    assert!(
        still.abs() < 1.96 * variance.sqrt() && variance > 1e-5,
        "{still} {variance}"
    );
}
