//! The trend as an HTML page: the answer, the picture, how certain it is, and details that can be opened.

use artifact::format;
use maud::{Markup, Render, html};
use metrics::Estimate;
use pages::{CsvDownload, Page, Table, figure_with_csv, paragraph, remark, section, with_detail};

use crate::chart::{
    draw_changes, draw_counts, draw_shares, draw_topics, has_whiskers, legend, topic_class,
};
use crate::data::{ChangePoint, TopicMix, Trend};
use crate::files::{NUMBER_COLUMNS, table_rows};
use crate::sentences::{
    certainty, change_by_words, confidence_level, format_files, largest_change, percent, range,
    result, with_range,
};

/// The content of `trend.html`.
pub fn render_page(trend: &Trend, model: &str) -> String {
    let mut findings = result(trend);
    findings.extend(trend.largest_change.as_ref().map(largest_change));
    let shares = html! {
        (pages::findings(&findings, 0))
        (share_figure(trend))
    };
    let certainty = certainty(trend, model);
    let main = html! {
        (section("trend", "Result", shares))
        @if !certainty.is_empty() {
            // No sentence is highlighted.
            (section("certainty", "How certain is this?", pages::findings(&certainty, usize::MAX)))
        }
        @if let Some(change) = &trend.largest_change { (change_section(change)) }
        @if trend.topics.len() > 1 { (topic_section(trend)) }
        @if let Some(model) = &trend.model {
            (section("details", "Details", html! {
                details { summary { "Probability of a change, by " (trend.period.name()) } (change_figure(trend)) }
                details { summary { "Accuracy of forecasts" } (backtest_table(trend)) }
                details { summary { "Method" } (method_paragraph(trend, model.name)) }
            }))
        }
    };
    let (rows, period) = (format::count(trend.rows as u64), trend.period.name());
    let subtitle = format!("{rows} reviews by {period}, predicted by {model}");
    let files = format_files(&trend.files);
    let title = format!("{}: trend", files.as_deref().unwrap_or("Ressenti"));
    let of_files = files.map_or_else(String::new, |files| format!(": {files}"));
    let heading = format!("Share of positive reviews over time{of_files}");
    Page {
        title: &title,
        heading: &heading,
        subtitle: &subtitle,
        links: &[],
        main,
    }
    .render()
}

/// The pictures of shares and of the number of reviews.
fn share_figure(trend: &Trend) -> Markup {
    let (period, level) = (trend.period.name(), confidence_level(trend));
    let mut entries = Vec::new();
    if trend.overall.is_some() {
        let interval = match has_whiskers(trend) {
            true => format!(", with its {level}"),
            false => String::new(),
        };
        entries.push(("dots estimate", format!("each {period} alone{interval}")));
        let text = format!("smoothed trend, with its {level} as a band");
        entries.push(("estimate", text));
    }
    if trend.constant_mix().is_some() {
        let text = "smoothed trend at a constant mix of topics";
        entries.push(("constant-mix", text.to_owned()));
    }
    if let Some(method) = trend.forecast_method {
        entries.push(("estimate dashed", format!("forecast ({method})")));
    }
    if trend.overall_author_labels.is_some() {
        let unused = match trend.overall {
            Some(_) => ", which the estimate does not use",
            None => "",
        };
        entries.push(("dots authors", format!("the authors' own labels{unused}")));
    }
    let empty = match trend.periods.iter().any(|it| it.rows == 0) {
        true => format!(" Gaps are {period}s without reviews."),
        false => String::new(),
    };
    let (heading, caption) = match entries.as_slice() {
        [] => ("Number of reviews", empty),
        _ => {
            let caption = format!("Below: number of reviews.{empty}");
            ("Share of positive reviews", caption)
        }
    };
    let pictures = html! {
        @if !entries.is_empty() { (legend(entries)) (draw_shares(trend)) }
        (draw_counts(trend))
    };
    html! {
        h3 { (heading) " by " (period) }
        (figure_with_csv(pictures, caption, share_numbers(trend)))
    }
}

fn method_paragraph(trend: &Trend, model: &str) -> Markup {
    let (period, method) = (trend.period.name(), trend.method.name());
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

fn change_figure(trend: &Trend) -> Markup {
    let caption = "Probability that the share changed at the start of a period, in a model with a constant share between changes.";
    let number = |value: f64| format!("{value:.5}");
    let numbers = CsvDownload::new("changes", &trend.periods)
        .column("period", |it| &it.label)
        .optional("probability", |it| it.change.map(number));
    figure_with_csv(draw_changes(trend), caption, numbers)
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
    let mix = trend.topic_mix.as_ref().filter(|mix| mix.topics.len() > 1);
    let over_time = mix.map(|mix| topic_figure(trend, mix));
    let content = html! { @if let Some(figure) = over_time { (figure) } (table) };
    section("topics", "Topics", content)
}

/// The smoothed trend of the largest topics.
fn topic_figure(trend: &Trend, mix: &TopicMix) -> Markup {
    let classes: Vec<String> = (0..mix.topics.len()).map(topic_class).collect();
    let entries = classes.iter().zip(&mix.topics).map(|(class, topic)| {
        let rows = format::plural(topic.rows as u64, "review", "reviews");
        (class.as_str(), format!("{} ({rows})", topic.topic))
    });
    let pictures = html! { (legend(entries)) (draw_topics(trend, mix)) };
    let caption = format!(
        "Smoothed trend of each topic by {0}. Gaps are {0}s without reviews of the topic.",
        trend.period.name()
    );
    let share = |it: Option<Estimate>| it.map(|it| format!("{:.5}", it.value));
    let periods = trend.periods.iter().enumerate();
    let mut numbers = CsvDownload::new("topics", periods).column("period", |(_, it)| &it.label);
    for topic in &mix.topics {
        numbers = numbers.optional(&topic.topic, |(at, _)| share(topic.levels[at]));
    }
    if let Some(constant) = &mix.constant_mix {
        let level = |at: usize| share(constant.levels.get(at).copied());
        numbers = numbers.optional("constant mix", |(at, _)| level(at));
    }
    figure_with_csv(pictures, caption, numbers)
}
