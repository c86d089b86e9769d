//! The trend as an HTML page: the answer, the picture, how certain it is, and details that can be opened.

use artifact::format;
use maud::{Markup, Render, html};
use metrics::Estimate;
use pages::{
    Axis, CsvDownload, Frame, Page, Table, figure_with_csv, paragraph, remark, section, with_detail,
};

use crate::compute::MIN_CHANGE_PROBABILITY;
use crate::data::{ChangePoint, Trend};
use crate::files::{NUMBER_COLUMNS, table_rows};
use crate::sentences::{
    answer, certainty, change_by_topics, change_by_words, confidence_level, largest_change,
    percent, range, warning, with_range,
};

/// Width and height of the large pictures, in CSS pixels.
const SIZE: (f64, f64) = (600.0, 320.0);

/// The content of `trend.html`.
pub fn render_page(trend: &Trend, model: &str) -> String {
    let mut findings: Vec<String> = warning(trend, model).into_iter().collect();
    let conclusion = findings.len();
    findings.push(answer(trend));
    findings.extend(trend.largest_change.as_ref().map(largest_change));
    let shares = html! {
        (pages::findings(&findings, conclusion))
        h3 { "Share of positive reviews by " (trend.period.name()) }
        (figure_with_csv(draw_shares(trend), caption(trend), share_numbers(trend)))
    };
    // No sentence is highlighted.
    let certainty = pages::findings(&certainty(trend, model), usize::MAX);
    let main = html! {
        (section("trend", "Result", shares))
        (section("certainty", "How certain is this?", certainty))
        @if let Some(change) = &trend.largest_change { (change_section(change)) }
        @if trend.topics.len() > 1 { (topic_section(trend)) }
        (section("details", "Details", html! {
            details { summary { "Probability of a change, by " (trend.period.name()) } (draw_changes(trend)) }
            details { summary { "Accuracy of forecasts" } (backtest_table(trend)) }
            details { summary { "Method" } (method_paragraph(trend)) }
        }))
    };
    let (rows, period) = (format::count(trend.rows as u64), trend.period.name());
    let subtitle = format!("{rows} reviews by {period}, predicted by {model}");
    Page {
        title: "Ressenti: trend",
        heading: "Share of positive reviews over time",
        subtitle: &subtitle,
        links: &[],
        main,
    }
    .render()
}

fn caption(trend: &Trend) -> String {
    let authors = match trend.author_comparison {
        Some(_) => " Hollow dots: the authors' own labels, which the estimate does not use.",
        None => "",
    };
    let (period, level) = (trend.period.name(), confidence_level(trend));
    format!(
        "Dots: each {period} alone, with its {level}. Line: smoothed trend, with its {level} as a band; dashed: \
         forecast.{authors}"
    )
}

fn method_paragraph(trend: &Trend) -> Markup {
    let (period, method, model) = (trend.period.name(), trend.method.name(), trend.model.name);
    let groups = match trend.labelled_groups {
        Some(_) => "groups of labelled reviews",
        None => "labelled reviews",
    };
    paragraph(format!(
        "The share of each {period} is estimated with the method `{method}` from the model's probabilities and its error rates on labelled \
         reviews. Intervals of single shares come from resamples of the reviews and of the {groups}. The smoothed trend is a state-space \
         model of the log-odds ({model}), averaged over the unknown variances of its components."
    ))
}

/// A frame with the indices of periods on the x axis.
fn frame<'a>(trend: &'a Trend, height: f64, y: Axis<'a>) -> Frame<'a> {
    let last = (trend.periods.len() + trend.forecast.len()).saturating_sub(1);
    let x = Axis::new(trend.period.name(), (0.0, last.max(1) as f64)).without_labels();
    Frame::new((SIZE.0, height), x, y).broad()
}

