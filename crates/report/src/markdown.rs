//! `report.md`: a summary of the report for a pull request.

use metrics::Metric;
use pages::code_spans;

use crate::data::{ModelData, ReportData};
use crate::format;
use crate::sections::models::{self, KEY_FIGURES};
use crate::sections::{pairs, summary};

/// Number of slices with the lowest accuracy.
const SLICES: usize = 3;

/// The text of `report.md`.
pub fn render(data: &ReportData) -> String {
    let lacks_intervals = data.models.iter().any(models::lacks_intervals);
    let (ci, reviews) = (data.ci(), data.test_reviews());
    let note = format!(
        "Intervals are {ci} on {reviews}. The whole report is `report.html`; `report.json` is for programs."
    );
    join_blocks([
        Some(format!("## {}", escape(&data.title))),
        Some(list(summary::sentences(data))),
        (!data.models.is_empty()).then(|| figures(data)),
        models::pareto_front(data).map(|text| escape_sentence(&text)),
        (!data.comparisons.is_empty()).then(|| pairs(data)),
        lowest_slices(data),
        lacks_intervals.then(models::no_interval),
        Some(note),
    ])
}

/// The blocks that exist, with blank lines between them.
pub(crate) fn join_blocks(blocks: impl IntoIterator<Item = Option<String>>) -> String {
    format::join(blocks.into_iter().flatten(), "\n\n") + "\n"
}

/// A list of texts. Names between backticks stay in code style.
pub(crate) fn list(items: impl IntoIterator<Item = String>) -> String {
    let line = |item: String| format!("- {}", escape_sentence(&item));
    format::join(items.into_iter().map(line), "\n")
}

/// Escapes a sentence except its code spans, in which Markdown has no other meaning.
pub(crate) fn escape_sentence(text: &str) -> String {
    let parts = code_spans(text).into_iter();
    let parts = parts.map(|(part, is_name)| match is_name {
        true => format!("`{}`", part.replace(char::is_control, " ")),
        false => escape(part),
    });
    parts.collect()
}

/// Escapes the characters that have a meaning in Markdown or HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '[' | ']' | '\\' | '_' => out.extend(['\\', character]),
            _ if character.is_control() => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

/// A Markdown table without a final line end.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rule = |column: usize| if column == 0 { "---" } else { "---:" }.to_owned();
    let head = headings.iter().map(|text| (*text).to_owned()).collect();
    let rule = (0..headings.len()).map(rule).collect();
    format::join([head, rule].into_iter().chain(rows).map(line), "\n")
}

/// A figure with its interval.
pub(crate) fn estimate(model: &ModelData, metric: Metric) -> String {
    let Some(figure) = model.figure(metric) else {
        return "not defined".to_owned();
    };
    let (value, range) = format::figure(metric, figure);
    format!("{value} ({range})")
}

fn figures(data: &ReportData) -> String {
    let best = data.best().map(|(model, _)| &model.name);
    let rows = data.by_accuracy().into_iter().map(|(_, model)| {
        let strong = if best == Some(&model.name) { "**" } else { "" };
        let mut cells = vec![format!("{strong}{}{strong}", escape(&model.name))];
        cells.extend(KEY_FIGURES.map(|metric| estimate(model, metric)));
        cells.push(format::seconds(model.total_seconds));
        cells
    });
    let mut headings = vec!["Model"];
    headings.extend(KEY_FIGURES.map(Metric::title));
    headings.push("Training time");
    table(&headings, rows)
}

fn pairs(data: &ReportData) -> String {
    let rows = data.comparisons.iter().map(|pair| {
        let (points, range) = format::difference(pair.difference);
        vec![
            format!("{} − {}", escape(&pair.first), escape(&pair.second)),
            format!("{points} ({range})"),
            format::p_value(pair.adjusted_p_value),
            escape(&format::verdict(pair, data.confidence)),
        ]
    });
    let inner = table(&["Pair", "Points", "Adjusted p", "Result"], rows);
    let explanation = pairs::explanation(data);
    format!("<details><summary>Paired tests</summary>\n\n{inner}\n\n{explanation}\n\n</details>")
}

/// The slices with the lowest accuracy of the best model.
fn lowest_slices(data: &ReportData) -> Option<String> {
    let (best, _) = data.best()?;
    let slices = worst_slices(data, &best.name).into_iter().take(SLICES);
    let slices = slices.map(|[name, rows, share]| format!("{name}: {share} of {rows}"));
    let slices = format::join(slices, "; ");
    let best = &best.name;
    (!slices.is_empty()).then(|| format!("Lowest accuracy of `{best}` on slices: {slices}."))
}

/// Slices by a model's accuracy, the lowest first: name, number of reviews, accuracy.
pub(crate) fn worst_slices(data: &ReportData, model: &str) -> Vec<[String; 3]> {
    let Some(index) = data.model_index(model) else {
        return Vec::new();
    };
    let slices = data.worst_slices(index).into_iter().filter_map(|slice| {
        let accuracy = slice.accuracy(index, data.confidence)?.value;
        let (name, rows) = (escape(&slice.name), format::count(slice.rows));
        Some([name, rows, format::percent(accuracy)])
    });
    slices.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_reviews_is_escaped() {
        assert_eq!(
            escape("a|b <img> `x` [y](z)\n# h"),
            "a\\|b &lt;img&gt; \\`x\\` \\[y\\](z) # h"
        );
    }

    #[test]
    fn code_spans_are_not_escaped() {
        for (text, expected) in [
            ("`a_b` is <i>", "`a_b` is &lt;i&gt;"),
            ("a `b", "a \\`b"),
            ("``", "``"),
        ] {
            assert_eq!(escape_sentence(text), expected);
        }
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
