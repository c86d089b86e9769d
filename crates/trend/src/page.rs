//! The trend as a page: the conclusion first, then pictures, each with its numbers.

use artifact::format;
use metrics::Estimate;
use pages::{
    Axis, Element, Frame, Numbers, document, element, footer, heading, number, number_heading,
    numbered, paragraph, row_heading, section, table,
};

use crate::data::{Change, Trend};
use crate::show::sentences;

/// The size of the large pictures, in pixels of a phone held across.
const SIZE: (f64, f64) = (600.0, 320.0);

/// The text of `trend.html`.
pub fn render(trend: &Trend, model: &str) -> String {
    let conclusion = usize::from(trend.misfit.is_some());
    let findings = pages::findings(&sentences(trend, model), conclusion);
    let main = element("main")
        .child(section("findings", "Findings").child(findings))
        .child(
            section("trend", "The trend")
                .child(numbered(
                    shares(trend),
                    caption(trend),
                    &share_numbers(trend),
                ))
                .child(backtest(trend)),
        )
        .children(trend.largest_change.as_ref().map(change))
        .child(changes(trend))
        .children((trend.topics.len() > 1).then(|| topics(trend)));
    let head = element("header")
        .child(element("h1").text("What people feel"))
        .child(element("p").text(format!(
            "{} reviews by {}, read by {model}",
            format::count(trend.rows as u64),
            trend.period.name()
        )));
    document(
        "Ressenti: trend",
        element("body").child(head).child(main).child(footer()),
    )
}

fn caption(trend: &Trend) -> String {
    let judged = match trend.judged {
        Some(_) => " Hollow dots are what the authors say themselves, which the model never saw.",
        None => "",
    };
    format!(
        "Positive reviews by {}, in %. Dots with {:.0} % intervals are the {}s alone, with the model's errors counted; the \
         line and its band are the level behind them ({}), dashed where it is a forecast.{judged}",
        trend.period.name(),
        100.0 * trend.confidence,
        trend.period.name(),
        trend.model.name
    )
}

/// The axis of periods: their numbers from 0, written as labels.
fn frame(trend: &Trend, y: (f64, f64)) -> Frame {
    let last = (trend.periods.len() + trend.forecast.len())
        .saturating_sub(1)
        .max(1);
    Frame::new(SIZE, (0.0, last as f64), y)
}

/// The labels below an axis of periods: as many as have room.
fn labels(trend: &Trend, frame: &Frame) -> Vec<Element> {
    let names = trend.periods.iter().map(|it| it.label.as_str());
    let names: Vec<&str> = names
        .chain(trend.forecast.iter().map(|it| it.label.as_str()))
        .collect();
    let step = names.len().div_ceil(6).max(1);
    let low = frame.y.low;
    let label =
        |(at, name): (usize, &&str)| frame.note((at as f64, low), (0.0, 17.0), "middle", name);
    // The last label would run out of the picture where it is not a whole step from the edge.
    let fits = |at: usize| at == 0 || at + step / 2 < names.len();
    names
        .iter()
        .enumerate()
        .step_by(step)
        .filter(|(at, _)| fits(*at))
        .map(label)
        .collect()
}

fn axis(name: &str) -> Axis<'_> {
    Axis {
        name,
        ticks: 5,
        write: None,
    }
}

/// An axis whose labels are drawn apart.
fn plain_axis(name: &str) -> Axis<'_> {
    Axis {
        name,
        ticks: 1,
        write: Some(|_| String::new()),
    }
}

