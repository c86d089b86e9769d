//! Estimates the trend of predicted reviews: a pure function, without files and models.

use std::collections::BTreeMap;
use std::iter;

use artifact::files::PredictedLanguages;
use artifact::format;
use metrics::Estimate;
use quantification::{Method, PrevalenceEstimate, Quantifier, QuasiLikelihood, ScoreMeans};

use crate::backtest::{backtest, best_method, forecasts, needed_periods};
use crate::change_points;
use crate::data::{
    AuthorComparison, ChangePoint, Forecast, Input, PeriodEstimate, ScoredReview, TopicEstimate,
    Trend, TrendModel,
};
use crate::date_filter::filter_dates;
use crate::error::{TrendError, UnusableReviews};
use crate::error_rates::LearnedErrorRates;
use crate::linearisation::linearise;
use crate::log_odds::{difference, interval, normal_half_width};
use crate::options::Options;
use crate::period::{Period, date_from_day};
use crate::pooling::pool_topics;
use crate::sentences::percent;
use crate::state_space::{FittedModel, fit_best};
use crate::topic_mix::{IntervalOptions, topic_mix};

/// Maximum number of periods.
const MAX_PERIODS: i64 = 5000;

/// Minimum probability of a change that is reported.
pub(crate) const MIN_CHANGE_PROBABILITY: f64 = 0.5;