/// Labels of the x axis: about six periods.
fn period_labels(trend: &Trend, frame: &Frame<'_>) -> Markup {
    let names = trend.periods.iter().map(|it| &it.label);
    let ahead = trend.forecast.iter().map(|it| &it.label);
    let names: Vec<&String> = names.chain(ahead).collect();
    let step = names.len().div_ceil(6).max(1);
    // A label close to the right edge would be cut off.
    let fits = |at: usize| at == 0 || at + step / 2 < names.len();
    let shown = names.iter().enumerate().step_by(step);
    let shown = shown.filter(|(at, _)| fits(*at));
    html! { g.ticks { @for (at, name) in shown { (frame.tick(at as f64, name)) } } }
}

/// The picture of shares, smoothed trend and forecast.
fn draw_shares(trend: &Trend) -> Markup {
    let levels = trend.periods.iter().map(|it| it.level);
    let levels = levels.chain(trend.forecast.iter().map(|it| it.level));
    let levels = levels.enumerate().map(|(at, level)| (at as f64, level));
    let levels: Vec<(f64, Estimate)> = levels.collect();
    let alone = trend.periods.iter().filter_map(|it| it.share);
    let intervals = alone.chain(levels.iter().map(|it| it.1));
    let authors = trend.periods.iter().filter_map(|it| it.author_labels);
    let ends = intervals.flat_map(|it| [it.low, it.high]);
    let ends = ends.chain(authors.map(|(share, _)| share));
    let ends = ends.map(|share| 100.0 * share);
    let (low, high) = pages::round_range(ends, 5).unwrap_or((0.0, 100.0));
    let y = Axis::new("positive reviews (%)", (low.max(0.0), high.min(100.0)));
    let frame = frame(trend, SIZE.1, y);
    let past = &levels[..trend.periods.len()];
    // The forecast continues from the last period.
    let ahead = &levels[trend.periods.len().saturating_sub(1)..];
    let content = html! {
        (period_labels(trend, &frame))
        (draw_band(&frame, "band", past))
        (draw_band(&frame, "band pale", ahead))
        (draw_line(&frame, "curve strong", past))
        (draw_line(&frame, "curve strong dashed", ahead))
        @for (at, period) in trend.periods.iter().enumerate() {
            @let x = at as f64;
            @if let Some(Estimate { value, low, high }) = period.share {
                (frame.segment("whisker hair", (x, 100.0 * low), (x, 100.0 * high)))
                (frame.dot("dot small", (x, 100.0 * value), 2.2))
            }
            @if let Some((share, _)) = period.author_labels {
                (frame.dot("dot before", (x, 100.0 * share), 2.6))
            }
        }
    };
    let ends = [trend.periods.first(), trend.periods.last()];
    let [(first, from), (last, to)] = ends.map(|it| {
        let end = it.map(|it| (it.label.as_str(), percent(it.level.value)));
        end.unwrap_or_default()
    });
    let description = format!("The smoothed trend goes from {from} in {first} to {to} in {last}.");
    let title = "Share of positive reviews over time";
    frame.picture("trend", title, [description], content)
}

/// The area between the lower and the upper ends of intervals.
fn draw_band(frame: &Frame<'_>, class: &str, points: &[(f64, Estimate)]) -> Markup {
    let up = points.iter().map(|(x, it)| Some((*x, 100.0 * it.high)));
    let back = points.iter().rev();
    let down = back.map(|(x, it)| Some((*x, 100.0 * it.low)));
    frame.path(class, up.chain(down))
}

fn draw_line(frame: &Frame<'_>, class: &str, points: &[(f64, Estimate)]) -> Markup {
    let values = points.iter().map(|(x, it)| Some((*x, 100.0 * it.value)));
    frame.path(class, values)
}

fn share_numbers(trend: &Trend) -> Markup {
    let rows = table_rows(trend);
    let mut numbers = CsvDownload::new("trend", &rows)
        .column("period", |row| row.label)
        .optional("reviews", |row| row.rows);
    for (index, name) in NUMBER_COLUMNS.iter().enumerate() {
        let number = |value: f64| format!("{value:.5}");
        numbers = numbers.optional(name, |row| row.numbers[index].map(number));
    }
    numbers.render()
}

