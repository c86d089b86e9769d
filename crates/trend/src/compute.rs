//! From reviews to a trend: a pure function, for the command and for the service alike.

use std::collections::BTreeMap;
use std::iter;

use metrics::Estimate;
use quantification::{Method, PrevalenceEstimate, Quantifier, QuasiLikelihood, ScoreMeans};

use crate::backtest::backtest;
use crate::change_points;
use crate::data::{
    AuthorComparison, ChangePoint, Forecast, Input, Options, PeriodEstimate, ScoredReview,
    TopicEstimate, Trend, TrendModel,
};
use crate::date_filter::filter_dates;
use crate::error::{TrendError, UnusableReviews};
use crate::error_rates::LearnedErrorRates;
use crate::linearisation::linearise;
use crate::log_odds::{interval, normal_half_width};
use crate::period::{Period, date_from_day};
use crate::pooling::pool_topics;
use crate::state_space::{FittedModel, choose};

/// Periods at most that a series is computed for.
const MOST: i64 = 5000;

/// Changes that are less likely are not spoken of.
const LIKELY: f64 = 0.5;

/// The trend of reviews by a model of which it is learned how it errs. The words of the largest change are
/// added by [`ChangePoint::words`]' reader, who has the texts.
///
/// # Errors
/// There are no reviews, the period makes far too many of them, or `is_stopped` said so: then it is given up
/// with [`TrendError::Stopped`] soon after.
pub(crate) fn estimate_trend(
    input: &Input,
    learned: &LearnedErrorRates,
    options: &Options,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Trend, TrendError> {
    let quantifier = &learned.quantifier;
    let (rows, left_out) = filter_dates(&input.rows, options.keep_all_times);
    let days: Vec<i64> = rows.iter().map(|row| row.day).collect();
    let period = options.period.unwrap_or_else(|| Period::choose(&days));
    let series = Series::new(rows, period)?;
    let mut shares = Estimator {
        quantifier,
        quasi_likelihood: quantifier.quasi_likelihood(options.method),
        options,
        width: normal_half_width(options.confidence),
        common: 0.0,
        is_stopped,
    };
    let alone = series.groups.iter().map(|rows| shares.of(rows));
    let alone = alone.collect::<Result<Vec<Option<PrevalenceEstimate>>, _>>()?;
    let all = series.groups.concat();
    let overall = shares.of(&all)?.ok_or(UnusableReviews::NothingLeft)?;
    shares.common = (overall.total_error.powi(2) - overall.sampling_error.powi(2)).max(0.0);
    let score_means = series.groups.iter().map(|rows| shares.score_means(rows));
    let score_means: Vec<Option<ScoreMeans>> = score_means.collect();
    let observed = linearise(&score_means, &shares.quasi_likelihood);
    let (fitted, aic) = choose(&observed);
    let changes = change_points::probabilities(&observed, fitted.variances.irregular);
    let share_of_period = |(at, rows): (usize, &Vec<ScoredReview>)| PeriodEstimate {
        label: series.label(at),
        start: date_from_day(series.day(at)).to_string(),
        rows: rows.len(),
        counted: quantifier.prevalence(&probabilities(rows), Method::ClassifyAndCount),
        share: alone[at].map(|share| share.estimate),
        level: shares.interval(fitted.levels[at]),
        change: changes[at],
        verdicts: verdicts(rows),
    };
    let groups = series.groups.iter().enumerate();
    let periods: Vec<PeriodEstimate> = groups.map(share_of_period).collect();
    let irregular = fitted.posterior.irregular();
    let ahead = (periods.len()..).zip(fitted.posterior.forecast(options.horizon));
    let forecast = |(at, (level, variance))| Forecast {
        label: series.label(at),
        level: shares.interval((level, variance + irregular)),
    };
    let has_slope = fitted.variances.slope.is_some();
    let counted = quantifier.prevalence(&probabilities(&all), Method::ClassifyAndCount);
    Ok(Trend {
        period,
        method: options.method,
        confidence: options.confidence,
        rows: all.len(),
        labelled: quantifier.rows(),
        labelled_cross_fitted: learned.cross_fitted,
        labelled_groups: quantifier.groups(),
        misfit: misfit(quantifier, &all),
        times_left_out: !left_out.is_empty(),
        left_out,
        overall: overall.estimate,
        overall_counted: counted.unwrap_or(0.0),
        forecast: ahead.map(forecast).collect(),
        backtest: backtest(
            &score_means,
            &shares.quasi_likelihood,
            has_slope,
            options.confidence,
        ),
        topics: topics(&input.topics, &all, &shares)?,
        largest_change: largest_change(&series, &changes, &shares, input.topics.len())?,
        judged: judged(&periods),
        model: model(&fitted, aic, shares.width),
        periods,
    })
}

/// A distance that matters, however many reviews there are to prove it.
const UNLIKE: f64 = 0.05;

/// How unlike the labelled reviews these are, where it matters.
fn misfit(quantifier: &Quantifier, rows: &[ScoredReview]) -> Option<f64> {
    let (distance, is_misfit) = quantifier.misfit(&probabilities(rows))?;
    (is_misfit && distance > UNLIKE).then_some(distance)
}

/// Reviews by period, without a gap.
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
        if count > MOST {
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

    /// What people call a period, by its place.
    fn label(&self, at: usize) -> String {
        self.period.label(self.first + at as i64)
    }

    /// Its first day.
    fn day(&self, at: usize) -> i64 {
        self.period.start(self.first + at as i64)
    }
}

/// Who says what share of reviews is positive.
struct Estimator<'a> {
    quantifier: &'a Quantifier,
    quasi_likelihood: QuasiLikelihood,
    options: &'a Options,
    /// Half the width of an interval in standard deviations.
    width: f64,
    /// The variance of what all reviews share: the errors of the model are known from one sample of labelled
    /// reviews.
    common: f64,
    is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Estimator<'_> {
    fn of(&self, rows: &[ScoredReview]) -> Result<Option<PrevalenceEstimate>, TrendError> {
        if (self.is_stopped)() {
            return Err(TrendError::Stopped);
        }
        let (known, options) = (self.quantifier, self.options);
        let (method, confidence) = (options.method, options.confidence);
        Ok(known.quantify(&probabilities(rows), method, confidence, options.seed))
    }

    fn score_means(&self, rows: &[ScoredReview]) -> Option<ScoreMeans> {
        self.quantifier
            .score_means(&self.quasi_likelihood, &probabilities(rows))
    }

    /// The share of normal log-odds with this mean and variance.
    fn interval(&self, (log_odds, variance): (f64, f64)) -> Estimate {
        interval(log_odds, variance + self.common, self.width)
    }
}