/// Estimates the trend of reviews, corrected for the model's error rates. [`ChangePoint::words`] stays empty, because
/// the texts are not available here.
///
/// # Errors
/// There are no reviews, there are too many periods, or `is_stopped` returned true ([`TrendError::Stopped`]).
pub(crate) fn estimate_trend(
    input: &Input,
    learned: &LearnedErrorRates,
    options: &Options,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Trend, TrendError> {
    let quantifier = &learned.quantifier;
    let (rows, skipped) = filter_dates(&input.rows, options.keep_all_times);
    let days: Vec<i64> = rows.iter().map(|row| row.day).collect();
    let period = options.period.unwrap_or_else(|| Period::choose(&days));
    let series = Series::new(rows, period)?;
    let mut estimator = Estimator {
        quantifier,
        likelihood: quantifier.quasi_likelihood(options.method),
        options,
        width: normal_half_width(options.confidence),
        shared_variance: 0.0,
        is_stopped,
    };
    let alone = series.groups.iter().map(|rows| estimator.estimate(rows));
    let alone = alone.collect::<Result<Vec<Option<PrevalenceEstimate>>, _>>()?;
    let all = series.groups.concat();
    let overall = estimator.estimate(&all)?;
    let overall = overall.ok_or(UnusableReviews::NothingLeft)?;
    estimator.shared_variance =
        (overall.total_error.powi(2) - overall.sampling_error.powi(2)).max(0.0);
    let means = series.groups.iter().map(|rows| estimator.score_means(rows));
    let means: Vec<Option<ScoreMeans>> = means.collect();
    let observed = linearise(&means, &estimator.likelihood);
    let (fitted, aic) = fit_best(&observed);
    let changes = change_points::probabilities(&observed, fitted.variances.irregular);
    let estimate_period = |(at, rows): (usize, &Vec<ScoredReview>)| PeriodEstimate {
        label: series.label(at),
        start: date_from_day(series.day(at)).to_string(),
        rows: rows.len(),
        counted: quantifier.prevalence(&probabilities(rows), Method::ClassifyAndCount),
        share: alone[at].map(|share| share.estimate),
        level: Some(estimator.interval(fitted.levels[at])),
        change: Some(changes[at]),
        author_labels: author_labels(rows),
    };
    let groups = series.groups.iter().enumerate();
    let periods: Vec<PeriodEstimate> = groups.map(estimate_period).collect();
    let (likelihood, horizon) = (&estimator.likelihood, options.horizon);
    let has_slope = fitted.variances.slope.is_some();
    let backtest = backtest(&means, likelihood, has_slope, options.confidence, horizon);
    let best = best_method(&backtest);
    let mut forecast = Vec::new();
    if let Some((method, _)) = best {
        let ahead = &forecasts(&fitted.posterior, &means, likelihood, horizon)[method];
        forecast.extend((periods.len()..).zip(ahead).map(|(at, level)| Forecast {
            label: series.label(at),
            level: estimator.interval(*level),
        }));
    }
    let is_untested = best.is_none() && horizon > 0;
    let counted = quantifier.prevalence(&probabilities(&all), Method::ClassifyAndCount);
    let intervals = IntervalOptions {
        width: estimator.width,
        shared_variance: estimator.shared_variance,
    };
    let learned_scores = (quantifier, likelihood);
    let trend = Trend {
        files: Vec::new(),
        period,
        method: options.method,
        confidence: options.confidence,
        rows: all.len(),
        training_rows: 0,
        languages: PredictedLanguages::default(),
        language_warning: None,
        labelled: quantifier.rows(),
        labelled_cross_fitted: learned.cross_fitted,
        labelled_groups: quantifier.groups(),
        warning: None,
        has_skipped_dates: !skipped.is_empty(),
        skipped,
        overall: Some(overall.estimate),
        overall_counted: counted.unwrap_or(0.0),
        overall_author_labels: author_labels(&all),
        forecast,
        forecast_method: best.map(|(_, name)| name),
        forecast_needs: is_untested.then(|| needed_periods(horizon)),
        backtest,
        topic_mix: topic_mix(
            (&series.groups, &observed),
            &input.topics,
            learned_scores,
            &intervals,
        ),
        topics: topics(&input.topics, &all, &estimator)?,
        largest_change: largest_change(&series, &changes, &estimator, input.topics.len())?,
        author_comparison: compare_with_authors(&periods),
        model: Some(describe_model(&fitted, aic, estimator.width)),
        periods,
    };
    let warning = warning(&trend, learned, &all);
    Ok(match warning {
        Some(warning) => trend.without_estimates(warning),
        None => trend,
    })
}

/// Why the share of these reviews cannot be estimated, and what to do; `None` if it can.
fn warning(trend: &Trend, learned: &LearnedErrorRates, rows: &[ScoredReview]) -> Option<String> {
    let reason = if !learned.is_sample && rows.iter().all(|row| row.is_training) {
        "because the model was trained on all of these reviews, so its predictions of them are overconfident"
    } else {
        let words: Vec<(u64, usize)> = rows.iter().map(|row| (row.words, row.topic)).collect();
        let method = Method::default();
        let prevalence = (learned.quantifier).prevalence(&probabilities(rows), method)?;
        if !learned.domain.as_ref()?.differs(&words, prevalence) {
            return None;
        }
        "because their common words differ from those of the labelled reviews that the model and its error rates were learned from"
    };
    let count = format::plural(rows.len() as u64, "review", "reviews");
    let counted = percent(trend.overall_counted);
    // The number of authors' labels that calibration needs, with as many left to estimate.
    let is_labelled = trend
        .overall_author_labels
        .is_some_and(|(_, labels)| labels >= 600);
    let hint = match (learned.is_sample, is_labelled) {
        (false, true) => {
            "Use labels of the file: `--calibrate-on 300`, or `calibrate_on=300` in a request."
        }
        _ => "Label 300 of these reviews, drawn at random, and use `--labelled FILE`.",
    };
    Some(format!(
        "The share of positive reviews cannot be estimated, {reason}. The model labels {counted} of {count} positive; its \
         error rates on this kind of text are not known. {hint}"
    ))
}

/// Reviews grouped by period, including empty periods.
struct Series {
    period: Period,
    first: i64,
    groups: Vec<Vec<ScoredReview>>,
}

impl Series {
    fn new(rows: Vec<ScoredReview>, period: Period) -> Result<Self, TrendError> {
        let numbers = rows.iter().map(|row| period.number(row.day));
        let (Some(first), Some(last)) = (numbers.clone().min(), numbers.max()) else {
            return Err(UnusableReviews::NothingLeft.into());
        };
        let count = last - first + 1;
        if count > MAX_PERIODS {
            let period = period.name();
            return Err(UnusableReviews::TooManyPeriods { period, count }.into());
        }
        let mut groups = vec![Vec::new(); usize::try_from(count).unwrap_or(0)];
        for row in rows {
            let at = usize::try_from(period.number(row.day) - first).unwrap_or(0);
            groups[at].push(row);
        }
        Ok(Self {
            period,
            first,
            groups,
        })
    }

    /// The label of a period, by its index.
    fn label(&self, at: usize) -> String {
        self.period.label(self.first + at as i64)
    }

    /// The first day of a period, by its index.
    fn day(&self, at: usize) -> i64 {
        self.period.start(self.first + at as i64)
    }
}

/// Estimates shares of positive reviews.
struct Estimator<'a> {
    quantifier: &'a Quantifier,
    likelihood: QuasiLikelihood,
    options: &'a Options,
    /// Half the width of an interval in standard deviations.
    width: f64,
    /// The variance that all periods share, in squared log-odds: the uncertainty of the model's error rates.
    shared_variance: f64,
    is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Estimator<'_> {
    fn estimate(&self, rows: &[ScoredReview]) -> Result<Option<PrevalenceEstimate>, TrendError> {
        if (self.is_stopped)() {
            return Err(TrendError::Stopped);
        }
        let (quantifier, options) = (self.quantifier, self.options);
        let (method, confidence) = (options.method, options.confidence);
        Ok(quantifier.quantify(&probabilities(rows), method, confidence, options.seed))
    }

    fn score_means(&self, rows: &[ScoredReview]) -> Option<ScoreMeans> {
        self.quantifier
            .score_means(&self.likelihood, &probabilities(rows))
    }

    /// The interval of a share whose log-odds are normal with this mean and variance.
    fn interval(&self, (log_odds, variance): (f64, f64)) -> Estimate {
        interval(log_odds, variance + self.shared_variance, self.width)
    }
}