fn backtest_table(trend: &Trend) -> Markup {
    if trend.backtest.is_empty() {
        return remark("There are too few periods to test forecasts on the past.");
    }
    let points = |value: f64| format!("{:.2}", 100.0 * value);
    let caption = format!(
        "Forecasts from each earlier {0}, compared with the estimated share of the later {0}. Errors and scores are in points; lower is better.",
        trend.period.name()
    );
    let table = Table::new(caption, &trend.backtest)
        .names("Method", |it| it.name)
        .numbers("Periods ahead", |it| it.horizon)
        .numbers("Forecasts", |it| it.forecasts)
        .numbers("Mean absolute error", |it| points(it.mean_absolute_error))
        .numbers("Covered", |it| percent(it.coverage))
        .numbers("Interval score", |it| points(it.interval_score));
    html! { (table) }
}

/// The picture of the probability of a change at the start of each period.
fn draw_changes(trend: &Trend) -> Markup {
    let y = Axis::new("probability of a change (%)", (0.0, 100.0));
    let frame = frame(trend, 200.0, y);
    let periods = trend.periods.iter();
    let likely = (periods.clone()).filter(|it| it.change >= MIN_CHANGE_PROBABILITY);
    let likely = likely.map(|it| format!("{} {}", it.label, percent(it.change)));
    let mut description: Vec<String> = likely.collect();
    if description.is_empty() {
        description.push("No change has a probability of 50% or more.".to_owned());
    }
    let bars = periods.enumerate().filter(|(_, it)| it.change > 0.005);
    let content = html! {
        (period_labels(trend, &frame))
        @for (at, it) in bars {
            (frame.segment("whisker", (at as f64, 0.0), (at as f64, 100.0 * it.change)))
        }
    };
    let svg = frame.picture("changes", "Probability of a change", description, content);
    let caption = "Probability that the share changed at the start of a period, in a model with a constant share between changes.";
    let numbers = CsvDownload::new("changes", &trend.periods)
        .column("period", |it| &it.label)
        .column("probability", |it| format!("{:.5}", it.change));
    figure_with_csv(svg, caption, numbers)
}

fn change_section(change: &ChangePoint) -> Markup {
    let [before, after] = [change.before, change.after].map(with_range);
    let text = format!(
        "{before} of the reviews before {} are positive, and {after} from then on.",
        change.label
    );
    let caption = "Words whose frequency changed most, in standard errors of the log-odds. Among thousands of words, chance alone rarely exceeds 4.";
    let words = Table::new(caption, &change.words)
        .names("Word", |it| &it.word)
        .numbers("Reviews before", |it| percent(it.before))
        .numbers("Reviews after", |it| percent(it.after))
        .numbers("Standard errors", |it| format!("{:+.1}", it.z));
    let content = html! {
        (paragraph(text))
        @if let Some(topics) = change_by_topics(change) { (paragraph(topics)) }
        @for sentence in change_by_words(change) { (paragraph(sentence)) }
        @if !change.words.is_empty() {
            details { summary { "Frequency of these words" } (words) }
        }
    };
    section("cause", "What changed?", content)
}

fn topic_section(trend: &Trend) -> Markup {
    const MAX_TOPICS: usize = 30;
    let all = trend.topics.len();
    let which = match all > MAX_TOPICS {
        true => format!("The {MAX_TOPICS} topics with most reviews, of {all}. "),
        false => String::new(),
    };
    let level = confidence_level(trend);
    let caption = format!(
        "{which}Share of positive reviews with {level}. Partially pooled: topics with few reviews are pulled towards the average of all topics."
    );
    let share = |it: Estimate| with_detail((percent(it.value), range(it)));
    let table = Table::new(caption, trend.topics.iter().take(MAX_TOPICS))
        .names("Topic", |it| &it.topic)
        .numbers("Reviews", |it| format::count(it.rows as u64))
        .numbers("Topic alone", |it| share(it.alone))
        .numbers("Partially pooled", |it| share(it.share));
    section("topics", "Topics", html! { (table) })
}
