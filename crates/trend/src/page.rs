//! The trend as a page: the conclusion first, then pictures, each with its numbers.

use std::iter;

use artifact::format;
use metrics::Estimate;
use pages::{
    Axis, Element, Frame, Numbers, document, element, footer, heading, number, number_heading,
    numbered, paragraph, row_heading, section, table,
};

use crate::data::{Change, PeriodShare, Trend};
use crate::files::{NUMBERS, lines};
use crate::sentences::{range, sentences};

/// The width of pictures, in pixels of a phone held across.
const WIDTH: f64 = 600.0;

/// Topics that are shown.
const TOPICS: usize = 30;

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

/// A picture over the periods, whose numbers from 0 are its horizontal axis.
struct Chart {
    frame: Frame,
    svg: Element,
}

impl Chart {
    /// An empty one: height, range and name of the vertical axis, and what stands for the picture where it
    /// cannot be seen.
    fn new(
        trend: &Trend,
        height: f64,
        (range, name): ((f64, f64), &str),
        (id, title, description): (&str, &str, &str),
    ) -> Self {
        let names = trend.periods.iter().map(|it| it.label.as_str());
        let names: Vec<&str> = names
            .chain(trend.forecast.iter().map(|it| it.label.as_str()))
            .collect();
        let last = names.len().saturating_sub(1).max(1);
        let frame = Frame::new((WIDTH, height), (0.0, last as f64), range);
        // Labels of periods are drawn apart: as many as have room.
        let x = Axis {
            name: trend.period.name(),
            ticks: 1,
            write: Some(|_| String::new()),
        };
        let step = names.len().div_ceil(6).max(1);
        let low = frame.y.low;
        // The last label would run out of the picture where it is not a whole step from the edge.
        let fits = |at: usize| at == 0 || at + step / 2 < names.len();
        let shown = names.iter().enumerate().step_by(step);
        let labels = shown
            .filter(|(at, _)| fits(*at))
            .map(|(at, name)| frame.note((at as f64, low), (0.0, 17.0), "middle", name));
        let svg = frame
            .picture(id, title, description, &x, &Axis::new(name, 5))
            .class("broad")
            .child(element("g").class("ticks").children(labels));
        Self { frame, svg }
    }

    /// Draws something in.
    fn draw(&mut self, shape: impl FnOnce(&Frame) -> Element) {
        let svg = std::mem::replace(&mut self.svg, element("svg"));
        self.svg = svg.child(shape(&self.frame));
    }

    /// Draws the room between the ends of intervals.
    fn draw_band(&mut self, levels: &[(usize, Estimate)], class: &'static str) {
        let up = levels.iter().map(|(at, it)| (*at, it.high));
        let down = levels.iter().rev().map(|(at, it)| (*at, it.low));
        self.draw_path(up.chain(down), class);
    }

    /// Draws a line through shares of periods.
    fn draw_path(&mut self, shares: impl Iterator<Item = (usize, f64)>, class: &'static str) {
        let points = shares.map(|(at, share)| Some((at as f64, 100.0 * share)));
        self.draw(|frame| frame.path(points).class(class));
    }
}

fn shares(trend: &Trend) -> Element {
    let past = trend.periods.iter().flat_map(|it| {
        let share = it.share.map(|share| [share.low, share.high]);
        let said = it.verdicts.map(|(share, _)| share);
        let share = share.into_iter().flatten().chain(said);
        share.chain([it.level.low, it.level.high])
    });
    let ahead = trend.forecast.iter();
    let ahead = ahead.flat_map(|it| [it.level.low, it.level.high]);
    let ends = past.chain(ahead).map(|share| 100.0 * share);
    let (low, high) = pages::round_range(ends, 5).unwrap_or((0.0, 100.0));
    let (first, from) = end(trend.periods.first());
    let (last, to) = end(trend.periods.last());
    let mut chart = Chart::new(
        trend,
        320.0,
        ((low.max(0.0), high.min(100.0)), "positive (%)"),
        (
            "trend",
            "Share of positive reviews over time",
            &format!("From {first} to {last} the level goes from {from} to {to}."),
        ),
    );
    let levels = trend.periods.iter().map(|it| it.level);
    let levels = levels.chain(trend.forecast.iter().map(|it| it.level));
    let levels: Vec<(usize, Estimate)> = levels.enumerate().collect();
    let past = &levels[..trend.periods.len()];
    let ahead = &levels[trend.periods.len().saturating_sub(1)..];
    chart.draw_band(past, "band");
    chart.draw_band(ahead, "band pale");
    for (levels, class) in [(past, "curve strong"), (ahead, "curve strong dashed")] {
        chart.draw_path(levels.iter().map(|(at, it)| (*at, it.value)), class);
    }
    for (at, period) in trend.periods.iter().enumerate() {
        let x = at as f64;
        if let Some(share) = period.share {
            let ends = ((x, 100.0 * share.low), (x, 100.0 * share.high));
            chart.draw(|frame| frame.segment(ends.0, ends.1).class("whisker hair"));
            let dot = (x, 100.0 * share.value);
            chart.draw(|frame| frame.dot(dot, 2.2).class("dot small"));
        }
        if let Some((share, _)) = period.verdicts {
            chart.draw(|frame| frame.dot((x, 100.0 * share), 2.6).class("dot before"));
        }
    }
    chart.svg
}