fn shares(trend: &Trend) -> Element {
    let ends = trend.periods.iter().flat_map(|it| {
        let share = it.share.map(|share| [share.low, share.high]);
        let said = it.verdicts.map(|(share, _)| share);
        share
            .into_iter()
            .flatten()
            .chain(said)
            .chain([it.level.low, it.level.high])
    });
    let ends = ends.chain(
        trend
            .forecast
            .iter()
            .flat_map(|it| [it.level.low, it.level.high]),
    );
    let range = pages::round_range(ends.map(|share| 100.0 * share), 5).unwrap_or((0.0, 100.0));
    let frame = frame(trend, (range.0.max(0.0), range.1.min(100.0)));
    let (first, last) = (trend.periods.first(), trend.periods.last());
    let description = format!(
        "From {} to {} the level goes from {} to {}.",
        first.map_or("", |it| &it.label),
        last.map_or("", |it| &it.label),
        first.map_or_else(String::new, |it| format::percent(it.level.value)),
        last.map_or_else(String::new, |it| format::percent(it.level.value)),
    );
    let mut svg = frame
        .picture(
            "trend",
            "Share of positive reviews over time",
            &description,
            &plain_axis(trend.period.name()),
            &axis("positive (%)"),
        )
        .class("broad")
        .child(element("g").class("ticks").children(labels(trend, &frame)));
    let past: Vec<(f64, Estimate)> = trend
        .periods
        .iter()
        .enumerate()
        .map(|(at, it)| (at as f64, it.level))
        .collect();
    let ahead = trend.forecast.iter().enumerate();
    let ahead: Vec<(f64, Estimate)> = past
        .last()
        .copied()
        .into_iter()
        .chain(ahead.map(|(at, it)| ((past.len() + at) as f64, it.level)))
        .collect();
    svg = svg
        .child(band(&frame, &past).class("band"))
        .child(band(&frame, &ahead).class("band pale"))
        .child(line(&frame, &past).class("curve strong"))
        .child(line(&frame, &ahead).class("curve strong dashed"));
    for (at, period) in trend.periods.iter().enumerate() {
        let x = at as f64;
        if let Some(share) = period.share {
            svg = svg
                .child(
                    frame
                        .segment((x, 100.0 * share.low), (x, 100.0 * share.high))
                        .class("whisker hair"),
                )
                .child(frame.dot((x, 100.0 * share.value), 2.2).class("dot small"));
        }
        if let Some((share, _)) = period.verdicts {
            svg = svg.child(frame.dot((x, 100.0 * share), 2.6).class("dot before"));
        }
    }
    svg
}

/// The room between the ends of intervals.
fn band(frame: &Frame, points: &[(f64, Estimate)]) -> Element {
    let up = points.iter().map(|(x, it)| Some((*x, 100.0 * it.high)));
    let down = points
        .iter()
        .rev()
        .map(|(x, it)| Some((*x, 100.0 * it.low)));
    frame.path(up.chain(down))
}

fn line(frame: &Frame, points: &[(f64, Estimate)]) -> Element {
    frame.path(points.iter().map(|(x, it)| Some((*x, 100.0 * it.value))))
}

fn share_numbers(trend: &Trend) -> Numbers {
    let columns = [
        "period",
        "reviews",
        "counted",
        "share",
        "share_low",
        "share_high",
        "level",
        "level_low",
        "level_high",
        "change",
        "verdicts",
    ];
    let optional =
        |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.5}"));
    let rows = trend.periods.iter().map(|it| {
        let estimates = [
            it.counted,
            it.share.map(|share| share.value),
            it.share.map(|share| share.low),
            it.share.map(|share| share.high),
            Some(it.level.value),
            Some(it.level.low),
            Some(it.level.high),
            Some(it.change),
            it.verdicts.map(|(share, _)| share),
        ];
        let mut cells = vec![it.label.clone(), it.rows.to_string()];
        cells.extend(estimates.map(optional));
        cells
    });
    let ahead = trend.forecast.iter().map(|it| {
        let none = String::new;
        let level =
            [it.level.value, it.level.low, it.level.high].map(|value| format!("{value:.5}"));
        let [value, low, high] = level;
        vec![
            it.label.clone(),
            none(),
            none(),
            none(),
            none(),
            none(),
            value,
            low,
            high,
            none(),
            none(),
        ]
    });
    Numbers::new("trend", &columns).rows(rows).rows(ahead)
}

fn backtest(trend: &Trend) -> Element {
    if trend.backtest.is_empty() {
        return paragraph("The past is too short to say how forecasts would have done.")
            .class("muted");
    }
    let lines = trend.backtest.iter().map(|it| {
        let points = |value: f64| number(format!("{:.2}", 100.0 * value));
        vec![
            row_heading(it.name),
            number(it.horizon),
            number(it.forecasts),
            points(it.mean_absolute_error),
            number(format::percent(it.coverage)),
            points(it.interval_score),
        ]
    });
    let caption = format!(
        "How forecasts would have done from every {0} on, judged by the estimated share of the {0} that came; in points, less is better but for the coverage",
        trend.period.name()
    );
    let headings = [
        heading("Forecast by"),
        number_heading("Ahead"),
        number_heading("Forecasts"),
        number_heading("Mean error"),
        number_heading("Covered"),
        number_heading("Interval score"),
    ];
    table(&caption, headings, lines)
}

