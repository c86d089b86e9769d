//! The pictures of a trend. A picture that is scaled to a phone is not legible, so each one is drawn for wide and for
//! narrow screens, and the style sheet shows one of them.

use maud::{Markup, html};
use metrics::Estimate;
use pages::{Axis, Frame};

use crate::compute::MIN_CHANGE_PROBABILITY;
use crate::data::{TopicMix, Trend};
use crate::sentences::percent;

/// The screen that a picture is drawn for: the suffix of its id, its width in pixels, and its number of period labels.
#[derive(Clone, Copy)]
struct Screen(&'static str, f64, usize);

const WIDE: Screen = Screen("", 960.0, 8);
const NARROW: Screen = Screen("-narrow", 400.0, 4);

/// Height of the pictures of shares, and of those below them.
const HEIGHT: f64 = 330.0;
const LOW_HEIGHT: f64 = 150.0;

/// Half the width of a bar, in periods.
const HALF_BAR: f64 = 0.4;

/// Number of periods above which dots are small.
const MANY_PERIODS: usize = 80;

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
    let ahead = past
        .last()
        .into_iter()
        .copied()
        .chain(trend.forecast.iter().map(|it| Some(it.level)));
    let ahead: Vec<Option<Estimate>> = ahead.collect();
    let shares = trend.periods.iter().filter_map(|it| it.share);
    let authors = trend
        .periods
        .iter()
        .map(|it| it.author_labels.map(|(share, _)| share));
    let ends = shares.chain(
        past.iter()
            .chain(&ahead)
            .chain(&constant)
            .flatten()
            .copied(),
    );
    let ends = ends
        .flat_map(|it| [it.low, it.high])
        .chain(authors.clone().flatten());
    let frame = frame(trend, screen, HEIGHT, share_axis(ends));
    let radius = if trend.periods.len() > MANY_PERIODS {
        2.2
    } else {
        3.4
    };
    let content = html! {
        (period_labels(trend, &frame, screen))
        (draw_curve(&frame, "strong", 0, &past, Some("band")))
        (draw_curve(&frame, "strong dashed", trend.periods.len().saturating_sub(1), &ahead, Some("band pale")))
        @for (at, share) in trend.periods.iter().map(|it| it.share).enumerate() {
            @if let Some(Estimate { value, low, high }) = share {
                (frame.segment("whisker hair", (at as f64, 100.0 * low), (at as f64, 100.0 * high)))
                (frame.dot("dot small", (at as f64, 100.0 * value), 2.2))
            }
        }
        (draw_curve(&frame, "topic constant-mix", 0, &constant, None))
        @for (at, share) in authors.enumerate() {
            @if let Some(share) = share { (frame.dot("dot authors", (at as f64, 100.0 * share), radius)) }
        }
    };
    let ends = [trend.periods.first(), trend.periods.last()]
        .map(|it| it.and_then(|it| Some((it.label.as_str(), percent(it.level?.value)))));
    let description = match ends {
        [Some((first, from)), Some((last, to))] => {
            format!("The smoothed trend goes from {from} in {first} to {to} in {last}.")
        }
        _ => "Shares of positive reviews by the authors' own labels.".to_owned(),
    };
    picture(
        &frame,
        screen,
        "trend",
        "Share of positive reviews over time",
        [description],
        content,
    )
}

/// The levels at a constant mix of topics, if there are any.
fn constant_levels(trend: &Trend) -> Vec<Option<Estimate>> {
    let mix = trend
        .topic_mix
        .as_ref()
        .and_then(|mix| mix.constant_mix.as_ref());
    mix.map_or_else(Vec::new, |mix| {
        periods_with_reviews(trend, |at| mix.levels.get(at).copied())
    })
}

/// A value for each period with reviews; the others are gaps.
fn periods_with_reviews(
    trend: &Trend,
    value: impl Fn(usize) -> Option<Estimate>,
) -> Vec<Option<Estimate>> {
    let periods = trend.periods.iter().enumerate();
    periods
        .map(|(at, it)| value(at).filter(|_| it.rows > 0))
        .collect()
}

