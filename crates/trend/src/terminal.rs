//! The trend as text for the terminal.

use std::iter;

use artifact::format;
use metrics::Estimate;

use crate::compute::MIN_CHANGE_PROBABILITY;
use crate::data::{PeriodEstimate, Trend};
use crate::sentences::{
    certainty, change_by_words, confidence_level, largest_change, percent, result, with_range,
};

/// Width of a bar from 0% to 100%, in characters.
const BAR_WIDTH: usize = 40;

/// Maximum number of periods in the table; earlier ones are omitted.
const MAX_PERIODS: usize = 60;

/// Maximum number of topics in the table.
const MAX_TOPICS: usize = 8;

/// The results in sentences, and tables of periods and topics.
pub(crate) fn render_text(trend: &Trend, model: &str) -> String {
    let mut lines = result(trend);
    if let Some(change) = &trend.largest_change {
        let sentences = iter::once(largest_change(change)).chain(change_by_words(change));
        lines.push(sentences.collect::<Vec<String>>().join(" "));
    }
    lines.push(String::new());
    lines.extend(certainty(trend, model));
    if trend.has_skipped_dates {
        lines.push("Use `--keep-all-times` to keep reviews with implausible dates.".to_owned());
    }
    lines.push(String::new());
    let (level, period) = (confidence_level(trend), trend.period.name());
    let [share, smoothed] = ["positive", "smoothed trend"].map(|name| format!("{name} ({level})"));
    let scale = format!("0%{:>width$}", "100%", width = BAR_WIDTH - 2);
    lines.push(match trend.overall {
        Some(_) => table_line(period, ["reviews", "predicted", &share, &smoothed, &scale]),
        None => table_line(period, ["reviews", "predicted", "", "", ""]),
    });
    let rows = period_lines(trend);
    let omitted = rows.len().saturating_sub(MAX_PERIODS);
    if omitted > 0 {
        let periods = rows[..omitted].iter().map(|(periods, _)| *periods as u64);
        let periods = format::plural(periods.sum(), period, &format!("{period}s"));
        lines.push(format!("… {periods} omitted; `--format json` shows all"));
    }
    lines.extend(rows.into_iter().skip(omitted).map(|(_, line)| line));
    for forecast in &trend.forecast {
        let (level, bar) = (with_range(forecast.level), bar(forecast.level, None));
        let cells = ["", "", "forecast", &level, &bar];
        lines.push(table_line(&forecast.label, cells));
    }
    if trend.overall.is_some() {
        lines.push(format!(
            "Bars: o smoothed trend, - its {level}, x share of the {period} alone"
        ));
    }
    if trend.topics.len() > 1 {
        let [alone, pooled] =
            ["positive", "partially pooled"].map(|name| format!("{name} ({level})"));
        let topic_line = |topic: &str, rows: &str, alone: &str, pooled: &str| {
            format!("{topic:<28} {rows:>9} {alone:>22} {pooled:>26}")
        };
        lines.push(String::new());
        lines.push(topic_line("topic", "reviews", &alone, &pooled));
        for topic in trend.topics.iter().take(MAX_TOPICS) {
            let mut name: String = topic.topic.chars().take(28).collect();
            if name.len() < topic.topic.len() {
                name.pop();
                name.push('…');
            }
            let rows = format::count(topic.rows as u64);
            let [alone, pooled] = [topic.alone, topic.share].map(with_range);
            lines.push(topic_line(&name, &rows, &alone, &pooled));
        }
        if let more @ 1.. = trend.topics.len().saturating_sub(MAX_TOPICS) {
            let topics = format::plural(more as u64, "more topic", "more topics");
            lines.push(format!("… and {topics}"));
        }
    }
    // The middle part is empty if there is no estimate.
    lines.dedup_by(|one, two| one.is_empty() && two.is_empty());
    lines.join("\n") + "\n"
}

/// Lines of the table of periods, each with its number of periods: a run of empty periods has one line.
fn period_lines(trend: &Trend) -> Vec<(usize, String)> {
    let runs = (trend.periods).chunk_by(|one, two| one.rows == 0 && two.rows == 0);
    let line = |run: &[PeriodEstimate]| match run {
        [period] if period.rows > 0 => period_line(period),
        [period] => format!("{:<11} no reviews", period.label),
        [first, .., last] => {
            let periods = format::count(run.len() as u64);
            let (first, last, name) = (&first.label, &last.label, trend.period.name());
            format!("{first} to {last}: no reviews in {periods} {name}s")
        }
        [] => String::new(),
    };
    runs.map(|run| (run.len(), line(run))).collect()
}

fn period_line(period: &PeriodEstimate) -> String {
    let share = period.share.map(|share| share.value);
    let mut bar = period.level.map_or_else(String::new, |it| bar(it, share));
    if period.change >= Some(MIN_CHANGE_PROBABILITY) {
        bar.push_str("  changed");
    }
    let cells = [
        &format::count(period.rows as u64),
        &period.counted.map(percent).unwrap_or_default(),
        &period.share.map(with_range).unwrap_or_default(),
        &period.level.map(with_range).unwrap_or_default(),
        &bar,
    ];
    table_line(&period.label, cells.map(String::as_str))
}

/// A line of the table of periods.
fn table_line(label: &str, [reviews, predicted, share, smoothed, bar]: [&str; 5]) -> String {
    let line = format!("{label:<11} {reviews:>7} {predicted:>9} {share:>22} {smoothed:>23}  {bar}");
    line.trim_end().to_owned()
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
