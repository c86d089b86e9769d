//! The trend on a terminal.

use std::fmt::Write as _;

use artifact::format;
use metrics::Estimate;

use crate::data::Trend;

/// Signs of a bar that stands for 0 to 100 %.
const BAR: usize = 40;

/// Periods of which a table on a terminal still is one; of more the last ones are shown.
const SHOWN: usize = 60;

/// Topics and words that are named.
const NAMED: usize = 8;

/// The table, with sentences before and after it.
pub(crate) fn text(trend: &Trend, model: &str) -> String {
    let mut out = String::new();
    for sentence in sentences(trend, model) {
        let _ = writeln!(out, "{sentence}");
    }
    if trend.times_left_out {
        let _ = writeln!(
            out,
            "`--keep-all-times` keeps what was left out for its time."
        );
    }
    let _ = writeln!(
        out,
        "\n{:<11} {:>7} {:>7} {:>22} {:>22}  0 %{:>width$}",
        trend.period.name(),
        "reviews",
        "counted",
        "positive, %",
        "level, %",
        "100 %",
        width = BAR - 3
    );
    let skipped = trend.periods.len().saturating_sub(SHOWN);
    if skipped > 0 {
        let _ = writeln!(out, "… {skipped} before that (`--format json` has all)");
    }
    for period in &trend.periods[skipped..] {
        let counted = period
            .counted
            .map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share));
        let share = period.share.map_or_else(|| "-".to_owned(), points);
        let change = if period.change >= 0.5 {
            "  changed"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "{:<11} {:>7} {counted:>7} {share:>22} {:>22}  {}{change}",
            period.label,
            format::count(period.rows as u64),
            points(period.level),
            bar(period.level, period.share.map(|share| share.value)),
        );
    }
    for forecast in &trend.forecast {
        let _ = writeln!(
            out,
            "{:<11} {:>7} {:>7} {:>22} {:>22}  {}",
            forecast.label,
            "",
            "",
            "forecast",
            points(forecast.level),
            bar(forecast.level, None),
        );
    }
    if trend.topics.len() > 1 {
        let _ = writeln!(
            out,
            "\ntopic                          reviews            positive, %   leaning on the others"
        );
        for topic in trend.topics.iter().take(NAMED) {
            let name: String = topic.topic.chars().take(28).collect();
            let _ = writeln!(
                out,
                "{name:<28} {:>9} {:>22} {:>23}",
                format::count(topic.rows as u64),
                points(topic.alone),
                points(topic.share)
            );
        }
        if trend.topics.len() > NAMED {
            let _ = writeln!(out, "… and {} more topics", trend.topics.len() - NAMED);
        }
    }
    out
}