/// The number of reviews of each period, as bars.
pub(crate) fn draw_counts(trend: &Trend) -> Markup {
    let most = trend.periods.iter().map(|it| it.rows).max().unwrap_or(0);
    for_both_screens(|screen| {
        let (_, high) = pages::round_range([0.0, most as f64], 2).unwrap_or((0.0, 1.0));
        let frame = frame(
            trend,
            screen,
            LOW_HEIGHT,
            Axis::new("reviews", (0.0, high)).ticks(2),
        );
        let bars = (0_u32..)
            .zip(&trend.periods)
            .filter(|(_, it)| it.rows > 0)
            .flat_map(|(at, it)| {
                let [left, right] = [f64::from(at) - HALF_BAR, f64::from(at) + HALF_BAR];
                let (low, high) = (0.0, it.rows as f64);
                let corners = [(left, low), (left, high), (right, high), (right, low)];
                corners.map(Some).into_iter().chain([None])
            });
        let content =
            html! { (period_labels(trend, &frame, screen)) (frame.path("bar plain", bars)) };
        let description = [format!(
            "At most {most} reviews by {}.",
            trend.period.name()
        )];
        picture(
            &frame,
            screen,
            "counts",
            "Number of reviews over time",
            description,
            content,
        )
    })
}

/// The smoothed trend of each topic, in the colours of [`topic_class`].
pub(crate) fn draw_topics(trend: &Trend, mix: &TopicMix) -> Markup {
    for_both_screens(|screen| {
        let values = mix
            .topics
            .iter()
            .flat_map(|it| it.levels.iter().flatten())
            .map(|it| it.value);
        let frame = frame(trend, screen, HEIGHT, share_axis(values));
        let content = html! {
            (period_labels(trend, &frame, screen))
            @for (index, topic) in mix.topics.iter().enumerate() {
                (draw_curve(&frame, &format!("topic {}", topic_class(index)), 0, &topic.levels, None))
            }
        };
        let description = mix.topics.iter().map(|it| &it.topic);
        picture(
            &frame,
            screen,
            "topics-over-time",
            "Share of positive reviews of each topic",
            description,
            content,
        )
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
    let likely = changes
        .clone()
        .filter(|(.., change)| *change >= MIN_CHANGE_PROBABILITY);
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
        picture(
            &frame,
            screen,
            "changes",
            "Probability of a change",
            &description,
            content,
        )
    })
}

fn picture<D: std::fmt::Display>(
    frame: &Frame<'_>,
    screen: Screen,
    id: &str,
    title: &str,
    description: impl IntoIterator<Item = D>,
    content: Markup,
) -> Markup {
    frame.picture(&format!("{id}{}", screen.0), title, description, content)
}

/// An axis of shares in percent that contains these values.
fn share_axis<'a>(values: impl Iterator<Item = f64>) -> Axis<'a> {
    let range = pages::round_range(values.map(|it| 100.0 * it), 5);
    let (low, high) = range.unwrap_or((0.0, 100.0));
    Axis::new("positive reviews (%)", (low.max(0.0), high.min(100.0)))
}

/// The line of values, and the `band` of their intervals, from the period `first` on; interrupted where there is no
/// value.
fn draw_curve(
    frame: &Frame<'_>,
    class: &str,
    first: usize,
    levels: &[Option<Estimate>],
    band: Option<&str>,
) -> Markup {
    let points = levels.iter().zip(first..);
    let points = points.map(|(level, at)| level.map(|level| (at as f64, level)));
    let points: Vec<Option<(f64, Estimate)>> = points.collect();
    let mut curves = Vec::new();
    let mut bands = Vec::new();
    for run in points.split(Option::is_none) {
        let mut run: Vec<(f64, Estimate)> = run.iter().flatten().copied().collect();
        if let [(at, level)] = run[..] {
            // A single period gets a short line.
            run = vec![(at - HALF_BAR, level), (at + HALF_BAR, level)];
        }
        let at = |(x, share): (f64, f64)| Some((x, 100.0 * share));
        curves.extend(run.iter().map(|(x, it)| at((*x, it.value))).chain([None]));
        bands.extend(run.iter().map(|(x, it)| at((*x, it.high))));
        bands.extend(
            run.iter()
                .rev()
                .map(|(x, it)| at((*x, it.low)))
                .chain([None]),
        );
    }
    html! {
        @if let Some(class) = band { (frame.path(class, bands)) }
        (frame.path(&format!("curve {class}"), curves))
    }
}
