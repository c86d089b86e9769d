//! From reviews to a trend: a pure function, for the command and for the service alike.

use std::collections::BTreeMap;
use std::iter;

use metrics::Estimate;
use quantification::{Evidence, Method, Quantifier, Response, Share};

use crate::backtest::backtest;
use crate::change_points;
use crate::data::{
    Change, Forecast, Input, Judged, ModelOfTrend, Options, PeriodShare, Row, TopicShare, Trend,
};
use crate::errors::Learned;
use crate::linearised::linearised;
use crate::odds::{interval, normal_width};
use crate::period::{Period, date_of};
use crate::pooling::pooled;
use crate::refused::{Refused, Unfit};
use crate::state_space::{Fitted, choose};
use crate::times::sensible;

/// Periods at most that a series is computed for.
const MOST: i64 = 5000;

/// Changes that are less likely are not spoken of.
const LIKELY: f64 = 0.5;

/// The trend of reviews by a model of which it is learned how it errs. The words of the largest change are
/// added by [`Change::words`]' reader, who has the texts.
///
/// # Errors
/// There are no reviews, the period makes far too many of them, or `is_stopped` said so: then it is given up
/// with [`Refused::Stopped`] soon after.
pub(crate) fn trend(
    input: &Input,
    learned: &Learned,
    options: &Options,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Trend, Refused> {
    let quantifier = &learned.quantifier;
    let (rows, left_out) = sensible(&input.rows, options.keep_all_times);
    let days: Vec<i64> = rows.iter().map(|row| row.day).collect();
    let period = options.period.unwrap_or_else(|| Period::of_days(&days));
    let series = Series::new(rows, period)?;
    let mut shares = Shares {
        quantifier,
        response: quantifier.response(options.method),
        options,
        width: normal_width(options.confidence),
        common: 0.0,
        is_stopped,
    };
    let alone = series.groups.iter().map(|rows| shares.of(rows));
    let alone = alone.collect::<Result<Vec<Option<Share>>, _>>()?;
    let all = series.groups.concat();
    let overall = shares.of(&all)?.ok_or(Unfit::NothingLeft)?;
    shares.common = (overall.total_error.powi(2) - overall.sampling_error.powi(2)).max(0.0);
    let evidence = series.groups.iter().map(|rows| shares.evidence(rows));
    let evidence: Vec<Option<Evidence>> = evidence.collect();
    let observed = linearised(&evidence, &shares.response);
    let (fitted, aic) = choose(&observed);
    let changes = change_points::probabilities(&observed, fitted.variances.irregular);
    let share_of_period = |(at, rows): (usize, &Vec<Row>)| PeriodShare {
        label: series.label(at),
        start: date_of(series.day(at)).to_string(),
        rows: rows.len(),
        counted: quantifier.share(&said(rows), Method::ClassifyAndCount),
        share: alone[at].map(|share| share.estimate),
        level: shares.interval(fitted.levels[at]),
        change: changes[at],
        verdicts: verdicts(rows),
    };
    let groups = series.groups.iter().enumerate();
    let periods: Vec<PeriodShare> = groups.map(share_of_period).collect();
    let irregular = fitted.posterior.irregular();
    let ahead = (periods.len()..).zip(fitted.posterior.forecast(options.horizon));
    let forecast = |(at, (level, variance))| Forecast {
        label: series.label(at),
        level: shares.interval((level, variance + irregular)),
    };
    let has_slope = fitted.variances.slope.is_some();
    let counted = quantifier.share(&said(&all), Method::ClassifyAndCount);
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
        backtest: backtest(&evidence, &shares.response, has_slope, options.confidence),
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
fn misfit(quantifier: &Quantifier, rows: &[Row]) -> Option<f64> {
    let (distance, is_misfit) = quantifier.misfit(&said(rows))?;
    (is_misfit && distance > UNLIKE).then_some(distance)
}

/// Reviews by period, without a gap.
struct Series {
    period: Period,
    first: i64,
    groups: Vec<Vec<Row>>,
}

impl Series {
    fn new(rows: Vec<Row>, period: Period) -> Result<Self, Refused> {
        let numbers = rows.iter().map(|row| period.number(row.day));
        let (Some(first), Some(last)) = (numbers.clone().min(), numbers.max()) else {
            return Err(Unfit::NothingLeft.into());
        };
        let count = last - first + 1;
        if count > MOST {
            let period = period.name();
            return Err(Unfit::TooManyPeriods { period, count }.into());
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
struct Shares<'a> {
    quantifier: &'a Quantifier,
    response: Response,
    options: &'a Options,
    /// Half the width of an interval in standard deviations.
    width: f64,
    /// The variance of what all reviews share: the errors of the model are known from one sample of labelled
    /// reviews.
    common: f64,
    is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Shares<'_> {
    fn of(&self, rows: &[Row]) -> Result<Option<Share>, Refused> {
        if (self.is_stopped)() {
            return Err(Refused::Stopped);
        }
        let (known, options) = (self.quantifier, self.options);
        let (method, confidence) = (options.method, options.confidence);
        Ok(known.quantify(&said(rows), method, confidence, options.seed))
    }

    fn evidence(&self, rows: &[Row]) -> Option<Evidence> {
        self.quantifier.evidence(&self.response, &said(rows))
    }

    /// The share of normal log-odds with this mean and variance.
    fn interval(&self, (odds, variance): (f64, f64)) -> Estimate {
        interval(odds, variance + self.common, self.width)
    }
}

fn said(rows: &[Row]) -> Vec<f32> {
    rows.iter().map(|row| row.probability).collect()
}

fn verdicts(rows: &[Row]) -> Option<(f64, usize)> {
    let known = rows.iter().filter_map(|row| row.verdict);
    let known: Vec<f64> = known.map(f64::from).collect();
    (!known.is_empty()).then(|| (known.iter().sum::<f64>() / known.len() as f64, known.len()))
}

fn model(fitted: &Fitted, aic: [f64; 2], width: f64) -> ModelOfTrend {
    // What all periods have in common falls out of a difference, nearly.
    let (value, variance) = fitted.rise;
    let half = width * variance.sqrt();
    let (low, high) = ((value - half).max(-1.0), (value + half).min(1.0));
    let has_slope = fitted.variances.slope.is_some();
    ModelOfTrend {
        name: ["local level", "local linear trend"][usize::from(has_slope)],
        variances: fitted.variances,
        aic,
        rise: Estimate { value, low, high },
    }
}

/// Topics, those with most reviews first.
fn topics(names: &[String], rows: &[Row], shares: &Shares<'_>) -> Result<Vec<TopicShare>, Refused> {
    let mut found: Vec<(&String, Share, Evidence)> = Vec::new();
    for (topic, rows) in by_topic(rows) {
        if let Some((share, evidence)) = shares.of(&rows)?.zip(shares.evidence(&rows)) {
            found.push((&names[topic], share, evidence));
        }
    }
    found.sort_by(|one, two| two.1.rows.cmp(&one.1.rows).then(one.0.cmp(two.0)));
    let evidence: Vec<&Evidence> = found.iter().map(|found| &found.2).collect();
    let pooled = pooled(&evidence, &shares.response);
    let topic = |(at, (name, alone, _)): (usize, &(&String, Share, Evidence))| TopicShare {
        topic: (*name).clone(),
        rows: alone.rows,
        alone: alone.estimate,
        share: (pooled.as_ref()).map_or(alone.estimate, |pooled| shares.interval(pooled[at])),
    };
    Ok(found.iter().enumerate().map(topic).collect())
}

fn by_topic(rows: &[Row]) -> BTreeMap<usize, Vec<Row>> {
    let mut groups: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(row.topic).or_default().push(*row);
    }
    groups
}

/// The likely change whose two sides differ most, if one is likely at all.
fn largest_change(
    series: &Series,
    changes: &[f64],
    shares: &Shares<'_>,
    topics: usize,
) -> Result<Option<Change>, Refused> {
    let likely = (1..changes.len()).filter(|at| changes[*at] >= LIKELY);
    let ends = iter::once(0).chain(likely).chain([series.groups.len()]);
    let ends: Vec<usize> = ends.collect();
    let mut largest: Option<(Change, [Vec<Row>; 2])> = None;
    for window in ends.windows(3) {
        let (from, at, to) = (window[0], window[1], window[2]);
        let sides = [from..at, at..to].map(|part| series.groups[part].concat());
        let (Some(before), Some(after)) = (shares.of(&sides[0])?, shares.of(&sides[1])?) else {
            continue;
        };
        let change = Change {
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
        let size = |change: &Change| (change.after.value - change.before.value).abs();
        if (largest.as_ref()).is_none_or(|(known, _)| size(&change) >= size(known)) {
            largest = Some((change, sides));
        }
    }
    Ok(largest.map(|(mut change, sides)| {
        if topics > 1 {
            let (within, mix) = decomposed(&sides, shares);
            (change.within_topics, change.mix_of_topics) = (Some(within), Some(mix));
        }
        change
    }))
}

/// A change as other shares of the same topics, and as other topics (Kitagawa 1955). Topics that stand on
/// one side alone count as mix.
fn decomposed(sides: &[Vec<Row>; 2], shares: &Shares<'_>) -> (f64, f64) {
    // The weight of each topic on either side, and its share there.
    let mut parts: BTreeMap<usize, [(f64, Option<f64>); 2]> = BTreeMap::new();
    for (side, rows) in sides.iter().enumerate() {
        for (topic, own) in by_topic(rows) {
            let weight = own.len() as f64 / rows.len().max(1) as f64;
            let known = shares.quantifier;
            let share = known.share(&said(&own), shares.options.method);
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

fn judged(periods: &[PeriodShare]) -> Option<Judged> {
    let mut sums = Judged::default();
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
