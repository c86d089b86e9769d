//! Tests forecasts on the past: from every period, with the data available then.

use crate::data::Backtest;
use crate::linearisation::{linearise, observation};
use crate::log_odds::{interval, normal_half_width, sigmoid};
use crate::state_space::Posterior;
use metrics::Estimate;
use quantification::{QuasiLikelihood, ScoreMeans};

/// Minimum number of periods before the first forecast.
const MIN_PERIODS: usize = 8;

/// Minimum number of origins that a comparison of methods needs.
const MIN_FORECASTS: usize = 10;

/// Maximum number of forecasts per horizon; more origins are thinned evenly.
const MAX_FORECASTS: usize = 60;

/// Maximum of periods times origins, so that long series have fewer origins.
const MAX_WORK: usize = 20_000;

/// The methods, in the order of [`forecasts`]; if two are equally good, the first one is used.
pub(crate) const METHODS: [&str; 3] = ["overall mean", "last value", STATE_SPACE];

/// The method behind the smoothed trend.
pub(crate) const STATE_SPACE: &str = "state-space model";

/// Number of periods with reviews, without gaps, that a tested forecast of `horizon` periods needs.
pub(crate) fn needed_periods(horizon: usize) -> usize {
    MIN_PERIODS + MIN_FORECASTS + horizon - 1
}

impl Backtest {
    /// Adds a forecast to the sums, which become means at the end.
    fn add(&mut self, forecast: Estimate, outcome: f64, confidence: f64) {
        let Estimate { value, low, high } = forecast;
        self.forecasts += 1;
        self.mean_absolute_error += (value - outcome).abs();
        self.coverage += f64::from(u8::from((low..=high).contains(&outcome)));
        let missed = (low - outcome).max(outcome - high).max(0.0);
        self.interval_score += high - low + 2.0 / (1.0 - confidence) * missed;
    }
}

/// Compares [`METHODS`] with the estimated shares of the later periods, 1 and `horizon` periods ahead of rolling
/// origins. The state-space model has a slope if that of the trend has one; nothing else depends on later periods.
/// Empty if `horizon` is 0, or with fewer than [`MIN_FORECASTS`] origins.
pub(crate) fn backtest(
    periods: &[Option<ScoreMeans>],
    likelihood: &QuasiLikelihood,
    has_slope: bool,
    confidence: f64,
    horizon: usize,
) -> Vec<Backtest> {
    if horizon == 0 {
        return Vec::new();
    }
    let width = normal_half_width(confidence);
    let mut horizons = vec![1, horizon];
    horizons.dedup();
    let new = |horizon: &usize| {
        METHODS.map(|name| Backtest {
            name,
            horizon: *horizon,
            ..Backtest::default()
        })
    };
    let mut sums: Vec<[Backtest; 3]> = horizons.iter().map(new).collect();
    let has_outcomes = |origin: &usize| {
        let outcome = |horizon: &usize| periods[origin + horizon - 1].is_some();
        horizons.iter().all(outcome) && periods[..*origin].iter().flatten().count() >= MIN_PERIODS
    };
    let origins = MIN_PERIODS..(periods.len() + 1).saturating_sub(horizon);
    let origins: Vec<usize> = origins.filter(has_outcomes).collect();
    if origins.len() < MIN_FORECASTS {
        return Vec::new();
    }
    let most = (MAX_WORK / periods.len()).clamp(2 * MIN_FORECASTS, MAX_FORECASTS);
    let step = origins.len().div_ceil(most);
    for origin in origins.into_iter().step_by(step) {
        let past = &periods[..origin];
        let model = Posterior::new(&linearise(past, likelihood), has_slope);
        let ahead = forecasts(&model, past, likelihood, horizon);
        for (sums, horizon) in sums.iter_mut().zip(&horizons) {
            let Some(means) = &periods[origin + horizon - 1] else {
                continue;
            };
            let outcome = sigmoid(likelihood.log_odds(means));
            for (sums, ahead) in sums.iter_mut().zip(&ahead) {
                let (level, mut variance) = ahead[horizon - 1];
                if sums.name == STATE_SPACE {
                    // The variances of the other methods contain the errors of periods.
                    variance += observation(likelihood, means, level).1;
                }
                sums.add(interval(level, variance, width), outcome, confidence);
            }
        }
    }
    let mut results = sums.concat();
    for it in &mut results {
        let count = it.forecasts as f64;
        it.mean_absolute_error /= count;
        it.coverage /= count;
        it.interval_score /= count;
    }
    results
}

/// The mean interval score of a method over the tested horizons.
pub(crate) fn score(backtest: &[Backtest], method: &str) -> f64 {
    let own = backtest.iter().filter(|it| it.name == method);
    own.clone().map(|it| it.interval_score).sum::<f64>() / own.count() as f64
}

