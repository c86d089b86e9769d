//! Tests forecasts on the past: from every period, with the data available then.

use crate::data::Backtest;
use crate::linearisation::{linearise, observation};
use crate::log_odds::{interval, normal_half_width, sigmoid};
use crate::state_space::Posterior;
use metrics::Estimate;
use quantification::{QuasiLikelihood, ScoreMeans};

/// Minimum number of periods before the first forecast.
const MIN_PERIODS: usize = 8;

/// Maximum number of forecasts per horizon; more origins are thinned evenly.
const MAX_FORECASTS: usize = 60;

/// Maximum of periods times origins, so that long series have fewer origins.
const MAX_WORK: usize = 20_000;

/// The tested horizons, in periods.
const HORIZONS: [usize; 2] = [1, 3];

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

/// Compares forecasts of the state-space model, the last value and the overall mean with the estimated shares of the
/// later periods. The model has a slope if that of the trend has one; nothing else depends on later periods. Methods
/// with fewer than ten forecasts are omitted.
pub(crate) fn backtest(
    periods: &[Option<ScoreMeans>],
    likelihood: &QuasiLikelihood,
    has_slope: bool,
    confidence: f64,
) -> Vec<Backtest> {
    const NAMES: [&str; 3] = ["state-space model", "last value", "overall mean"];
    let width = normal_half_width(confidence);
    let mut sums = HORIZONS.map(|horizon| {
        NAMES.map(|name| Backtest {
            name,
            horizon,
            ..Backtest::default()
        })
    });
    let origins = MIN_PERIODS..periods.len();
    let most = (MAX_WORK / periods.len().max(1)).clamp(10, MAX_FORECASTS);
    let step = origins.len().div_ceil(most).max(1);
    let log_odds = |means: &Option<ScoreMeans>| Some(likelihood.log_odds(means.as_ref()?));
    let log_odds: Vec<Option<f64>> = periods.iter().map(log_odds).collect();
    for origin in origins.step_by(step) {
        let past: Vec<f64> = log_odds[..origin].iter().flatten().copied().collect();
        if past.len() < MIN_PERIODS {
            continue;
        }
        let model = Posterior::new(&linearise(&periods[..origin], likelihood), has_slope);
        let ahead = model.forecast(HORIZONS.into_iter().max().unwrap_or(1));
        for (sums, horizon) in sums.iter_mut().zip(HORIZONS) {
            let at = origin + horizon - 1;
            let Some((Some(outcome), Some(means))) = log_odds.get(at).zip(periods.get(at)) else {
                continue;
            };
            let (level, variance) = ahead[horizon - 1];
            let error = observation(likelihood, means, level).1;
            let forecasts = [
                interval(level, variance + model.irregular() + error, width),
                last_value(&past, horizon, width),
                overall_mean(&past, width),
            ];
            for (sums, forecast) in sums.iter_mut().zip(forecasts) {
                sums.add(forecast, sigmoid(*outcome), confidence);
            }
        }
    }
    let mut results = sums.concat();
    results.retain(|it| it.forecasts >= 10);
    for it in &mut results {
        let count = it.forecasts as f64;
        it.mean_absolute_error /= count;
        it.coverage /= count;
        it.interval_score /= count;
    }
    results
}

/// Forecasts the last value, with the variance of differences over this horizon.
fn last_value(past: &[f64], horizon: usize, width: f64) -> Estimate {
    let squares = past.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
    let variance = squares.sum::<f64>() / (past.len() - 1) as f64 * horizon as f64;
    interval(past[past.len() - 1], variance, width)
}

/// Forecasts the mean of all values, with the variance of a new value.
fn overall_mean(past: &[f64], width: f64) -> Estimate {
    let count = past.len() as f64;
    let mean = past.iter().sum::<f64>() / count;
    let squares = past.iter().map(|value| (value - mean).powi(2));
    let variance = squares.sum::<f64>() / (count - 1.0);
    interval(mean, variance * (1.0 + 1.0 / count), width)
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
        backtest(&periods, &likelihood, false, 0.9)
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
        assert!(scores((0..15).map(noise)).is_empty());
    }
}