fn probabilities(rows: &[ScoredReview]) -> Vec<f32> {
    rows.iter().map(|row| row.probability).collect()
}

/// The share of positive labels by the authors, and the number of labels.
fn author_labels(rows: &[ScoredReview]) -> Option<(f64, usize)> {
    let labels = rows.iter().filter_map(|row| row.author_label);
    let labels: Vec<f64> = labels.map(f64::from).collect();
    let mean = labels.iter().sum::<f64>() / labels.len() as f64;
    (!labels.is_empty()).then_some((mean, labels.len()))
}

fn describe_model(fitted: &FittedModel, aic: [f64; 2], width: f64) -> TrendModel {
    let has_slope = fitted.variances.slope.is_some();
    TrendModel {
        name: ["local level", "local linear trend"][usize::from(has_slope)],
        variances: fitted.variances,
        aic,
        // The shared variance nearly cancels in a difference.
        rise: difference(fitted.rise, width),
    }
}

/// Estimates for each topic, by descending number of reviews.
fn topics(
    names: &[String],
    rows: &[ScoredReview],
    estimator: &Estimator<'_>,
) -> Result<Vec<TopicEstimate>, TrendError> {
    let mut found: Vec<(&String, PrevalenceEstimate, ScoreMeans)> = Vec::new();
    for (topic, rows) in group_by_topic(rows) {
        if let Some((share, means)) = estimator.estimate(&rows)?.zip(estimator.score_means(&rows)) {
            found.push((&names[topic], share, means));
        }
    }
    found.sort_by(|one, two| two.1.rows.cmp(&one.1.rows).then(one.0.cmp(two.0)));
    let means: Vec<&ScoreMeans> = found.iter().map(|found| &found.2).collect();
    let pooled = pool_topics(&means, &estimator.likelihood);
    let topic = |(at, (name, alone, _)): (usize, &(&String, PrevalenceEstimate, ScoreMeans))| {
        TopicEstimate {
            topic: (*name).clone(),
            rows: alone.rows,
            alone: alone.estimate,
            share: (pooled.as_ref())
                .map_or(alone.estimate, |pooled| estimator.interval(pooled[at])),
        }
    };
    Ok(found.iter().enumerate().map(topic).collect())
}

