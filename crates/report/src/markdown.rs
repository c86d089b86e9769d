//! The report in a screenful of Markdown, for a pull request.

use artifact::format;
use metrics::Metric;

use crate::data::{ModelData, ReportData};
use crate::sections::{findings, models};
use crate::words;

/// Figures of the table, in its order.
const SHOWN: [Metric; 4] = [
    Metric::Accuracy,
    Metric::F1,
    Metric::RocAuc,
    Metric::CalibrationError,
];

/// Kinds of reviews that are shown: the worst.
const KINDS: usize = 3;

/// The text of `report.md`.
pub fn render(data: &ReportData) -> String {
    let lacks_intervals = data.models.iter().any(models::lacks_intervals);
    let note = format!(
        "Intervals of {}; p-values by McNemar's exact test on the same {} test reviews, corrected by Holm. All of it with \
         pictures stands in `report.html`, for programs in `report.json`.",
        words::confidence(data.confidence),
        format::count(data.rows)
    );
    blocks([
        Some(format!("## {}", safe(&data.title))),
        Some(list(findings::sentences(data))),
        (!data.models.is_empty()).then(|| figures(data)),
        models::front_in_words(data).map(|text| safe(&text)),
        (!data.comparisons.is_empty()).then(|| pairs(data)),
        kinds(data),
        lacks_intervals.then(models::no_interval),
        Some(note),
    ])
}

/// Those of the blocks that there are, with blank lines between them.
pub(crate) fn blocks(blocks: impl IntoIterator<Item = Option<String>>) -> String {
    words::join(blocks.into_iter().flatten(), "\n\n") + "\n"
}

/// A list of texts.
pub(crate) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items = items.into_iter().map(|item| format!("- {}", safe(&item)));
    words::join(items, "\n")
}

/// Text that means nothing to Markdown or to HTML.
pub(crate) fn safe(text: &str) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        match sign {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '[' | ']' | '\\' | '_' => out.extend(['\\', sign]),
            _ if sign.is_control() => out.push(' '),
            _ => out.push(sign),
        }
    }
    out
}

/// A table of Markdown, without a line end.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rule = |place: usize| if place == 0 { "---" } else { "---:" }.to_owned();
    let head = headings.iter().map(|text| (*text).to_owned()).collect();
    let rule = (0..headings.len()).map(rule).collect();
    words::join([head, rule].into_iter().chain(rows).map(line), "\n")
}

/// A figure with its interval.
pub(crate) fn estimate(model: &ModelData, metric: Metric) -> String {
    let Some(figure) = model.figure(metric) else {
        return "not defined".to_owned();
    };
    let (value, range) = words::figure(metric, figure);
    format!("{value} ({range})")
}

fn figures(data: &ReportData) -> String {
    let best = data.best().map(|(model, _)| &model.name);
    let rows = data.models.iter().map(|model| {
        let strong = if best == Some(&model.name) { "**" } else { "" };
        let mut cells = vec![format!("{strong}{}{strong}", safe(&model.name))];
        cells.extend(SHOWN.map(|metric| estimate(model, metric)));
        cells.push(format::seconds(model.total_seconds));
        cells
    });
    let mut headings = vec!["model"];
    headings.extend(SHOWN.map(Metric::title));
    headings.push("training");
    table(&headings, rows)
}

fn pairs(data: &ReportData) -> String {
    let rows = data.comparisons.iter().map(|pair| {
        let (points, range) = words::difference(pair.difference);
        vec![
            format!("{} − {}", safe(&pair.first), safe(&pair.second)),
            format!("{points} ({range})"),
            words::p_value(pair.adjusted_p_value),
            safe(&words::verdict(pair, data.confidence)),
        ]
    });
    let inner = table(&["pair", "points", "p", "verdict"], rows);
    format!("<details><summary>Every pair</summary>\n\n{inner}\n\n</details>")
}

/// What the best model is worst at.
fn kinds(data: &ReportData) -> Option<String> {
    let (best, _) = data.best()?;
    let worst = worst_kinds(data, &best.name).into_iter().take(KINDS);
    let worst = worst.map(|[name, rows, share]| format!("{name} {share} of {rows}"));
    let worst = words::join(worst, "; ");
    let best = safe(&best.name);
    (!worst.is_empty()).then(|| format!("{best} is worst at reviews {worst}."))
}

/// The kinds of reviews that a model does worst on: name, reviews, and its accuracy there.
pub(crate) fn worst_kinds(data: &ReportData, model: &str) -> Vec<[String; 3]> {
    let Some(place) = data.place(model) else {
        return Vec::new();
    };
    let kinds = data.worst_slices(place).into_iter().filter_map(|slice| {
        let share = format::percent(slice.share(place, data.confidence)?.value);
        Some([safe(&slice.name), format::count(slice.rows), share])
    });
    kinds.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_cannot_become_markup() {
        assert_eq!(
            safe("a|b <img> `x` [y](z)\n# h"),
            "a\\|b &lt;img&gt; \\`x\\` \\[y\\](z) # h"
        );
    }

    #[test]
    fn tables_have_a_rule() {
        let rows = [vec!["a".to_owned(), "1".to_owned()]];
        assert_eq!(
            table(&["x", "y"], rows),
            "| x | y |\n| --- | ---: |\n| a | 1 |"
        );
    }
}
