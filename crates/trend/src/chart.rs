//! The pictures of a trend. A picture that is scaled to a phone is not legible, so each one is drawn for wide and for
//! narrow screens, and the style sheet shows one of them.

use artifact::format;
use maud::{Markup, html};
use metrics::Estimate;
use pages::{Axis, Frame};

use crate::compute::MIN_CHANGE_PROBABILITY;
use crate::data::{TopicMix, Trend};
use crate::sentences::percent;

/// The screen that a picture is drawn for: the suffix of its id, its width in pixels, and its number of period labels.
#[derive(Clone, Copy)]
struct Screen(&'static str, f64, usize);

impl Screen {
    /// The id of a picture for this screen.
    fn id(self, name: &str) -> String {
        format!("{name}{}", self.0)
    }
}

const WIDE: Screen = Screen("", 880.0, 8);
const NARROW: Screen = Screen("-narrow", 400.0, 4);

/// Height of the pictures of shares, and of those below them.
const HEIGHT: f64 = 330.0;
const LOW_HEIGHT: f64 = 150.0;

/// Half the width of a bar, in periods.
const HALF_BAR: f64 = 0.4;

/// Number of periods up to which the intervals of single periods are drawn; more would hide the trend.
const MAX_WHISKERS: usize = 80;

fn for_both_screens(draw: impl Fn(Screen) -> Markup) -> Markup {
    html! {
        div.wide-screen { (draw(WIDE)) }
        div.narrow-screen { (draw(NARROW)) }
    }
}

/// A line of the legend and its class in the style sheet.
pub(crate) fn legend<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> Markup {
    html! {
        p.legend {
            @for (class, text) in entries {
                span { i class=(format!("key {class}")) aria-hidden="true" {} (text) }
            }
        }
    }
}

/// A frame with the periods on the x axis.
fn frame<'a>(trend: &'a Trend, screen: Screen, height: f64, y: Axis<'a>) -> Frame<'a> {
    let last = (trend.periods.len() + trend.forecast.len()).saturating_sub(1) as f64;
    let x = Axis::new(trend.period.name(), (-0.5, last + 0.5)).without_labels();
    Frame::new((screen.1, height), x, y).full()
}

/// Labels of the x axis.
fn period_labels(trend: &Trend, frame: &Frame<'_>, screen: Screen) -> Markup {
    let names = trend.periods.iter().map(|it| &it.label);
    let ahead = trend.forecast.iter().map(|it| &it.label);
    let names: Vec<&String> = names.chain(ahead).collect();
    let step = names.len().div_ceil(screen.2).max(1);
    // A label close to the right edge would be cut off.
    let fits = |at: usize| at == 0 || at + step / 2 < names.len();
    let shown = names.iter().enumerate().step_by(step);
    let shown = shown.filter(|(at, _)| fits(*at));
    html! { g.ticks { @for (at, name) in shown { (frame.tick(at as f64, name)) } } }
}

/// Shares, smoothed trend, trend at a constant mix of topics, forecast and the authors' labels.
pub(crate) fn draw_shares(trend: &Trend) -> Markup {
    for_both_screens(|screen| draw_shares_for(trend, screen))
}

fn draw_shares_for(trend: &Trend, screen: Screen) -> Markup {
    let constant = constant_levels(trend);
    let past: Vec<Option<Estimate>> = periods_with_reviews(trend, |at| trend.periods[at].level);
    // The forecast continues from the last period.
    let last = trend.periods.len().saturating_sub(1);
    let forecast = trend.forecast.iter().map(|it| Some(it.level));
    let joint = past[last..].iter().filter(|_| !trend.forecast.is_empty());
    let ahead: Vec<_> = joint.copied().chain(forecast).collect();
    let authors = trend.periods.iter().map(|it| it.author_labels);
    let authors: Vec<Option<f64>> = authors.map(|it| it.map(|(share, _)| share)).collect();
    let has_whiskers = has_whiskers(trend);
    let alone = |it: Estimate| match has_whiskers {
        true => [it.low, it.high],
        false => [it.value; 2],
    };
    let shares = trend.periods.iter().filter_map(|it| it.share);
    let lines = [&past, &ahead, &constant].into_iter().flatten().flatten();
    let ends = lines.flat_map(|it| [it.low, it.high]);
    let ends = ends.chain(shares.flat_map(alone));
    let ends = ends.chain(authors.iter().flatten().copied());
    let frame = frame(trend, screen, HEIGHT, share_axis(ends));
    let radius = if has_whiskers { 3.4 } else { 2.2 };
    let content = html! {
        (period_labels(trend, &frame, screen))
        (draw_band(&frame, "band", 0, &past))
        (draw_band(&frame, "band pale", last, &ahead))
        @for (at, share) in trend.periods.iter().map(|it| it.share).enumerate() {
            @if let Some(Estimate { value, low, high }) = share {
                @if has_whiskers {
                    (frame.segment("whisker hair", (at as f64, 100.0 * low), (at as f64, 100.0 * high)))
                }
                (frame.dot("dot small", (at as f64, 100.0 * value), 2.2))
            }
        }
        @for (at, share) in authors.iter().enumerate() {
            @if let Some(share) = share { (frame.dot("dot authors", (at as f64, 100.0 * share), radius)) }
        }
        (draw_line(&frame, "strong", 0, &past))
        (draw_line(&frame, "strong dashed", last, &ahead))
        (draw_line(&frame, "topic constant-mix", 0, &constant))
    };
    let ends = [trend.periods.first(), trend.periods.last()]
        .map(|it| it.and_then(|it| Some((it.label.as_str(), percent(it.level?.value)))));
    let description = match ends {
        [Some((first, from)), Some((last, to))] => {
            format!("The smoothed trend goes from {from} in {first} to {to} in {last}.")
        }
        _ => "Shares of positive reviews by the authors' own labels.".to_owned(),
    };
    let title = "Share of positive reviews over time";
    frame.picture(&screen.id("trend"), title, [description], content)
}

/// Whether the intervals of single periods are drawn.
pub(crate) fn has_whiskers(trend: &Trend) -> bool {
    trend.periods.len() <= MAX_WHISKERS
}

/// The levels at a constant mix of topics, if there are any.
fn constant_levels(trend: &Trend) -> Vec<Option<Estimate>> {
    match trend.constant_mix() {
        Some(mix) => periods_with_reviews(trend, |at| mix.levels.get(at).copied()),
        None => Vec::new(),
    }
}

/// A value for each period with reviews; the others are gaps.
fn periods_with_reviews(
    trend: &Trend,
    value: impl Fn(usize) -> Option<Estimate>,
) -> Vec<Option<Estimate>> {
    let value = |at: usize| value(at).filter(|_| trend.periods[at].rows > 0);
    (0..trend.periods.len()).map(value).collect()
}

/// The number of reviews of each period, as bars.
pub(crate) fn draw_counts(trend: &Trend) -> Markup {
    let most = trend.periods.iter().map(|it| it.rows).max().unwrap_or(0);
    for_both_screens(|screen| {
        let (_, high) = pages::round_range([0.0, most as f64], 2).unwrap_or((0.0, 1.0));
        let frame = frame(trend, screen, LOW_HEIGHT, reviews_axis(high));
        let periods = trend.periods.iter().enumerate().filter(|it| it.1.rows > 0);
        let bars = periods.flat_map(|(at, it)| {
            let (left, right) = (at as f64 - HALF_BAR, at as f64 + HALF_BAR);
            let (low, high) = (0.0, it.rows as f64);
            let corners = [(left, low), (left, high), (right, high), (right, low)];
            corners.map(Some).into_iter().chain([None])
        });
        let labels = period_labels(trend, &frame, screen);
        let content = html! { (labels) (frame.path("bar plain", bars)) };
        let most = format!("At most {most} reviews by {}.", trend.period.name());
        let title = "Number of reviews over time";
        frame.picture(&screen.id("counts"), title, [most], content)
    })
}

/// The smoothed trend of each topic, in the colours of [`topic_class`].
pub(crate) fn draw_topics(trend: &Trend, mix: &TopicMix) -> Markup {
    for_both_screens(|screen| {
        let levels = mix.topics.iter().flat_map(|it| &it.levels);
        let values = levels.flatten().map(|it| it.value);
        let frame = frame(trend, screen, HEIGHT, share_axis(values));
        let content = html! {
            (period_labels(trend, &frame, screen))
            @for (index, topic) in mix.topics.iter().enumerate() {
                (draw_line(&frame, &format!("topic {}", topic_class(index)), 0, &topic.levels))
            }
        };
        let topics = mix.topics.iter().map(|it| &it.topic);
        let title = "Share of positive reviews of each topic";
        frame.picture(&screen.id("topics-over-time"), title, topics, content)
    })
}

/// The class of a topic in the style sheet.
pub(crate) fn topic_class(index: usize) -> String {
    format!("topic-{}", index + 1)
}

/// The probability of a change at the start of each period.
pub(crate) fn draw_changes(trend: &Trend) -> Markup {
    let changes = trend.periods.iter().enumerate();
    let changes = changes.filter_map(|(at, it)| Some((at as f64, &it.label, it.change?)));
    let is_likely = |(.., change): &(f64, &String, f64)| *change >= MIN_CHANGE_PROBABILITY;
    let likely = changes.clone().filter(is_likely);
    let likely = likely.map(|(_, label, change)| format!("{label} {}", percent(change)));
    let mut description: Vec<String> = likely.collect();
    if description.is_empty() {
        description.push("No change has a probability of 50% or more.".to_owned());
    }
    for_both_screens(|screen| {
        let y = Axis::new("probability of a change (%)", (0.0, 100.0));
        let frame = frame(trend, screen, LOW_HEIGHT, y);
        let bars = changes.clone().filter(|(.., change)| *change > 0.005);
        let content = html! {
            (period_labels(trend, &frame, screen))
            @for (at, _, change) in bars {
                (frame.segment("whisker", (at, 0.0), (at, 100.0 * change)))
            }
        };
        let title = "Probability of a change";
        frame.picture(&screen.id("changes"), title, &description, content)
    })
}

fn reviews_axis<'a>(most: f64) -> Axis<'a> {
    let axis = Axis::new("reviews", (0.0, most)).ticks(2);
    axis.with_tick_format(Some(|reviews| format::count(reviews as u64)))
}

/// An axis of shares in percent that contains these values.
fn share_axis<'a>(values: impl Iterator<Item = f64>) -> Axis<'a> {
    let range = pages::round_range(values.map(|it| 100.0 * it), 5);
    let (low, high) = range.unwrap_or((0.0, 100.0));
    Axis::new("positive reviews (%)", (low.max(0.0), high.min(100.0)))
}

/// The runs of periods with values, from the period `first` on.
fn runs(first: usize, levels: &[Option<Estimate>]) -> Vec<Vec<(f64, Estimate)>> {
    let points = levels.iter().zip(first..);
    let points = points.map(|(level, at)| level.map(|level| (at as f64, level)));
    let points: Vec<Option<(f64, Estimate)>> = points.collect();
    let runs = points.split(Option::is_none);
    let run = |run: &[Option<(f64, Estimate)>]| match run {
        // A single period gets a short line.
        [Some((at, level))] => vec![(at - HALF_BAR, *level), (at + HALF_BAR, *level)],
        run => run.iter().flatten().copied().collect(),
    };
    runs.map(run).collect()
}

/// The line of values from the period `first` on, interrupted where there is no value.
fn draw_line(frame: &Frame<'_>, class: &str, first: usize, levels: &[Option<Estimate>]) -> Markup {
    let points = runs(first, levels).into_iter().flat_map(|run| {
        let points = run.into_iter().map(|(x, it)| Some((x, 100.0 * it.value)));
        points.chain([None])
    });
    frame.path(&format!("curve {class}"), points)
}

/// The area between the ends of intervals, interrupted like the line.
fn draw_band(frame: &Frame<'_>, class: &str, first: usize, levels: &[Option<Estimate>]) -> Markup {
    let points = runs(first, levels).into_iter().flat_map(|run| {
        let up = run.iter().map(|(x, it)| Some((*x, 100.0 * it.high)));
        let down = run.iter().rev().map(|(x, it)| Some((*x, 100.0 * it.low)));
        up.chain(down).chain([None]).collect::<Vec<_>>()
    });
    frame.path(class, points)
}
