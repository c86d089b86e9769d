//! Input and output of the computation, as plain values.

use artifact::files::PredictedLanguages;
use metrics::Estimate;
use quantification::Method;
use serde::Serialize;

use crate::domain_shift::CommonWords;
use crate::period::Period;
use crate::state_space::Variances;
use crate::word_changes::WordChange;

/// A review with the model's prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScoredReview {
    /// Index of the topic in [`Input::topics`].
    pub topic: usize,
    /// Day, counted from 1970-01-01.
    pub day: i64,
    /// Predicted probability that the review is positive.
    pub probability: f32,
    /// The author's label, 1 for positive: used to check the trend, never to compute it.
    pub author_label: Option<u8>,
    /// Its common words, as bits, see [`CommonWords::find`].
    pub words: u64,
    /// How the model knows its text.
    pub origin: TextOrigin,
}

/// How the text of a review is known to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextOrigin {
    /// Not known, or the first review with the text of a validation or test review.
    New,
    /// The first review with the text of a training review.
    Training,
    /// A later review with the text of a training, validation or test review.
    Copy,
}

/// Predicted reviews with their topics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Names of the topics.
    pub topics: Vec<String>,
    /// The reviews, in any order.
    pub rows: Vec<ScoredReview>,
    /// The words of [`ScoredReview::words`].
    pub words: Option<CommonWords>,
    /// Their languages, see [`Trend::languages`].
    pub languages: PredictedLanguages,
}

/// The share of positive reviews over time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trend {
    /// Names of the files without their folders; empty for uploaded reviews.
    pub files: Vec<String>,
    /// Length of a period.
    pub period: Period,
    /// Method that estimated the shares.
    pub method: Method,
    /// Confidence level of all intervals.
    pub confidence: f64,
    /// Number of reviews.
    pub rows: usize,
    /// Number of other reviews, which were skipped because the model was trained on them.
    pub training_rows: usize,
    /// Languages of the reviews, from a sample of about 10,000 if there are more.
    pub languages: PredictedLanguages,
    /// A warning about reviews in languages that the model has not learned.
    pub language_warning: Option<String>,
    /// Number of labelled reviews that the error rates come from.
    pub labelled: usize,
    /// Number of cross-fitted training reviews among them.
    pub labelled_cross_fitted: usize,
    /// Number of groups, such as films, that they are resampled by; `None` if they are resampled one by one.
    pub labelled_groups: Option<usize>,
    /// Why the share cannot be estimated, in one sentence, and what to do; `None` if it can. With a warning there are
    /// no estimates: [`Self::overall`], [`Self::model`] and those of the periods are `None`, and forecasts, topics and
    /// changes are empty.
    pub warning: Option<String>,
    /// Sentences about skipped reviews.
    #[serde(rename = "left_out")]
    pub skipped: Vec<String>,
    /// Whether reviews were skipped for their date, see [`Options::keep_all_times`].
    #[serde(skip)]
    pub has_skipped_dates: bool,
    /// The share of positive reviews over all periods; `None` if it cannot be estimated.
    pub overall: Option<Estimate>,
    /// The share of reviews that are predicted positive, without correction.
    pub overall_counted: f64,
    /// The share of positive reviews by the authors' labels, and the number of these labels; `None` without labels.
    pub overall_author_labels: Option<(f64, usize)>,
    /// The same over all reviews of the file, if training reviews were skipped.
    pub file_author_labels: Option<(f64, usize)>,
    /// All periods from the first to the last review, in order.
    pub periods: Vec<PeriodEstimate>,
    /// The state-space model of the smoothed trend; `None` if it cannot be estimated.
    pub model: Option<TrendModel>,
    /// The forecast of the next periods; empty if the past is too short to test one.
    pub forecast: Vec<Forecast>,
    /// The method of the forecast: that of [`Self::backtest`] with the lowest interval score; `None` without a forecast.
    pub forecast_method: Option<&'static str>,
    /// Number of periods with reviews, without gaps, that a forecast needs; `None` if there are enough or none was
    /// requested.
    pub forecast_needs: Option<usize>,
    /// Accuracy of such forecasts in the past; empty if the past is too short.
    pub backtest: Vec<Backtest>,
    /// Topics over time; `None` with a single topic or period.
    pub topic_mix: Option<TopicMix>,
    /// Topics by descending number of reviews, with partial pooling.
    pub topics: Vec<TopicEstimate>,
    /// The largest likely change, if any.
    pub largest_change: Option<ChangePoint>,
    /// Comparison with the authors' labels, if there are any.
    #[serde(rename = "judged")]
    pub author_comparison: Option<AuthorComparison>,
}

impl Trend {
    /// The trend at a constant mix of topics, if there is one.
    pub(crate) fn constant_mix(&self) -> Option<&ConstantMix> {
        self.topic_mix.as_ref()?.constant_mix.as_ref()
    }
}