fn group_by_topic(rows: &[ScoredReview]) -> BTreeMap<usize, Vec<ScoredReview>> {
    let mut groups: BTreeMap<usize, Vec<ScoredReview>> = BTreeMap::new();
    for row in rows {
        groups.entry(row.topic).or_default().push(*row);
    }
    groups
}

/// The likely change with the largest difference between both sides, if any change is likely.
fn largest_change(
    series: &Series,
    changes: &[f64],
    estimator: &Estimator<'_>,
    topics: usize,
) -> Result<Option<ChangePoint>, TrendError> {
    let likely = (1..changes.len()).filter(|at| changes[*at] >= MIN_CHANGE_PROBABILITY);
    let ends = iter::once(0).chain(likely).chain([series.groups.len()]);
    let ends: Vec<usize> = ends.collect();
    let mut largest: Option<(ChangePoint, [Vec<ScoredReview>; 2])> = None;
    for window in ends.windows(3) {
        let (from, at, to) = (window[0], window[1], window[2]);
        let sides = [from..at, at..to].map(|part| series.groups[part].concat());
        let (before, after) = (estimator.estimate(&sides[0]), estimator.estimate(&sides[1]));
        let Some((before, after)) = before?.zip(after?) else {
            continue;
        };
        let change = ChangePoint {
            label: series.label(at),
            day: series.day(at),
            probability: changes[at],
            days: [(from, at), (at, to)].map(|(from, to)| (series.day(from), series.day(to) - 1)),
            before: before.estimate,
            after: after.estimate,
            within_topics: None,
            mix_of_topics: None,
            words: Vec::new(),
        };
        let size = |change: &ChangePoint| (change.after.value - change.before.value).abs();
        if (largest.as_ref()).is_none_or(|(best, _)| size(&change) >= size(best)) {
            largest = Some((change, sides));
        }
    }
    Ok(largest.map(|(mut change, sides)| {
        if topics > 1 {
            let (within, mix) = decompose_change(&sides, estimator);
            (change.within_topics, change.mix_of_topics) = (Some(within), Some(mix));
        }
        change
    }))
}

/// Splits a change into other opinions on the same topics and another mix of topics (Kitagawa 1955). Topics that
/// occur on one side only count as mix.
fn decompose_change(sides: &[Vec<ScoredReview>; 2], estimator: &Estimator<'_>) -> (f64, f64) {
    // The weight and the share of each topic on either side.
    let mut parts: BTreeMap<usize, [(f64, Option<f64>); 2]> = BTreeMap::new();
    for (side, rows) in sides.iter().enumerate() {
        for (topic, own) in group_by_topic(rows) {
            let weight = own.len() as f64 / rows.len().max(1) as f64;
            let quantifier = estimator.quantifier;
            let share = quantifier.prevalence(&probabilities(&own), estimator.options.method);
            parts.entry(topic).or_default()[side] = (weight, share);
        }
    }
    let (mut within, mut mix) = (0.0, 0.0);
    for [(weight, share), (later_weight, later_share)] in parts.into_values() {
        if let Some((one, two)) = share.or(later_share).zip(later_share.or(share)) {
            within += (weight + later_weight) / 2.0 * (two - one);
            mix += (later_weight - weight) * (one + two) / 2.0;
        }
    }
    (within, mix)
}

