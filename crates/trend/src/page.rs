//! The trend as a page: the conclusion first, then pictures, each with its numbers.

use artifact::format;
use maud::{Markup, html};
use metrics::Estimate;
use pages::{
    Axis, CsvDownload, Frame, Page, Table, figure_with_csv, paragraph, remark, section, with_detail,
};

use crate::data::{Change, Trend};
use crate::files::{NUMBERS, lines};
use crate::sentences::{range, sentences};

/// The size of the large pictures, in pixels of a phone held across.
const SIZE: (f64, f64) = (600.0, 320.0);

/// The text of `trend.html`.
pub fn render(trend: &Trend, model: &str) -> String {
    let conclusion = usize::from(trend.misfit.is_some());
    let findings = pages::findings(&sentences(trend, model), conclusion);
    let over_time = html! {
        (figure_with_csv(shares(trend), caption(trend), share_numbers(trend)))
        (backtest(trend))
    };
    let main = html! {
        (section("findings", "Findings", findings))
        (section("trend", "The trend", over_time))
        @if let Some(largest) = &trend.largest_change { (change(largest)) }
        (changes(trend))
        @if trend.topics.len() > 1 { (topics(trend)) }
    };
    let (rows, period) = (format::count(trend.rows as u64), trend.period.name());
    let subtitle = format!("{rows} reviews by {period}, read by {model}");
    Page {
        title: "Ressenti: trend",
        heading: "What people feel",
        subtitle: &subtitle,
        links: &[],
        main,
    }
    .render()
}

fn caption(trend: &Trend) -> String {
    let judged = match trend.judged {
        Some(_) => " Hollow dots are what the authors say themselves, which the model never saw.",
        None => "",
    };
    let (period, model) = (trend.period.name(), trend.model.name);
    let covered = 100.0 * trend.confidence;
    format!(
        "Positive reviews by {period}, in %. Dots with {covered:.0} % intervals are the {period}s alone, with the model's errors counted; the \
         line and its band are the level behind them ({model}), dashed where it is a forecast.{judged}"
    )
}

/// A frame whose axis of periods runs over their numbers from 0, with this axis of shares.
fn frame<'a>(trend: &'a Trend, height: f64, y: Axis<'a>) -> Frame<'a> {
    let last = (trend.periods.len() + trend.forecast.len()).saturating_sub(1);
    let x = Axis::new(trend.period.name(), (0.0, last.max(1) as f64)).without_labels();
    Frame::new((SIZE.0, height), x, y).broad()
}

/// The labels below an axis of periods: as many as have room.
fn labels(trend: &Trend, frame: &Frame<'_>) -> Markup {
    let names = trend.periods.iter().map(|it| &it.label);
    let ahead = trend.forecast.iter().map(|it| &it.label);
    let names: Vec<&String> = names.chain(ahead).collect();
    let step = names.len().div_ceil(6).max(1);
    // The last label would run out of the picture where it is not a whole step from the edge.
    let fits = |at: usize| at == 0 || at + step / 2 < names.len();
    let shown = names.iter().enumerate().step_by(step);
    let shown = shown.filter(|(at, _)| fits(*at));
    html! { g.ticks { @for (at, name) in shown { (frame.tick(at as f64, name)) } } }
}

fn shares(trend: &Trend) -> Markup {
    let levels = trend.periods.iter().map(|it| it.level);
    let levels = levels.chain(trend.forecast.iter().map(|it| it.level));
    let levels = levels.enumerate().map(|(at, level)| (at as f64, level));
    let levels: Vec<(f64, Estimate)> = levels.collect();
    let alone = trend.periods.iter().filter_map(|it| it.share);
    let intervals = alone.chain(levels.iter().map(|it| it.1));
    let said = trend.periods.iter().filter_map(|it| Some(it.verdicts?.0));
    let ends = intervals.flat_map(|it| [it.low, it.high]).chain(said);
    let ends = ends.map(|share| 100.0 * share);
    let (low, high) = pages::round_range(ends, 5).unwrap_or((0.0, 100.0));
    let y = Axis::new("positive (%)", (low.max(0.0), high.min(100.0)));
    let frame = frame(trend, SIZE.1, y);
    let past = &levels[..trend.periods.len()];
    // The forecast goes on from the last period.
    let ahead = &levels[trend.periods.len().saturating_sub(1)..];
    let content = html! {
        (labels(trend, &frame))
        (band(&frame, "band", past))
        (band(&frame, "band pale", ahead))
        (line(&frame, "curve strong", past))
        (line(&frame, "curve strong dashed", ahead))
        @for (at, period) in trend.periods.iter().enumerate() {
            @let x = at as f64;
            @if let Some(Estimate { value, low, high }) = period.share {
                (frame.segment("whisker hair", (x, 100.0 * low), (x, 100.0 * high)))
                (frame.dot("dot small", (x, 100.0 * value), 2.2))
            }
            @if let Some((share, _)) = period.verdicts {
                (frame.dot("dot before", (x, 100.0 * share), 2.6))
            }
        }
    };
    let ends = [trend.periods.first(), trend.periods.last()];
    let [(first, from), (last, to)] = ends.map(|it| {
        let end = it.map(|it| (it.label.as_str(), format::percent(it.level.value)));
        end.unwrap_or_default()
    });
    let description = format!("From {first} to {last} the level goes from {from} to {to}.");
    let title = "Share of positive reviews over time";
    frame.picture("trend", title, [description], content)
}