/// The share of positive reviews in a period.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PeriodEstimate {
    /// Label, such as `2018-07`.
    pub label: String,
    /// First day, as `2018-07-09`.
    pub start: String,
    /// Number of reviews.
    pub rows: usize,
    /// The share of reviews that are predicted positive, without correction.
    pub counted: Option<f64>,
    /// The share of this period alone, corrected for the model's errors; `None` without reviews, or if it cannot be
    /// estimated.
    pub share: Option<Estimate>,
    /// The smoothed trend, from all periods; `None` if it cannot be estimated.
    pub level: Option<Estimate>,
    /// Probability of a change point at the start of the period; `None` if it cannot be estimated.
    pub change: Option<f64>,
    /// The share of positive reviews by the authors' labels, and the number of these labels.
    #[serde(rename = "verdicts")]
    pub author_labels: Option<(f64, usize)>,
}

/// The chosen state-space model.
#[derive(Clone, Debug, Serialize)]
pub struct TrendModel {
    /// `local level` or `local linear trend`.
    pub name: &'static str,
    /// Variances, in squared log-odds.
    pub variances: Variances,
    /// Akaike's information criterion of local level and of local linear trend.
    pub aic: [f64; 2],
    /// The smoothed share of the last period minus that of the first.
    pub rise: Estimate,
}

/// The forecast of one period.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// Label of the period.
    pub label: String,
    /// The forecast with its interval.
    pub level: Estimate,
}

/// Accuracy of a forecasting method over rolling origins, against the estimated shares of later periods.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Backtest {
    /// The method.
    pub name: &'static str,
    /// Number of periods ahead.
    pub horizon: usize,
    /// Number of forecasts.
    pub forecasts: usize,
    /// Mean absolute error, as a share.
    pub mean_absolute_error: f64,
    /// Share of intervals that covered the outcome.
    pub coverage: f64,
    /// Mean interval score as a share (Gneiting and Raftery 2007): the width, plus `2 / alpha` times the distance
    /// by which the interval misses the outcome. Lower is better.
    pub interval_score: f64,
}

/// The smoothed trends of topics, and that of all reviews at a constant mix of topics.
#[derive(Clone, Debug, Serialize)]
pub struct TopicMix {
    /// The largest topics by descending number of reviews, then all others together.
    pub topics: Vec<TopicTrend>,
    /// The trend at a constant mix; `None` if the topics are too small, or overlap too little in time, to separate it
    /// from the mix.
    pub constant_mix: Option<ConstantMix>,
}

/// The smoothed trend of a topic.
#[derive(Clone, Debug, Serialize)]
pub struct TopicTrend {
    /// The topic, or `12 other topics`.
    pub topic: String,
    /// Number of reviews.
    pub rows: usize,
    /// The smoothed share of each period; `None` without reviews.
    pub levels: Vec<Option<Estimate>>,
    /// The smoothed share of the last period minus that of the first.
    pub rise: Estimate,
}

/// The smoothed trend of all reviews if every period had the mix of topics of all periods together.
#[derive(Clone, Debug, Serialize)]
pub struct ConstantMix {
    /// The share of each period.
    pub levels: Vec<Estimate>,
    /// The share of the last period minus that of the first.
    pub rise: Estimate,
}

/// A topic's share over all periods.
#[derive(Clone, Debug, Serialize)]
pub struct TopicEstimate {
    /// The topic.
    pub topic: String,
    /// Number of reviews.
    pub rows: usize,
    /// The share from the reviews of this topic alone.
    pub alone: Estimate,
    /// The share with partial pooling over all topics.
    pub share: Estimate,
}

/// A change of the share of positive reviews.
#[derive(Clone, Debug, Serialize)]
pub struct ChangePoint {
    /// The period at whose start the share changed.
    pub label: String,
    /// The first day of that period.
    pub day: i64,
    /// Probability of the change.
    pub probability: f64,
    /// First and last day of the parts before and after, each up to the next change.
    pub days: [(i64, i64); 2],
    /// The share in the part before.
    pub before: Estimate,
    /// The share in the part after.
    pub after: Estimate,
    /// The part of the change that comes from other opinions on the same topics; `None` with one topic.
    pub within_topics: Option<f64>,
    /// The part of the change that comes from another mix of topics; `None` with one topic.
    pub mix_of_topics: Option<f64>,
    /// The words whose frequency changed most.
    pub words: Vec<WordChange>,
}

/// Comparison of the estimated shares with the authors' labels.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuthorComparison {
    /// Number of periods with labels.
    pub periods: usize,
    /// Number of labelled reviews.
    pub rows: usize,
    /// Mean absolute error of the share of a period.
    pub mean_absolute_error: f64,
    /// Mean absolute error of the smoothed trend.
    pub mean_absolute_error_of_level: f64,
    /// Mean absolute error of counting predicted labels.
    pub mean_absolute_error_counted: f64,
    /// Share of the periods whose interval covers the authors' share.
    pub coverage: f64,
}