/// What there is to say, the conclusion first.
pub(crate) fn sentences(trend: &Trend, model: &str) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(distance) = trend.misfit {
        said.push(format!(
            "Beware: these reviews are unlike the {} labelled ones from which it is known how {model} errs (distance {distance:.2}; \
             chance makes less). Trust no figure below; a few hundred labelled reviews of this kind mend it: `--adapt 300` or `--labelled FILE`.",
            format::count(trend.labelled as u64)
        ));
    }
    said.push(format!(
        "{} of {} reviews are positive ({:.1} to {}, {} % interval); {model} calls {} so.",
        format::percent(trend.overall.value),
        format::count(trend.rows as u64),
        100.0 * trend.overall.low,
        format::percent(trend.overall.high),
        round(100.0 * trend.confidence),
        format::percent(trend.overall_counted),
    ));
    let rise = trend.model.rise;
    if let [first, .., last] = trend.periods.as_slice() {
        let what = if rise.low > 0.0 {
            "rose"
        } else if rise.high < 0.0 {
            "fell"
        } else {
            "cannot be said to have moved"
        };
        said.push(format!(
            "From {} to {} the level {what}: {} points ({} to {}).",
            first.label,
            last.label,
            signed(rise.value),
            signed(rise.low),
            signed(rise.high)
        ));
    }
    if let Some(change) = &trend.largest_change {
        let mut sentence = format!(
            "The largest change came before {}: from {} to {} (probability of a change {:.2})",
            change.label,
            format::percent(change.before.value),
            format::percent(change.after.value),
            change.probability
        );
        if let (Some(within), Some(mix)) = (change.within_topics, change.mix_of_topics) {
            let _ = write!(
                sentence,
                ", {} points by other opinions about the same topics and {} by other topics",
                signed(within),
                signed(mix)
            );
        }
        let word = |word: &crate::words::MovedWord| word.word.clone();
        let more: Vec<String> = change
            .words
            .iter()
            .filter(|it| it.z > 4.0)
            .take(NAMED)
            .map(word)
            .collect();
        let less: Vec<String> = change
            .words
            .iter()
            .filter(|it| it.z < -4.0)
            .take(NAMED)
            .map(word)
            .collect();
        for (what, words) in [("More often then", more), ("Less often", less)] {
            if !words.is_empty() {
                let _ = write!(sentence, ". {what}: {}", words.join(", "));
            }
        }
        said.push(sentence + ".");
    }
    if let Some(judged) = &trend.judged {
        said.push(format!(
            "Against what {} authors say themselves, a {}'s share is off by {:.1} points on average (counting: {:.1}, \
             the level: {:.1}); {:.0} % of {} intervals hold theirs.",
            format::count(judged.rows as u64),
            trend.period.name(),
            100.0 * judged.mean_absolute_error,
            100.0 * judged.mean_absolute_error_counted,
            100.0 * judged.mean_absolute_error_of_level,
            100.0 * judged.coverage,
            judged.periods
        ));
    }
    said.extend(backtest(trend));
    let groups = trend.labelled_groups.map_or_else(String::new, |groups| {
        format!(" in {} groups", format::count(groups as u64))
    });
    let folds = match trend.labelled_cross_fitted {
        0 => String::new(),
        rows => format!(
            "; {} of them are training reviews, read by models that had not learned from them",
            format::count(rows as u64)
        ),
    };
    said.push(format!(
        "How the model errs is known from {} labelled reviews{groups}{folds}.",
        format::count(trend.labelled as u64)
    ));
    said.extend(trend.left_out.iter().map(|what| format!("{what}.")));
    said
}

fn backtest(trend: &Trend) -> Option<String> {
    let of: Vec<_> = trend.backtest.iter().filter(|it| it.horizon == 1).collect();
    let [model, last, mean] = of.as_slice() else {
        return None;
    };
    Some(format!(
        "Forecasts of the next {} had an interval score of {:.1} points over {} origins (last value {:.1}, overall mean {:.1}; less is better), and their intervals held {:.0} %.",
        trend.period.name(),
        100.0 * model.interval_score,
        model.forecasts,
        100.0 * last.interval_score,
        100.0 * mean.interval_score,
        100.0 * model.coverage
    ))
}

/// A difference of shares in points, with its sign; nothing has none.
fn signed(difference: f64) -> String {
    match format!("{:+.1}", 100.0 * difference).as_str() {
        "+0.0" | "-0.0" => "0.0".to_owned(),
        signed => signed.to_owned(),
    }
}

/// To a hundredth, without what rounding adds.
fn round(value: f64) -> f64 {
    (100.0 * value).round() / 100.0
}

fn points(estimate: Estimate) -> String {
    format!(
        "{:.1} ({:.1} to {:.1})",
        100.0 * estimate.value,
        100.0 * estimate.low,
        100.0 * estimate.high
    )
}

/// An interval as a line from 0 to 100 %, its level as `o`, the share of the period alone as `x`.
fn bar(level: Estimate, share: Option<f64>) -> String {
    let place = |share: f64| ((share * BAR as f64) as usize).min(BAR - 1);
    let mut signs = vec![' '; BAR];
    signs[place(level.low)..=place(level.high)].fill('-');
    if let Some(share) = share {
        signs[place(share)] = 'x';
    }
    signs[place(level.value)] = 'o';
    signs.into_iter().collect::<String>().trim_end().to_owned()
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