/// The room between the ends of intervals.
fn band(frame: &Frame<'_>, class: &str, points: &[(f64, Estimate)]) -> Markup {
    let up = points.iter().map(|(x, it)| Some((*x, 100.0 * it.high)));
    let back = points.iter().rev();
    let down = back.map(|(x, it)| Some((*x, 100.0 * it.low)));
    frame.path(class, up.chain(down))
}

fn line(frame: &Frame<'_>, class: &str, points: &[(f64, Estimate)]) -> Markup {
    let values = points.iter().map(|(x, it)| Some((*x, 100.0 * it.value)));
    frame.path(class, values)
}

fn share_numbers(trend: &Trend) -> Markup {
    let lines = lines(trend);
    let mut numbers = CsvDownload::new("trend", &lines)
        .column("period", |line| line.label)
        .optional("reviews", |line| line.rows);
    for (place, name) in NUMBERS.iter().enumerate() {
        let number = |value: f64| format!("{value:.5}");
        numbers = numbers.optional(name, |line| line.numbers[place].map(number));
    }
    numbers.link()
}

fn backtest(trend: &Trend) -> Markup {
    if trend.backtest.is_empty() {
        return remark("The past is too short to say how forecasts would have done.");
    }
    let points = |value: f64| format!("{:.2}", 100.0 * value);
    let caption = format!(
        "How forecasts would have done from every {0} on, judged by the estimated share of the {0} that came; in points, less is better but for the coverage",
        trend.period.name()
    );
    let table = Table::new(caption, &trend.backtest)
        .names("Forecast by", |it| it.name)
        .numbers("Ahead", |it| it.horizon)
        .numbers("Forecasts", |it| it.forecasts)
        .numbers("Mean error", |it| points(it.mean_absolute_error))
        .numbers("Covered", |it| format::percent(it.coverage))
        .numbers("Interval score", |it| points(it.interval_score));
    html! { (table) }
}

/// The probability of a change before each period.
fn changes(trend: &Trend) -> Markup {
    let frame = frame(trend, 200.0, Axis::new("change (%)", (0.0, 100.0)));
    let likely = trend.periods.iter().filter(|it| it.change >= 0.5);
    let mut description: Vec<String> = likely
        .map(|it| format!("{} {:.0} %", it.label, 100.0 * it.change))
        .collect();
    if description.is_empty() {
        description.push("No change is more likely than not.".to_owned());
    }
    let bars = trend.periods.iter().enumerate();
    let bars = bars.filter(|(_, it)| it.change > 0.005);
    let content = html! {
        (labels(trend, &frame))
        @for (at, it) in bars {
            (frame.segment("whisker", (at as f64, 0.0), (at as f64, 100.0 * it.change)))
        }
    };
    let svg = frame.picture("changes", "Probability of a change", description, content);
    let caption = "The probability that the level changed just before a period, where the level is taken to stand still between changes";
    let numbers = CsvDownload::new("changes", &trend.periods)
        .column("period", |it| &it.label)
        .column("probability", |it| format!("{:.5}", it.change));
    let content = figure_with_csv(svg, caption, numbers.link());
    section("changes", "When did it change?", content)
}

fn change(change: &Change) -> Markup {
    let share = |it: Estimate| format!("{} ({})", format::percent(it.value), range(it));
    let (label, before, after) = (&change.label, share(change.before), share(change.after));
    let text =
        format!("Before {label} {before} of the reviews were positive, from then on {after}.");
    let caption = "The words whose share of reviews moved most, in standard errors of their log-odds; of thousands of words chance moves hardly one by more than 4";
    let words = Table::new(caption, &change.words)
        .names("Word", |it| &it.word)
        .numbers("Reviews before", |it| format::percent(it.before))
        .numbers("Reviews after", |it| format::percent(it.after))
        .numbers("Standard errors", |it| format!("{:+.1}", it.z));
    let content = html! {
        (paragraph(text))
        @if let (Some(within), Some(mix)) = (change.within_topics, change.mix_of_topics) {
            (paragraph(format!(
                "Of the difference {:+.1} points are other opinions about the same topics, and {:+.1} points other topics being talked about.",
                100.0 * within,
                100.0 * mix
            )))
        }
        @if !change.words.is_empty() { (words) }
    };
    section("cause", "What moved it?", content)
}

fn topics(trend: &Trend) -> Markup {
    const SHOWN: usize = 30;
    let all = trend.topics.len();
    let shown = all.min(SHOWN);
    let share = |it: Estimate| with_detail((format::percent(it.value), range(it)));
    let caption = format!(
        "The {shown} topics with most reviews of {all}: the share of positive ones from a topic's own reviews, and leaning on the other topics as much as it is unsure"
    );
    let table = Table::new(caption, trend.topics.iter().take(SHOWN))
        .names("Topic", |it| &it.topic)
        .numbers("Reviews", |it| format::count(it.rows as u64))
        .numbers("Alone", |it| share(it.alone))
        .numbers("Leaning on the others", |it| share(it.share));
    section("topics", "Topics", html! { (table) })
}
