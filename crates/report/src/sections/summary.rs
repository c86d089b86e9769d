//! The summary at the top: the best model, its comparison with the others, and the next steps.

use maud::{Markup, html};
use metrics::FEW_ROWS;
use pages::paragraph;

use super::{data_checks, next_steps, repeats};
use crate::data::ReportData;
use crate::format;

/// How the best model was chosen.
const SELECTION: &str = "It was chosen by its accuracy on these test reviews, which is therefore slightly optimistic. \
    ressenti predict without --model uses the best model on validation.";

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let steps = next_steps::next_steps(data);
    html! {
        p.headline { (headline(data)) }
        @for sentence in evidence(data) { (paragraph(sentence)) }
        @if !steps.is_empty() {
            h3 { "What to do next" }
            ol.steps {
                @for (text, command) in &steps {
                    li { (text) @if let Some(command) = command { pre { code { (command) } } } }
                }
            }
        }
    }
}

/// The summary and the data checks as sentences, for `report.json` and `report.md`.
pub fn sentences(data: &ReportData) -> Vec<String> {
    let mut sentences = vec![headline(data)];
    sentences.extend(evidence(data));
    let checks = data_checks::results(data).into_iter();
    let checks: Vec<String> = checks.map(|(result, _)| result).collect();
    if !checks.is_empty() {
        sentences.push(format!("Data checks: {}", checks.join(" ")));
    }
    let steps = next_steps::next_steps(data).into_iter();
    sentences.extend(steps.map(|(text, command)| match command {
        Some(command) => format!("Next step: {text} Command: {command}"),
        None => format!("Next step: {text}"),
    }));
    sentences
}

fn headline(data: &ReportData) -> String {
    let Some((best, accuracy)) = data.best() else {
        return "No model has an accuracy, because there are no labelled test reviews.".to_owned();
    };
    let (share, range) = format::share(accuracy);
    let rows = data.test_reviews();
    let ci = data.ci();
    let best = match data.models.len() {
        1 => best.name.clone(),
        _ => format!("Best model: {}", best.name),
    };
    format!("{best}, {share} accuracy ({ci} {range}) on {rows}.")
}

/// The sentences below the headline.
fn evidence(data: &ReportData) -> Vec<String> {
    let Some((best, _)) = data.best() else {
        return Vec::new();
    };
    let sentences = [
        (data.models.len() > 1).then(|| SELECTION.to_owned()),
        few_rows(data.rows),
        compared_with_others(data, &best.name),
        best.majority_class().map(|(class, share)| {
            let share = format::percent(share);
            format!("Always predicting “{class}” would reach {share}.")
        }),
        repeats::sentence(data),
    ];
    sentences.into_iter().flatten().collect()
}

/// A warning where the test split is small.
pub(crate) fn few_rows(rows: u64) -> Option<String> {
    (rows < FEW_ROWS).then(|| {
        format!(
            "The figures are uncertain, because there {} only {}: at least {FEW_ROWS} are needed to choose a model.",
            if rows == 1 { "is" } else { "are" },
            format::plural(rows, "test review", "test reviews")
        )
    })
}

/// The results of the paired tests of the best model.
fn compared_with_others(data: &ReportData, best: &str) -> Option<String> {
    let level = data.significance_level();
    let (mut beaten, mut equal) = (Vec::new(), Vec::new());
    for (name, lead, pair) in data.comparisons_with(best) {
        if !pair.is_significant(level) {
            let (points, ci) = format::lead(lead, data.confidence);
            let p = format::p_value(pair.adjusted_p_value);
            equal.push(format!(
                "{points} points above {name} ({ci} of this pair alone; not significant after correction for all pairs, adjusted p {p})"
            ));
        } else if beaten.is_empty() {
            let (points, ci, range) = (100.0 * lead.value, data.ci(), format::range(lead));
            beaten.push(format!("{name} (by {points:.1} points, {ci} {range})"));
        } else {
            beaten.push(name.to_owned());
        }
    }
    let (beaten, equal) = (format::list(&beaten), format::list(&equal));
    let text = match (beaten.is_empty(), equal.is_empty()) {
        (true, true) => return None,
        (false, true) => format!("{best} is significantly more accurate than {beaten}"),
        (true, false) => format!("{best} is {equal}"),
        (false, false) => {
            format!("{best} is significantly more accurate than {beaten}; it is {equal}")
        }
    };
    Some(text + ". These are paired tests on the same reviews.")
}