/// Compares the estimated shares with the authors' labels; `None` without labels.
fn compare_with_authors(periods: &[PeriodEstimate]) -> Option<AuthorComparison> {
    let mut sums = AuthorComparison::default();
    for period in periods {
        if let (Some((truth, rows)), Some(share), Some(level)) =
            (period.author_labels, period.share, period.level)
        {
            sums.periods += 1;
            sums.rows += rows;
            sums.mean_absolute_error += (share.value - truth).abs();
            sums.mean_absolute_error_of_level += (level.value - truth).abs();
            sums.mean_absolute_error_counted += (period.counted.unwrap_or(0.0) - truth).abs();
            sums.coverage += f64::from(u8::from((share.low..=share.high).contains(&truth)));
        }
    }
    let count = sums.periods as f64;
    sums.mean_absolute_error /= count;
    sums.mean_absolute_error_of_level /= count;
    sums.mean_absolute_error_counted /= count;
    sums.coverage /= count;
    (sums.periods > 0).then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_shift::{CommonWords, LabelledDomain};
    use crate::tests::perfect_classifier;

    /// The trend of 40 reviews with labels, 30 of them positive, which contain these words.
    fn trend_of(words: u64, is_training: bool, is_sample: bool) -> Trend {
        let row = |number: u8| ScoredReview {
            topic: 0,
            day: i64::from(number),
            probability: if number < 30 { 0.9 } else { 0.1 },
            author_label: Some(u8::from(number < 30)),
            words,
            is_training,
        };
        let input = Input {
            topics: vec!["all".to_owned()],
            rows: (0..40).map(row).collect(),
            ..Input::default()
        };
        let reviews: Vec<(u8, u64, u64)> = (0..200).map(|row| (row as u8 % 2, 1, row)).collect();
        let learned = LearnedErrorRates {
            quantifier: perfect_classifier().0,
            cross_fitted: 0,
            domain: Some(LabelledDomain::new(CommonWords::new(&["good"]), &reviews)),
            is_sample,
        };
        estimate_trend(&input, &learned, &Options::default(), &|| false).expect("a trend")
    }

    #[test]
    fn reviews_of_another_domain_are_counted_without_any_estimate() {
        let trend = trend_of(0, false, false);
        let warning = trend.warning.clone().expect("another domain");
        assert!(warning.contains("cannot be estimated"), "{warning}");
        assert!(
            warning.contains("labels 75.0% of 40 reviews positive"),
            "{warning}"
        );
        assert!(warning.contains("use `--labelled FILE`"), "{warning}");
        let json = serde_json::to_value(&trend).expect("JSON");
        for part in ["overall", "model", "largest_change", "judged"] {
            assert!(json[part].is_null(), "{part}: {json}");
        }
        for part in ["share", "level", "change"] {
            assert!(json["periods"][0][part].is_null(), "{part}: {json}");
        }
        assert_eq!(json["overall_author_labels"], serde_json::json!([0.75, 40]));
        for text in [
            crate::terminal::render_text(&trend, "linear"),
            crate::render_page(&trend, "linear"),
        ] {
            assert!(
                text.contains(&warning) && text.contains("own labels, 75.0%"),
                "{text}"
            );
            assert!(!text.contains("are positive ("), "{text}");
        }
    }

    #[test]
    fn reviews_of_the_same_domain_have_an_estimate_and_the_share_of_the_authors() {
        let trend = trend_of(1, false, false);
        assert!(trend.warning.is_none());
        let overall = trend.overall.expect("an estimate");
        assert!((overall.value - 0.75).abs() < 0.01, "{overall:?}");
        let text = crate::terminal::render_text(&trend, "linear");
        assert!(
            text.contains("According to the authors' own labels, 75.0% of 40 reviews"),
            "{text}"
        );
        assert!(text.contains("Fewer than 100 reviews"), "{text}");
    }

    #[test]
    fn training_reviews_alone_have_no_estimate_unless_the_error_rates_come_from_them() {
        let warning = trend_of(1, true, false).warning.expect("training reviews");
        assert!(
            warning.contains("the model was trained on all of these reviews"),
            "{warning}"
        );
        assert!(trend_of(1, true, true).warning.is_none());
    }
}
