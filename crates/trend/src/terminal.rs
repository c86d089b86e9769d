//! The trend as text for the terminal.

use std::iter;

use artifact::format;
use metrics::Estimate;

use crate::compute::MIN_CHANGE_PROBABILITY;
use crate::data::Trend;
use crate::sentences::{
    answer, certainty, change_by_topics, change_by_words, confidence_level, largest_change,
    percent, warning, with_range,
};

/// Width of a bar from 0% to 100%, in characters.
const BAR_WIDTH: usize = 40;

/// Maximum number of periods in the table; earlier ones are omitted.
const MAX_PERIODS: usize = 60;

/// Maximum number of topics in the table.
const MAX_TOPICS: usize = 8;

/// The results in sentences, and tables of periods and topics.
pub(crate) fn render_text(trend: &Trend, model: &str) -> String {
    let mut lines: Vec<String> = warning(trend, model).into_iter().collect();
    lines.push(answer(trend));
    if let Some(change) = &trend.largest_change {
        let sentences = iter::once(largest_change(change)).chain(change_by_topics(change));
        let sentences: Vec<String> = sentences.chain(change_by_words(change)).collect();
        lines.push(sentences.join(" "));
    }
    lines.extend(certainty(trend, model));
    if trend.has_skipped_dates {
        lines.push("Use `--keep-all-times` to keep reviews with implausible dates.".to_owned());
    }
    lines.push(String::new());
    let level = confidence_level(trend);
    let [share, smoothed] = ["positive", "smoothed trend"].map(|name| format!("{name} ({level})"));
    let scale = format!("0%{:>width$}", "100%", width = BAR_WIDTH - 2);
    let headings = ["reviews", "predicted", &share, &smoothed, &scale];
    let period = trend.period.name();
    lines.push(table_line(period, headings));
    let omitted = trend.periods.len().saturating_sub(MAX_PERIODS);
    if omitted > 0 {
        let periods = format::plural(omitted as u64, period, &format!("{period}s"));
        lines.push(format!("… {periods} omitted; `--format json` shows all"));
    }
    for period in &trend.periods[omitted..] {
        let unknown = || "-".to_owned();
        let mut bar = bar(period.level, period.share.map(|share| share.value));
        if period.change >= MIN_CHANGE_PROBABILITY {
            bar.push_str("  changed");
        }
        let cells = [
            &format::count(period.rows as u64),
            &period.counted.map_or_else(unknown, percent),
            &period.share.map_or_else(unknown, with_range),
            &with_range(period.level),
            &bar,
        ];
        lines.push(table_line(&period.label, cells.map(String::as_str)));
    }
    for forecast in &trend.forecast {
        let (level, bar) = (with_range(forecast.level), bar(forecast.level, None));
        let cells = ["", "", "forecast", &level, &bar];
        lines.push(table_line(&forecast.label, cells));
    }
    let legend = format!("Bars: o smoothed trend, - its {level}, x share of the {period} alone");
    lines.push(legend);
    if trend.topics.len() > 1 {
        let [alone, pooled] =
            ["positive", "partially pooled"].map(|name| format!("{name} ({level})"));
        let topic_line = |topic: &str, rows: &str, alone: &str, pooled: &str| {
            format!("{topic:<28} {rows:>9} {alone:>22} {pooled:>26}")
        };
        lines.push(String::new());
        lines.push(topic_line("topic", "reviews", &alone, &pooled));
        for topic in trend.topics.iter().take(MAX_TOPICS) {
            let name: String = topic.topic.chars().take(28).collect();
            let rows = format::count(topic.rows as u64);
            let [alone, pooled] = [topic.alone, topic.share].map(with_range);
            lines.push(topic_line(&name, &rows, &alone, &pooled));
        }
        if let more @ 1.. = trend.topics.len().saturating_sub(MAX_TOPICS) {
            let topics = format::plural(more as u64, "more topic", "more topics");
            lines.push(format!("… and {topics}"));
        }
    }
    lines.join("\n") + "\n"
}

/// A line of the table of periods.
fn table_line(label: &str, [reviews, predicted, share, smoothed, bar]: [&str; 5]) -> String {
    format!("{label:<11} {reviews:>7} {predicted:>9} {share:>22} {smoothed:>23}  {bar}")
}

/// A bar from 0% to 100%: the smoothed trend as `o`, its interval as `-`, the share of the period alone as `x`.
fn bar(level: Estimate, share: Option<f64>) -> String {
    let column = |share: f64| ((share * BAR_WIDTH as f64) as usize).min(BAR_WIDTH - 1);
    let mut characters = vec![' '; BAR_WIDTH];
    characters[column(level.low)..=column(level.high)].fill('-');
    if let Some(share) = share {
        characters[column(share)] = 'x';
    }
    characters[column(level.value)] = 'o';
    String::from_iter(characters).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_share_interval_and_smoothed_trend() {
        let level = Estimate {
            value: 0.5,
            low: 0.25,
            high: 1.0,
        };
        let found = bar(level, Some(0.0));
        assert_eq!(found.len(), BAR_WIDTH);
        assert_eq!(
            (found.find('x'), found.find('o'), found.find('-')),
            (Some(0), Some(20), Some(10))
        );
    }
}
