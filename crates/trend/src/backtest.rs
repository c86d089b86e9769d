//! How forecasts would have done: from every period on, with what was known then.

use crate::data::Backtest;
use crate::linearisation::{linearise, observation};
use crate::log_odds::{interval, normal_half_width, sigmoid};
use crate::state_space::Posterior;
use metrics::Estimate;
use quantification::{QuasiLikelihood, ScoreMeans};

/// Periods that must be known before the first forecast.
const FEWEST: usize = 8;

/// Forecasts of each horizon at most; origins are spread evenly beyond that.
const MOST: usize = 60;

/// Periods times origins at most: of long series there are fewer.
const WORK: usize = 20_000;

/// Horizons that are looked at.
const HORIZONS: [usize; 2] = [1, 3];

impl Backtest {
    /// Adds a forecast to what are sums until all are in.
    fn add(&mut self, forecast: Estimate, came: f64, confidence: f64) {
        let Estimate { value, low, high } = forecast;
        self.forecasts += 1;
        self.mean_absolute_error += (value - came).abs();
        self.coverage += f64::from(u8::from((low..=high).contains(&came)));
        let missed = (low - came).max(came - high).max(0.0);
        self.interval_score += high - low + 2.0 / (1.0 - confidence) * missed;
    }
}

/// The model of the trend, the last value and the overall mean, forecasting the estimated shares of
/// periods that followed. The model is of the kind that the trend has, with a slope or without, and
/// knows nothing else of what came later. Nothing where fewer than ten forecasts can be judged.
pub(crate) fn backtest(
    periods: &[Option<ScoreMeans>],
    quasi_likelihood: &QuasiLikelihood,
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
    let origins = FEWEST..periods.len();
    let most = (WORK / periods.len().max(1)).clamp(10, MOST);
    let step = origins.len().div_ceil(most).max(1);
    let log_odds =
        |score_means: &Option<ScoreMeans>| Some(quasi_likelihood.log_odds(score_means.as_ref()?));
    let log_odds: Vec<Option<f64>> = periods.iter().map(log_odds).collect();
    for origin in origins.step_by(step) {
        let known: Vec<f64> = log_odds[..origin].iter().flatten().copied().collect();
        if known.len() < FEWEST {
            continue;
        }
        let model = Posterior::of(&linearise(&periods[..origin], quasi_likelihood), has_slope);
        let ahead = model.forecast(HORIZONS.into_iter().max().unwrap_or(1));
        for (sums, horizon) in sums.iter_mut().zip(HORIZONS) {
            let at = origin + horizon - 1;
            let (Some(Some(came)), Some(Some(score_means))) = (log_odds.get(at), periods.get(at))
            else {
                continue;
            };
            let (level, variance) = ahead[horizon - 1];
            let error = observation(quasi_likelihood, score_means, level).1;
            let forecasts = [
                interval(level, variance + model.irregular() + error, width),
                last_value(&known, horizon, width),
                overall_mean(&known, width),
            ];
            for (sums, forecast) in sums.iter_mut().zip(forecasts) {
                sums.add(forecast, sigmoid(*came), confidence);
            }
        }
    }
    let mut judged = sums.concat();
    judged.retain(|it| it.forecasts >= 10);
    for it in &mut judged {
        let count = it.forecasts as f64;
        it.mean_absolute_error /= count;
        it.coverage /= count;
        it.interval_score /= count;
    }
    judged
}

/// The last value, as unsure as values were that far apart.
fn last_value(known: &[f64], horizon: usize, width: f64) -> Estimate {
    let squares = known.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
    let variance = squares.sum::<f64>() / (known.len() - 1) as f64 * horizon as f64;
    interval(known[known.len() - 1], variance, width)
}

/// The mean of all values, as unsure as a new value beside it.
fn overall_mean(known: &[f64], width: f64) -> Estimate {
    let count = known.len() as f64;
    let mean = known.iter().sum::<f64>() / count;
    let squares = known.iter().map(|value| (value - mean).powi(2));
    let variance = squares.sum::<f64>() / (count - 1.0);
    interval(mean, variance * (1.0 + 1.0 / count), width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::perfect_classifier;

    /// Of a model that does not err, about periods of 400 texts with these log-odds.
    fn scores(values: impl Iterator<Item = f64>) -> Vec<Backtest> {
        let (quantifier, quasi_likelihood) = perfect_classifier();
        let period = |log_odds: f64| {
            let positives = (400.0 * sigmoid(log_odds)).round() as usize;
            let probabilities: Vec<f32> = (0..400)
                .map(|row| if row < positives { 0.9 } else { 0.1 })
                .collect();
            quantifier.score_means(&quasi_likelihood, &probabilities)
        };
        let periods: Vec<Option<ScoreMeans>> = values.map(period).collect();
        backtest(&periods, &quasi_likelihood, false, 0.9)
    }

    #[test]
    fn each_way_wins_where_it_is_right() {
        let noise = |at: usize| 0.3 * ((at * 7919 % 17) as f64 / 8.0 - 1.0);
        let by = |found: &[Backtest], name: &str| {
            let found = found.iter().find(|it| it.name == name && it.horizon == 1);
            found.expect("it was judged").interval_score
        };
        // Noise about a mean: the last value is the worst.
        let still = scores((0..60).map(noise));
        assert!(by(&still, "last value") > by(&still, "overall mean"));
        assert!(by(&still, "state-space model") < 1.2 * by(&still, "overall mean"));
        // A long rise: the mean is.
        let rising = scores((0..60).map(|at| 0.1 * at as f64 - 3.0));
        assert!(by(&rising, "overall mean") > 2.0 * by(&rising, "last value"));
        assert!(by(&rising, "state-space model") < by(&rising, "overall mean"));
    }

    #[test]
    fn intervals_hold_as_often_as_they_say_and_short_series_are_left_alone() {
        let noise = |at: usize| 0.4 * ((at * 7919 % 101) as f64 / 50.0 - 1.0);
        let found = scores((0..120).map(noise));
        let model = &found[0];
        assert!((0.8..=1.0).contains(&model.coverage), "{model:?}");
        assert!(scores((0..15).map(noise)).is_empty());
    }
}