/// A period's label and level.
fn end(period: Option<&PeriodShare>) -> (&str, String) {
    period.map_or_else(Default::default, |it| {
        (it.label.as_str(), format::percent(it.level.value))
    })
}

fn share_numbers(trend: &Trend) -> Numbers {
    let columns = [&["period", "reviews"][..], &NUMBERS].concat();
    let number = |value: Option<f64>| value.map_or_else(String::new, |it| format!("{it:.5}"));
    let rows = lines(trend).into_iter().map(|line| {
        let reviews = line.rows.map_or_else(String::new, |rows| rows.to_string());
        let own = [line.label.to_owned(), reviews];
        own.into_iter().chain(line.numbers.map(number)).collect()
    });
    Numbers::new("trend", &columns).rows(rows)
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
    let numbers = [
        "Ahead",
        "Forecasts",
        "Mean error",
        "Covered",
        "Interval score",
    ];
    table(&caption, headings("Forecast by", &numbers), lines)
}

/// The probability of a change before each period.
fn changes(trend: &Trend) -> Element {
    let likely = trend.periods.iter().filter(|it| it.change >= 0.5);
    let likely: Vec<String> = likely
        .map(|it| format!("{} {:.0} %", it.label, 100.0 * it.change))
        .collect();
    let description = match likely.is_empty() {
        true => "No change is more likely than not.".to_owned(),
        false => likely.join("; "),
    };
    let mut chart = Chart::new(
        trend,
        200.0,
        ((0.0, 100.0), "change (%)"),
        ("changes", "Probability of a change", &description),
    );
    let periods = trend.periods.iter().enumerate();
    for (at, period) in periods.filter(|(_, it)| it.change > 0.005) {
        let (x, y) = (at as f64, 100.0 * period.change);
        chart.draw(|frame| frame.segment((x, 0.0), (x, y)).class("whisker"));
    }
    let caption = "The probability that the level changed just before a period, where the level is taken to stand still between changes";
    let row = |it: &PeriodShare| vec![it.label.clone(), format!("{:.5}", it.change)];
    let rows = trend.periods.iter().map(row);
    let numbers = Numbers::new("changes", &["period", "probability"]).rows(rows);
    section("changes", "When did it change?").child(numbered(chart.svg, caption, &numbers))
}

fn change(change: &Change) -> Element {
    let share = |it: Estimate| format!("{} ({})", format::percent(it.value), range(it));
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
    if change.words.is_empty() {
        return part;
    }
    let lines = change.words.iter().map(|word| {
        vec![
            row_heading(&word.word),
            number(format::percent(word.before)),
            number(format::percent(word.after)),
            number(format!("{:+.1}", word.z)),
        ]
    });
    let numbers = ["Reviews before", "Reviews after", "Standard errors"];
    part.child(table(
        "The words whose share of reviews moved most, in standard errors of their log-odds; of thousands of words chance moves hardly one by more than 4",
        headings("Word", &numbers),
        lines,
    ))
}

fn topics(trend: &Trend) -> Element {
    let share = |it: Estimate| {
        element("td")
            .class("number")
            .child(element("span").text(format::percent(it.value)))
            .child(element("span").class("range").text(range(it)))
    };
    let lines = trend.topics.iter().take(TOPICS).map(|it| {
        vec![
            row_heading(&it.topic),
            number(format::count(it.rows as u64)),
            share(it.alone),
            share(it.share),
        ]
    });
    let caption = format!(
        "The {} topics with most reviews of {}: the share of positive ones from a topic's own reviews, and leaning on the other topics as much as it is unsure",
        trend.topics.len().min(TOPICS),
        trend.topics.len()
    );
    let headings = headings("Topic", &["Reviews", "Alone", "Leaning on the others"]);
    section("topics", "Topics").child(table(&caption, headings, lines))
}

/// The headings of a table whose first column is of words and the others of numbers.
fn headings(words: &str, numbers: &[&str]) -> Vec<Element> {
    let numbers = numbers.iter().map(|name| number_heading(name));
    iter::once(heading(words)).chain(numbers).collect()
}
