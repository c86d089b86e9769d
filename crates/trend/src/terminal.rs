//! The trend on a terminal.

use artifact::format;
use metrics::Estimate;

use crate::data::Trend;
use crate::sentences::{range, sentences};

/// Signs of a bar that stands for 0 to 100 %.
const BAR: usize = 40;

/// Periods of which a table on a terminal still is one; of more the last ones are shown.
const SHOWN: usize = 60;

/// Topics that are named.
const NAMED: usize = 8;

/// The table, with sentences before and after it.
pub(crate) fn render_text(trend: &Trend, model: &str) -> String {
    let mut out = sentences(trend, model);
    if trend.times_left_out {
        out.push("`--keep-all-times` keeps what was left out for its time.".to_owned());
    }
    let scale = format!("0 %{:>width$}", "100 %", width = BAR - 3);
    out.push(String::new());
    let headings = ["reviews", "counted", "positive, %", "level, %", &scale];
    out.push(line(trend.period.name(), headings));
    let skipped = trend.periods.len().saturating_sub(SHOWN);
    if skipped > 0 {
        out.push(format!("… {skipped} before that (`--format json` has all)"));
    }
    for period in &trend.periods[skipped..] {
        let unknown = || "-".to_owned();
        let counted = period.counted.map(|share| format!("{:.1}", 100.0 * share));
        let mut bar = bar(period.level, period.share.map(|share| share.value));
        if period.change >= 0.5 {
            bar.push_str("  changed");
        }
        let cells = [
            &format::count(period.rows as u64),
            &counted.unwrap_or_else(unknown),
            &period.share.map_or_else(unknown, points),
            &points(period.level),
            &bar,
        ];
        out.push(line(&period.label, cells.map(String::as_str)));
    }
    for forecast in &trend.forecast {
        let (level, bar) = (points(forecast.level), bar(forecast.level, None));
        out.push(line(&forecast.label, ["", "", "forecast", &level, &bar]));
    }
    if trend.topics.len() > 1 {
        out.push(
            "\ntopic                          reviews            positive, %   leaning on the others"
                .to_owned(),
        );
        for topic in trend.topics.iter().take(NAMED) {
            let name: String = topic.topic.chars().take(28).collect();
            let rows = format::count(topic.rows as u64);
            let (alone, share) = (points(topic.alone), points(topic.share));
            out.push(format!("{name:<28} {rows:>9} {alone:>22} {share:>23}"));
        }
        if trend.topics.len() > NAMED {
            out.push(format!("… and {} more topics", trend.topics.len() - NAMED));
        }
    }
    out.join("\n") + "\n"
}

/// A line of the table: the period, and its reviews, counted share, share, level, and bar.
fn line(label: &str, [reviews, counted, share, level, bar]: [&str; 5]) -> String {
    format!("{label:<11} {reviews:>7} {counted:>7} {share:>22} {level:>22}  {bar}")
}

fn points(estimate: Estimate) -> String {
    format!("{:.1} ({})", 100.0 * estimate.value, range(estimate))
}

/// An interval as a line from 0 to 100 %, its level as `o`, the share of the period alone as `x`.
fn bar(level: Estimate, share: Option<f64>) -> String {
    let index = |share: f64| ((share * BAR as f64) as usize).min(BAR - 1);
    let mut characters = vec![' '; BAR];
    characters[index(level.low)..=index(level.high)].fill('-');
    if let Some(share) = share {
        characters[index(share)] = 'x';
    }
    characters[index(level.value)] = 'o';
    characters
        .into_iter()
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_its_marks_where_they_belong() {
        let level = Estimate {
            value: 0.5,
            low: 0.25,
            high: 1.0,
        };
        let found = bar(level, Some(0.0));
        assert_eq!(found.len(), BAR);
        assert_eq!(
            (found.find('x'), found.find('o'), found.find('-')),
            (Some(0), Some(20), Some(10))
        );
    }
}