/// The method with the lowest [`score`] and its index in [`forecasts`]; `None` if nothing was tested.
pub(crate) fn best_method(backtest: &[Backtest]) -> Option<(usize, &'static str)> {
    let score = |(_, method): &(usize, &str)| score(backtest, method);
    let methods = METHODS.into_iter().enumerate();
    let best = methods.min_by(|one, two| score(one).total_cmp(&score(two)));
    best.filter(|_| !backtest.is_empty())
}

/// Forecasts of the next `horizon` periods by each of [`METHODS`], as mean and variance of log-odds. At least two
/// periods must have texts.
pub(crate) fn forecasts(
    model: &Posterior,
    past: &[Option<ScoreMeans>],
    likelihood: &QuasiLikelihood,
    horizon: usize,
) -> [Vec<(f64, f64)>; 3] {
    let texts: Vec<f64> = past.iter().flatten().map(|it| it.texts).collect();
    let values = past.iter().flatten().map(|it| likelihood.log_odds(it));
    let values: Vec<f64> = values.collect();
    let levels = model.forecast(horizon).into_iter();
    let levels = levels.map(|(level, variance)| (level, variance + model.irregular()));
    [
        vec![overall_mean(&values, &texts); horizon],
        (1..=horizon).map(|it| last_value(&values, it)).collect(),
        levels.collect(),
    ]
}

/// Forecasts the last value, with the variance of differences over this horizon.
fn last_value(past: &[f64], horizon: usize) -> (f64, f64) {
    let squares = past.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
    let variance = squares.sum::<f64>() / (past.len() - 1) as f64 * horizon as f64;
    (past[past.len() - 1], variance)
}

/// Forecasts the mean over all texts, with the variance of a new value.
fn overall_mean(past: &[f64], texts: &[f64]) -> (f64, f64) {
    // Values of few texts are extreme.
    let weighted = past.iter().zip(texts).map(|(value, texts)| texts * value);
    let mean = weighted.sum::<f64>() / texts.iter().sum::<f64>();
    let squares: f64 = past.iter().map(|value| (value - mean).powi(2)).sum();
    let count = past.len() as f64;
    (mean, squares / (count - 1.0) * (1.0 + 1.0 / count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::perfect_classifier;

    /// The backtest of a classifier without errors, on periods of 400 texts with these log-odds.
    fn scores(values: impl Iterator<Item = f64>) -> Vec<Backtest> {
        let (quantifier, likelihood) = perfect_classifier();
        let period = |log_odds: f64| {
            let positives = (400.0 * sigmoid(log_odds)).round() as usize;
            let probabilities: Vec<f32> = (0..400)
                .map(|row| if row < positives { 0.9 } else { 0.1 })
                .collect();
            quantifier.score_means(&likelihood, &probabilities)
        };
        let periods: Vec<Option<ScoreMeans>> = values.map(period).collect();
        backtest(&periods, &likelihood, false, 0.9, 3)
    }

    #[test]
    fn each_method_is_best_on_its_own_kind_of_series() {
        let noise = |at: usize| 0.3 * ((at * 7919 % 17) as f64 / 8.0 - 1.0);
        let by = |found: &[Backtest], name: &str| {
            let found = found.iter().find(|it| it.name == name && it.horizon == 1);
            found.expect("it was tested").interval_score
        };
        // Noise around a mean: the last value is worst.
        let constant = scores((0..60).map(noise));
        assert!(by(&constant, "last value") > by(&constant, "overall mean"));
        assert!(by(&constant, "state-space model") < 1.2 * by(&constant, "overall mean"));
        // A long rise: the mean is worst.
        let rising = scores((0..60).map(|at| 0.1 * at as f64 - 3.0));
        assert!(by(&rising, "overall mean") > 2.0 * by(&rising, "last value"));
        assert!(by(&rising, "state-space model") < by(&rising, "overall mean"));
    }

    #[test]
    fn intervals_cover_and_short_series_are_not_tested() {
        let noise = |at: usize| 0.4 * ((at * 7919 % 101) as f64 / 50.0 - 1.0);
        let found = scores((0..120).map(noise));
        let model = &found[0];
        assert!((0.8..=1.0).contains(&model.coverage), "{model:?}");
        assert!(scores((0..needed_periods(3) - 1).map(noise)).is_empty());
        assert_eq!(scores((0..needed_periods(3)).map(noise)).len(), 6);
    }

    #[test]
    fn the_state_space_model_forecasts_only_if_it_beats_the_other_methods() {
        let of = |interval_scores: [f64; 3]| {
            let methods = METHODS.into_iter().zip(interval_scores);
            let one = |(name, interval_score)| Backtest {
                name,
                interval_score,
                ..Backtest::default()
            };
            best_method(&methods.map(one).collect::<Vec<_>>()).map(|(_, name)| name)
        };
        assert_eq!(of([0.3, 0.3, 0.2]), Some(STATE_SPACE));
        assert_eq!(of([0.3, 0.2, 0.2]), Some("last value"));
        assert_eq!(of([0.2, 0.2, 0.2]), Some("overall mean"));
        assert_eq!(best_method(&[]), None);
    }
}
