//! The report in a screenful of Markdown, for a pull request.

use std::fmt::Write as _;

use artifact::format;
use metrics::Metric;

use crate::data::{ModelData, ReportData, SliceData};
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
    let mut out = format!("## {}\n\n", safe(&data.title));
    for sentence in findings::sentences(data) {
        let _ = writeln!(out, "- {}", safe(&sentence));
    }
    if !data.models.is_empty() {
        let _ = writeln!(out, "\n{}", figures(data));
    }
    if let Some(text) = models::front_in_words(data) {
        let _ = writeln!(out, "{}\n", safe(&text));
    }
    if !data.comparisons.is_empty() {
        let _ = writeln!(out, "{}", pairs(data));
    }
    let _ = writeln!(out, "{}", kinds(data).unwrap_or_default());
    if data.models.iter().any(models::lacks_intervals) {
        let _ = writeln!(out, "{}\n", models::no_interval());
    }
    let _ = writeln!(
        out,
        "Intervals of {}; p-values by McNemar's exact test on the same {} test reviews, corrected by Holm. All of it with \
         pictures stands in `report.html`, for programs in `report.json`.",
        words::confidence(data.confidence),
        format::count(data.rows)
    );
    out
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

/// A table of Markdown.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let headings: Vec<String> = headings.iter().map(|text| (*text).to_owned()).collect();
    let rule: Vec<String> = (0..headings.len())
        .map(|place| if place == 0 { "---" } else { "---:" }.to_owned())
        .collect();
    let rows = rows.into_iter().map(|cells| line(&cells));
    line(&headings) + &line(&rule) + &rows.collect::<String>()
}

/// A figure with its interval.
pub(crate) fn estimate(model: &ModelData, metric: Metric) -> String {
    match model.figures.get(metric.name()) {
        Some(figure) => {
            let (value, range) = words::figure(metric, *figure);
            format!("{value} ({range})")
        }
        None => "not defined".to_owned(),
    }
}

fn figures(data: &ReportData) -> String {
    let best = data.best().map(|(model, _)| model.name.as_str());
    let rows = data.models.iter().map(|model| {
        let name = safe(&model.name);
        let mut cells = vec![if best == Some(model.name.as_str()) {
            format!("**{name}**")
        } else {
            name
        }];
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
    format!("<details><summary>Every pair</summary>\n\n{inner}\n</details>\n")
}

/// What the best model is worst at.
fn kinds(data: &ReportData) -> Option<String> {
    let (best, _) = data.best()?;
    let worst = worst_kinds(data, &best.name, KINDS)
        .into_iter()
        .map(|(slice, share)| {
            let (name, rows) = (safe(&slice.name), format::count(slice.rows));
            format!("{name} {} of {rows}", format::percent(share))
        });
    let worst: Vec<String> = worst.collect();
    let best = safe(&best.name);
    (!worst.is_empty()).then(|| format!("{best} is worst at reviews {}.\n", worst.join("; ")))
}

/// The kinds of reviews that a model does worst on, with its accuracy there.
pub(crate) fn worst_kinds<'a>(
    data: &'a ReportData,
    model: &str,
    count: usize,
) -> Vec<(&'a SliceData, f64)> {
    let place = data.models.iter().position(|other| other.name == model);
    let share = |slice: &'a SliceData| Some((slice, slice.share(place?, data.confidence)?.value));
    let mut found: Vec<(&SliceData, f64)> = data.slices.iter().filter_map(share).collect();
    found.sort_by(|one, two| one.1.total_cmp(&two.1));
    found.truncate(count);
    found
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
            "| x | y |\n| --- | ---: |\n| a | 1 |\n"
        );
    }
}
