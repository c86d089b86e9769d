//! What goes in and what comes out, as plain values.

use metrics::Estimate;
use quantification::Method;
use serde::Serialize;

use crate::period::Period;
use crate::state_space::Variances;
use crate::word_changes::WordChange;

/// A review that a model has read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScoredReview {
    /// Which topic, by its place in [`Input::topics`].
    pub topic: usize,
    /// Its day, counted from 1970-01-01.
    pub day: i64,
    /// The model's probability that it is positive.
    pub probability: f32,
    /// What its author said of it, 1 for positive: used to judge the trend, never to make it.
    pub author_label: Option<u8>,
}

/// Reviews with their topics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Names of topics.
    pub topics: Vec<String>,
    /// The reviews, in any order.
    pub rows: Vec<ScoredReview>,
}

/// How a trend is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What reviews are put together by; the shortest that has enough of them where nothing is said.
    pub period: Option<Period>,
    /// How shares are found.
    pub method: Method,
    /// Coverage of all intervals.
    pub confidence: f64,
    /// Periods to look ahead.
    pub horizon: usize,
    /// Whether a day that has a strangely large part of all reviews counts, and the thin ends of the time.
    pub keep_all_times: bool,
    /// Seed of resamples.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            period: None,
            method: Method::default(),
            confidence: 0.95,
            horizon: 3,
            keep_all_times: false,
            seed: 0,
        }
    }
}

/// A trend.
#[derive(Clone, Debug, Serialize)]
pub struct Trend {
    /// What reviews are put together by.
    pub period: Period,
    /// How shares were found.
    pub method: Method,
    /// Coverage of all intervals.
    pub confidence: f64,
    /// Reviews behind it.
    pub rows: usize,
    /// Labelled reviews from which it is known how the model errs.
    pub labelled: usize,
    /// How many of these are training reviews, as models said that had not learned from them.
    pub labelled_cross_fitted: usize,
    /// Groups that these are in, such as films, and that they are drawn by; `None` where each stands for itself.
    pub labelled_groups: Option<usize>,
    /// How unlike the labelled reviews these are, 0 to 1, where that is more than chance: then the model's
    /// errors are others here, and neither shares nor intervals can be trusted.
    pub misfit: Option<f64>,
    /// What was left out, in sentences.
    pub left_out: Vec<String>,
    /// Whether some were left out for their time, see [`Options::keep_all_times`].
    #[serde(skip)]
    pub times_left_out: bool,
    /// The share of positive reviews over all periods.
    pub overall: Estimate,
    /// The same as the model's answers were counted, biased as they are.
    pub overall_counted: f64,
    /// The periods without a gap, in order.
    pub periods: Vec<PeriodEstimate>,
    /// The model behind the smooth line.
    pub model: TrendModel,
    /// The level in the periods to come.
    pub forecast: Vec<Forecast>,
    /// How such forecasts did in the past; nothing where the past is too short.
    pub backtest: Vec<Backtest>,
    /// Topics, those with most reviews first; shares lean on each other.
    pub topics: Vec<TopicEstimate>,
    /// What is behind the largest change, if there is one.
    pub largest_change: Option<ChangePoint>,
    /// How near the shares are to what the authors said, where they said it.
    pub judged: Option<AuthorComparison>,
}

/// The share of positive reviews in a period.
#[derive(Clone, Debug, Serialize)]
pub struct PeriodEstimate {
    /// What people call it.
    pub label: String,
    /// Its first day, as `2018-07-09`.
    pub start: String,
    /// Reviews in it.
    pub rows: usize,
    /// The share that the model calls positive.
    pub counted: Option<f64>,
    /// The share with an interval that counts the model's errors; nothing without reviews.
    pub share: Option<Estimate>,
    /// The level, from all periods.
    pub level: Estimate,
    /// The probability that the level changed just before it.
    pub change: f64,
    /// The share of positive reviews by their authors, and how many said so.
    pub verdicts: Option<(f64, usize)>,
}

/// The state-space model that was chosen.
#[derive(Clone, Debug, Serialize)]
pub struct TrendModel {
    /// `local level` or `local linear trend`.
    pub name: &'static str,
    /// Its variances, in squared log-odds.
    pub variances: Variances,
    /// Akaike's criterion of local level and local linear trend.
    pub aic: [f64; 2],
    /// The level of the last period minus that of the first, in points of a share.
    pub rise: Estimate,
}

/// The level of a period to come.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// What people call the period.
    pub label: String,
    /// The level with its interval.
    pub level: Estimate,
}

/// How a way to forecast did from rolling origins, judged by the estimated shares of the periods that
/// followed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Backtest {
    /// Which way.
    pub name: &'static str,
    /// Periods ahead.
    pub horizon: usize,
    /// Forecasts judged.
    pub forecasts: usize,
    /// Mean distance to what came, in shares.
    pub mean_absolute_error: f64,
    /// Share of intervals that held what came.
    pub coverage: f64,
    /// Mean interval score in shares (Gneiting and Raftery 2007): width, and what an interval misses by
    /// times `2 / alpha`; less is better.
    pub interval_score: f64,
}

/// A topic's share over all periods.
#[derive(Clone, Debug, Serialize)]
pub struct TopicEstimate {
    /// The topic.
    pub topic: String,
    /// Its reviews.
    pub rows: usize,
    /// The share from its own reviews alone.
    pub alone: Estimate,
    /// The share that leans on the other topics.
    pub share: Estimate,
}

/// The largest change of the level.
#[derive(Clone, Debug, Serialize)]
pub struct ChangePoint {
    /// The period that it came just before.
    pub label: String,
    /// The first day of that period.
    pub day: i64,
    /// Its probability.
    pub probability: f64,
    /// First and last day of the part before it and of the part after it, up to the next change.
    pub days: [(i64, i64); 2],
    /// The share in the part before.
    pub before: Estimate,
    /// The share in the part after.
    pub after: Estimate,
    /// How much of the change, in shares, is other opinions about the same topics; with several topics.
    pub within_topics: Option<f64>,
    /// How much is other topics being talked about.
    pub mix_of_topics: Option<f64>,
    /// The words that moved most.
    pub words: Vec<WordChange>,
}

/// How near the shares are to what the authors said.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuthorComparison {
    /// Periods in which authors said something.
    pub periods: usize,
    /// Reviews whose authors did.
    pub rows: usize,
    /// Mean distance of a period's share to theirs.
    pub mean_absolute_error: f64,
    /// The same of the smooth level.
    pub mean_absolute_error_of_level: f64,
    /// The same of counting.
    pub mean_absolute_error_counted: f64,
    /// Share of the periods whose interval holds theirs.
    pub coverage: f64,
    /// The share by the authors over all of their reviews.
    pub overall: f64,
}