/// The probability of a change before each period.
fn changes(trend: &Trend) -> Element {
    let frame = Frame::new(
        (600.0, 200.0),
        (
            frame(trend, (0.0, 100.0)).x.low,
            frame(trend, (0.0, 100.0)).x.high,
        ),
        (0.0, 100.0),
    );
    let likely: Vec<String> = trend
        .periods
        .iter()
        .filter(|it| it.change >= 0.5)
        .map(|it| format!("{} {:.0} %", it.label, 100.0 * it.change))
        .collect();
    let description = match likely.is_empty() {
        true => "No change is more likely than not.".to_owned(),
        false => likely.join("; "),
    };
    let mut svg = frame
        .picture(
            "changes",
            "Probability of a change",
            &description,
            &plain_axis(trend.period.name()),
            &axis("change (%)"),
        )
        .class("broad")
        .child(element("g").class("ticks").children(labels(trend, &frame)));
    for (at, period) in trend
        .periods
        .iter()
        .enumerate()
        .filter(|(_, it)| it.change > 0.005)
    {
        let x = at as f64;
        svg = svg.child(
            frame
                .segment((x, 0.0), (x, 100.0 * period.change))
                .class("whisker"),
        );
    }
    let caption = "The probability that the level changed just before a period, where the level is taken to stand still between changes";
    let rows = trend
        .periods
        .iter()
        .map(|it| vec![it.label.clone(), format!("{:.5}", it.change)]);
    let numbers = Numbers::new("changes", &["period", "probability"]).rows(rows);
    section("changes", "When did it change?").child(numbered(svg, caption, &numbers))
}

fn change(change: &Change) -> Element {
    let share = |estimate: Estimate| {
        format!(
            "{} ({:.1} to {:.1})",
            format::percent(estimate.value),
            100.0 * estimate.low,
            100.0 * estimate.high
        )
    };
    let mut part = section("cause", "What moved it?").child(paragraph(format!(
        "Before {} {} of the reviews were positive, from then on {}.",
        change.label,
        share(change.before),
        share(change.after)
    )));
    if let (Some(within), Some(mix)) = (change.within_topics, change.mix_of_topics) {
        part = part.child(paragraph(format!(
            "Of the difference {:+.1} points are other opinions about the same topics, and {:+.1} points other topics being talked about.",
            100.0 * within,
            100.0 * mix
        )));
    }
    let lines: Vec<Vec<Element>> = change
        .words
        .iter()
        .map(|word| {
            vec![
                row_heading(&word.word),
                number(format::percent(word.before)),
                number(format::percent(word.after)),
                number(format!("{:+.1}", word.z)),
            ]
        })
        .collect();
    if lines.is_empty() {
        return part;
    }
    let headings = [
        heading("Word"),
        number_heading("Reviews before"),
        number_heading("Reviews after"),
        number_heading("Standard errors"),
    ];
    part.child(table(
        "The words whose share of reviews moved most, in standard errors of their log-odds; of thousands of words chance moves hardly one by more than 4",
        headings,
        lines,
    ))
}

fn topics(trend: &Trend) -> Element {
    const SHOWN: usize = 30;
    let share = |estimate: Estimate| {
        element("td")
            .class("number")
            .child(element("span").text(format::percent(estimate.value)))
            .child(element("span").class("range").text(format!(
                "{:.1} to {:.1}",
                100.0 * estimate.low,
                100.0 * estimate.high
            )))
    };
    let lines = trend.topics.iter().take(SHOWN).map(|it| {
        vec![
            row_heading(&it.topic),
            number(format::count(it.rows as u64)),
            share(it.alone),
            share(it.share),
        ]
    });
    let caption = format!(
        "The {} topics with most reviews of {}: the share of positive ones from a topic's own reviews, and leaning on the other topics as much as it is unsure",
        trend.topics.len().min(SHOWN),
        trend.topics.len()
    );
    let headings = [
        heading("Topic"),
        number_heading("Reviews"),
        number_heading("Alone"),
        number_heading("Leaning on the others"),
    ];
    section("topics", "Topics").child(table(&caption, headings, lines))
}
