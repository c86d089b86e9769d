//! Estimates the trend of predicted reviews: a pure function, without files and models.

use std::collections::BTreeMap;
use std::iter;

use artifact::format;
use quantification::{Method, PrevalenceEstimate, ScoreMeans};

use crate::backtest::{backtest, best_method, forecasts, needed_periods};
use crate::change_points;
use crate::data::{
    AuthorComparison, ChangePoint, Forecast, Input, PeriodEstimate, ScoredReview, TextOrigin,
    TopicEstimate, Trend, TrendModel,
};
use crate::date_filter::filter_dates;
use crate::error::{Result, UnusableReviews};
use crate::error_rates::LearnedErrorRates;
use crate::estimator::Estimator;
use crate::linearisation::linearise;
use crate::options::Options;
use crate::period::{Period, date_from_day};
use crate::pooling::pool_topics;
use crate::sentences::percent;
use crate::state_space::fit_best;
use crate::topic_mix::topic_mix;

/// Maximum number of periods.
const MAX_PERIODS: i64 = 5000;

/// Minimum probability of a change that is reported.
pub(crate) const MIN_CHANGE_PROBABILITY: f64 = 0.5;

/// Estimates the trend of reviews, corrected for the model's error rates. [`ChangePoint::words`] stays empty, because
/// the texts are not available here.
///
/// # Errors
/// There are no reviews, there are too many periods, or `is_stopped` returned true ([`crate::TrendError::Stopped`]).
pub(crate) fn estimate_trend(
    input: &Input,
    learned: &LearnedErrorRates,
    options: &Options,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Trend> {
    let (rows, skipped) = filter_dates(&input.rows, options.keep_all_times);
    let days: Vec<i64> = rows.iter().map(|row| row.day).collect();
    let period = options.period.unwrap_or_else(|| Period::choose(&days));
    let series = Series::new(rows, period)?;
    let all = series.groups.concat();
    let estimator = Estimator::new(&learned.quantifier, options, is_stopped);
    let count_period = |(at, rows): (usize, &Vec<ScoredReview>)| PeriodEstimate {
        label: series.label(at),
        start: date_from_day(series.day(at)).to_string(),
        rows: rows.len(),
        counted: estimator.prevalence(rows, Method::ClassifyAndCount),
        author_labels: author_labels(rows),
        ..PeriodEstimate::default()
    };
    let counted = estimator.prevalence(&all, Method::ClassifyAndCount);
    let mut trend = Trend {
        period,
        method: options.method,
        confidence: options.confidence,
        rows: all.len(),
        languages: input.languages.clone(),
        language_warning: input.languages.warning(),
        labelled: learned.quantifier.rows(),
        labelled_cross_fitted: learned.cross_fitted,
        labelled_groups: learned.quantifier.groups(),
        has_skipped_dates: !skipped.is_empty(),
        skipped,
        overall_counted: counted.unwrap_or(0.0),
        overall_author_labels: author_labels(&all),
        periods: series.groups.iter().enumerate().map(count_period).collect(),
        ..Trend::default()
    };
    trend.warning = warning(&trend, learned, &all, &estimator);
    if trend.warning.is_none() {
        add_estimates(&mut trend, &series, &input.topics, estimator)?;
    }
    Ok(trend)
}

/// Minimum number of reviews of a period for an estimate from the period alone. Of the intervals from one or two
/// reviews, 69% covered the authors' share; of those from more, 95% (critics by month and quarter, 2026-11-29).
const MIN_ROWS_OF_SHARE: usize = 3;

/// Adds all estimates to the counts of a trend; `names` are those of the topics.
fn add_estimates(
    trend: &mut Trend,
    series: &Series,
    names: &[String],
    mut estimator: Estimator<'_>,
) -> Result<()> {
    let alone = series.groups.iter().map(|rows| estimator.estimate(rows));
    let alone: Vec<Option<PrevalenceEstimate>> = alone.collect::<Result<_>>()?;
    let all = series.groups.concat();
    let overall = estimator.estimate(&all)?;
    let overall = overall.ok_or(UnusableReviews::NothingLeft)?;
    let shared_variance = overall.total_error.powi(2) - overall.sampling_error.powi(2);
    estimator.shared_variance = shared_variance.max(0.0);
    let means = series.groups.iter().map(|rows| estimator.score_means(rows));
    let means: Vec<Option<ScoreMeans>> = means.collect();
    let observed = linearise(&means, &estimator.likelihood);
    let (fitted, aic) = fit_best(&observed);
    let changes = change_points::probabilities(&observed, fitted.variances.irregular);
    for (at, period) in trend.periods.iter_mut().enumerate() {
        let share = alone[at].filter(|share| share.rows >= MIN_ROWS_OF_SHARE);
        period.share = share.map(|share| share.estimate);
        period.level = Some(estimator.interval(fitted.levels[at]));
        period.change = Some(changes[at]);
    }
    let (likelihood, horizon) = (&estimator.likelihood, estimator.options.horizon);
    let has_slope = fitted.variances.slope.is_some();
    trend.backtest = backtest(&means, likelihood, has_slope, trend.confidence, horizon);
    match best_method(&trend.backtest) {
        Some((method, name)) => {
            let ahead = &forecasts(&fitted.posterior, &means, likelihood, horizon)[method];
            let forecast = |(at, level): (usize, &(f64, f64))| Forecast {
                label: series.label(at),
                level: estimator.interval(*level),
            };
            trend.forecast = (means.len()..).zip(ahead).map(forecast).collect();
            trend.forecast_method = Some(name);
        }
        None => trend.forecast_needs = (horizon > 0).then(|| needed_periods(horizon)),
    }
    trend.overall = Some(overall.estimate);
    trend.model = Some(TrendModel {
        name: ["local level", "local linear trend"][usize::from(has_slope)],
        variances: fitted.variances,
        aic,
        rise: estimator.difference(fitted.rise),
    });
    trend.topic_mix = topic_mix((&series.groups, &observed), names, &estimator);
    trend.topics = topics(names, &all, &estimator)?;
    trend.largest_change = largest_change(series, &changes, &estimator, names.len() > 1)?;
    trend.author_comparison = compare_with_authors(&trend.periods);
    Ok(())
}

/// Why the share of these reviews cannot be estimated, and what to do; `None` if it can.
fn warning(
    trend: &Trend,
    learned: &LearnedErrorRates,
    rows: &[ScoredReview],
    estimator: &Estimator<'_>,
) -> Option<String> {
    let reason = if !learned.is_sample && rows.iter().all(|row| row.origin != TextOrigin::New) {
        "because the model was trained on all of these reviews, so its predictions of them are overconfident"
    } else {
        let words: Vec<(u64, usize)> = rows.iter().map(|row| (row.words, row.topic)).collect();
        let prevalence = estimator.prevalence(rows, Method::default())?;
        if !learned.domain.as_ref()?.differs(&words, prevalence) {
            return None;
        }
        "because their common words differ from those of the labelled reviews that the model and its error rates were learned from"
    };
    let count = format::plural(rows.len() as u64, "review", "reviews");
    let counted = percent(trend.overall_counted);
    // The number of authors' labels that calibration needs, with as many left to estimate.
    let labels = trend.overall_author_labels.map_or(0, |(_, labels)| labels);
    let hint = match learned.is_sample {
        false if labels >= 600 => {
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
    fn new(rows: Vec<ScoredReview>, period: Period) -> Result<Self> {
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

/// The share of positive labels by the authors, and the number of labels.
pub(crate) fn author_labels(rows: &[ScoredReview]) -> Option<(f64, usize)> {
    let labels = rows.iter().filter_map(|row| row.author_label);
    let labels: Vec<f64> = labels.map(f64::from).collect();
    let mean = labels.iter().sum::<f64>() / labels.len() as f64;
    (!labels.is_empty()).then_some((mean, labels.len()))
}

/// Estimates for each topic, by descending number of reviews.
fn topics(
    names: &[String],
    rows: &[ScoredReview],
    estimator: &Estimator<'_>,
) -> Result<Vec<TopicEstimate>> {
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
    has_topics: bool,
) -> Result<Option<ChangePoint>> {
    let likely = (1..changes.len()).filter(|at| changes[*at] >= MIN_CHANGE_PROBABILITY);
    let ends = iter::once(0).chain(likely).chain([series.groups.len()]);
    let ends: Vec<usize> = ends.collect();
    let mut found = Vec::new();
    for window in ends.windows(3) {
        let (from, at, to) = (window[0], window[1], window[2]);
        let sides = [from..at, at..to].map(|part| series.groups[part].concat());
        let (before, after) = (estimator.estimate(&sides[0]), estimator.estimate(&sides[1]));
        let Some((before, after)) = before?.zip(after?) else {
            continue;
        };
        let parts = has_topics.then(|| decompose_change(&sides, estimator));
        let (within_topics, mix_of_topics) = parts.unzip();
        found.push(ChangePoint {
            label: series.label(at),
            day: series.day(at),
            probability: changes[at],
            days: [(from, at), (at, to)].map(|(from, to)| (series.day(from), series.day(to) - 1)),
            before: before.estimate,
            after: after.estimate,
            within_topics,
            mix_of_topics,
            words: Vec::new(),
        });
    }
    let size = |change: &ChangePoint| (change.after.value - change.before.value).abs();
    let by_size = |one: &ChangePoint, two: &ChangePoint| size(one).total_cmp(&size(two));
    Ok(found.into_iter().max_by(by_size))
}

/// Splits a change into other opinions on the same topics and another mix of topics (Kitagawa 1955). Topics that
/// occur on one side only count as mix.
fn decompose_change(sides: &[Vec<ScoredReview>; 2], estimator: &Estimator<'_>) -> (f64, f64) {
    // The weight and the share of each topic on either side.
    let mut parts: BTreeMap<usize, [(f64, Option<f64>); 2]> = BTreeMap::new();
    for (side, rows) in sides.iter().enumerate() {
        for (topic, own) in group_by_topic(rows) {
            let weight = own.len() as f64 / rows.len().max(1) as f64;
            let share = estimator.prevalence(&own, estimator.options.method);
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
        let origin = [TextOrigin::New, TextOrigin::Training][usize::from(is_training)];
        let row = |number: u8| ScoredReview {
            topic: 0,
            day: i64::from(number),
            probability: if number < 30 { 0.9 } else { 0.1 },
            author_label: Some(u8::from(number < 30)),
            words,
            origin,
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
        let page = crate::render_page(&trend, "linear");
        for text in [
            crate::terminal::render_text(&trend, "linear"),
            page.replace("<code>", "`").replace("</code>", "`"),
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
            text.contains("According to the authors' own labels, 75.0% of these 40 reviews"),
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