fn probabilities(rows: &[ScoredReview]) -> Vec<f32> {
    rows.iter().map(|row| row.probability).collect()
}

fn verdicts(rows: &[ScoredReview]) -> Option<(f64, usize)> {
    let known = rows.iter().filter_map(|row| row.author_label);
    let known: Vec<f64> = known.map(f64::from).collect();
    (!known.is_empty()).then(|| (known.iter().sum::<f64>() / known.len() as f64, known.len()))
}

fn model(fitted: &FittedModel, aic: [f64; 2], width: f64) -> TrendModel {
    // What all periods have in common falls out of a difference, nearly.
    let (value, variance) = fitted.rise;
    let half = width * variance.sqrt();
    let (low, high) = ((value - half).max(-1.0), (value + half).min(1.0));
    let has_slope = fitted.variances.slope.is_some();
    TrendModel {
        name: ["local level", "local linear trend"][usize::from(has_slope)],
        variances: fitted.variances,
        aic,
        rise: Estimate { value, low, high },
    }
}

/// Topics, those with most reviews first.
fn topics(
    names: &[String],
    rows: &[ScoredReview],
    shares: &Estimator<'_>,
) -> Result<Vec<TopicEstimate>, TrendError> {
    let mut found: Vec<(&String, PrevalenceEstimate, ScoreMeans)> = Vec::new();
    for (topic, rows) in group_by_topic(rows) {
        if let Some((share, score_means)) = shares.of(&rows)?.zip(shares.score_means(&rows)) {
            found.push((&names[topic], share, score_means));
        }
    }
    found.sort_by(|one, two| two.1.rows.cmp(&one.1.rows).then(one.0.cmp(two.0)));
    let score_means: Vec<&ScoreMeans> = found.iter().map(|found| &found.2).collect();
    let pool_topics = pool_topics(&score_means, &shares.quasi_likelihood);
    let topic = |(at, (name, alone, _)): (usize, &(&String, PrevalenceEstimate, ScoreMeans))| {
        TopicEstimate {
            topic: (*name).clone(),
            rows: alone.rows,
            alone: alone.estimate,
            share: (pool_topics.as_ref()).map_or(alone.estimate, |pool_topics| {
                shares.interval(pool_topics[at])
            }),
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

/// The likely change whose two sides differ most, if one is likely at all.
fn largest_change(
    series: &Series,
    changes: &[f64],
    shares: &Estimator<'_>,
    topics: usize,
) -> Result<Option<ChangePoint>, TrendError> {
    let likely = (1..changes.len()).filter(|at| changes[*at] >= LIKELY);
    let ends = iter::once(0).chain(likely).chain([series.groups.len()]);
    let ends: Vec<usize> = ends.collect();
    let mut largest: Option<(ChangePoint, [Vec<ScoredReview>; 2])> = None;
    for window in ends.windows(3) {
        let (from, at, to) = (window[0], window[1], window[2]);
        let sides = [from..at, at..to].map(|part| series.groups[part].concat());
        let (Some(before), Some(after)) = (shares.of(&sides[0])?, shares.of(&sides[1])?) else {
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
        if (largest.as_ref()).is_none_or(|(known, _)| size(&change) >= size(known)) {
            largest = Some((change, sides));
        }
    }
    Ok(largest.map(|(mut change, sides)| {
        if topics > 1 {
            let (within, mix) = decompose_change(&sides, shares);
            (change.within_topics, change.mix_of_topics) = (Some(within), Some(mix));
        }
        change
    }))
}

/// A change as other shares of the same topics, and as other topics (Kitagawa 1955). Topics that stand on
/// one side alone count as mix.
fn decompose_change(sides: &[Vec<ScoredReview>; 2], shares: &Estimator<'_>) -> (f64, f64) {
    // The weight of each topic on either side, and its share there.
    let mut parts: BTreeMap<usize, [(f64, Option<f64>); 2]> = BTreeMap::new();
    for (side, rows) in sides.iter().enumerate() {
        for (topic, own) in group_by_topic(rows) {
            let weight = own.len() as f64 / rows.len().max(1) as f64;
            let known = shares.quantifier;
            let share = known.prevalence(&probabilities(&own), shares.options.method);
            parts.entry(topic).or_default()[side] = (weight, share);
        }
    }
    let (mut within, mut mix) = (0.0, 0.0);
    for [(weight, share), (later_weight, later_share)] in parts.into_values() {
        let Some((one, two)) = share.or(later_share).zip(later_share.or(share)) else {
            continue;
        };
        within += (weight + later_weight) / 2.0 * (two - one);
        mix += (later_weight - weight) * (one + two) / 2.0;
    }
    (within, mix)
}

fn judged(periods: &[PeriodEstimate]) -> Option<AuthorComparison> {
    let mut sums = AuthorComparison::default();
    for period in periods {
        let (Some((truth, rows)), Some(share)) = (period.verdicts, period.share) else {
            continue;
        };
        sums.periods += 1;
        sums.rows += rows;
        sums.mean_absolute_error += (share.value - truth).abs();
        sums.mean_absolute_error_of_level += (period.level.value - truth).abs();
        sums.mean_absolute_error_counted += (period.counted.unwrap_or(0.0) - truth).abs();
        sums.coverage += f64::from(u8::from((share.low..=share.high).contains(&truth)));
        sums.overall += truth * rows as f64;
    }
    let count = sums.periods as f64;
    sums.mean_absolute_error /= count;
    sums.mean_absolute_error_of_level /= count;
    sums.mean_absolute_error_counted /= count;
    sums.coverage /= count;
    sums.overall /= sums.rows as f64;
    (sums.periods > 0).then_some(sums)
}
