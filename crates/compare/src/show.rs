//! The comparison in words.

use std::fmt::Write as _;

use artifact::format;
use metrics::Estimate;

use crate::changes::Change;
use crate::{Compared, Run, Sides, Verdict};

/// Changes of a kind that are listed for a person.
const LISTED: usize = 12;

/// For a person.
pub(crate) fn text(before: &Run, after: &Run, sides: &Sides) -> String {
    let mut out = String::new();
    for (side, run) in [("A", before), ("B", after)] {
        let _ = writeln!(out, "{side}  {}", about(run));
    }
    out.push('\n');
    match &sides.changes {
        None => out.push_str("What changed is not known: one of the two has figures alone.\n"),
        Some(changes) if changes.is_empty() => {
            out.push_str("Nothing changed in data, settings, code or machine.\n");
        }
        Some(changes) => {
            for (name, list) in changes.kinds() {
                let nothing = if list.is_empty() { "the same" } else { "" };
                let _ = writeln!(out, "{name:<9} {nothing}");
                for change in list.iter().take(LISTED) {
                    let _ = writeln!(out, "  {}", in_words(change));
                }
                if let Some(more) = list.len().checked_sub(LISTED).filter(|more| *more > 0) {
                    let _ = writeln!(out, "  … and {more} more (`--format json` has all)");
                }
            }
        }
    }
    let width = sides.models.iter().map(|model| model.model.chars().count());
    let width = width.max().unwrap_or(0).max(5);
    let _ = writeln!(
        out,
        "\n{:<width$}  {:>7}  {:>7}  {:>22}  {:>11}  verdict",
        "model", "A", "B", "B - A, points", "only A : B"
    );
    for model in &sides.models {
        let [was, is, difference, only, verdict] = cells(model);
        let _ = writeln!(
            out,
            "{:<width$}  {was:>7}  {is:>7}  {difference:>22}  {only:>11}  {verdict}",
            model.model
        );
    }
    out.push('\n');
    out + &conclusion(sides)
}

/// For a pull request.
pub(crate) fn markdown(before: &Run, after: &Run, sides: &Sides) -> String {
    let mut out = format!("**{}**\n\n", conclusion(sides).trim_end());
    out.push_str("| model | A | B | B - A, points | only A : B | verdict |\n| --- | ---: | ---: | ---: | ---: | --- |\n");
    for model in &sides.models {
        let cells = cells(model);
        let _ = writeln!(out, "| {} | {} |", model.model, cells.join(" | "));
    }
    let _ = writeln!(out, "\nA: {}  \nB: {}\n", about(before), about(after));
    if let Some(changes) = &sides.changes {
        for (name, list) in changes.kinds() {
            for change in list {
                let _ = writeln!(out, "- {name}: {}", in_words(change));
            }
        }
    }
    out
}

fn about(run: &Run) -> String {
    let rows = format::plural(run.judged.metrics.rows, "test review", "test reviews");
    let models = format::plural(run.judged.metrics.models.len() as u64, "model", "models");
    format!("{}: {models} on {rows}", run.folder.display())
}

fn in_words(change: &Change) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{} {before} -> {after}", change.what),
        (Some(before), None) if before == "there" => format!("{} only in A", change.what),
        (None, Some(after)) if after == "there" => format!("{} only in B", change.what),
        (Some(before), None) => format!("{} {before} -> not set", change.what),
        (None, Some(after)) => format!("{} not set -> {after}", change.what),
        (None, None) => change.what.clone(),
    }
}

/// Accuracy before and after, difference, rows that only one got right, verdict.
fn cells(model: &Compared) -> [String; 5] {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let points = |share: f64| format!("{:+.2}", 100.0 * share);
    let difference = match (model.difference, model.before.zip(model.after)) {
        (Some(Estimate { value, low, high }), _) => {
            let (value, low, high) = (points(value), points(low), points(high));
            Some(format!("{value} ({low} to {high})"))
        }
        (None, Some((before, after))) => Some(format!("{}, other rows", points(after - before))),
        (None, None) => None,
    };
    let only = model
        .only
        .map(|(lost, gained)| format!("{lost} : {gained}"));
    let verdict = model.verdict.in_words().to_owned();
    let cells = [
        model.before.map(percent),
        model.after.map(percent),
        difference,
        only,
        Some(verdict),
    ];
    cells.map(|cell| cell.unwrap_or_else(|| "-".to_owned()))
}

fn conclusion(sides: &Sides) -> String {
    if !sides.regressions.is_empty() {
        let number = format::plural(sides.regressions.len() as u64, "regression", "regressions");
        return format!("{number}: {}.\n", sides.regressions.join("; "));
    }
    let better = sides
        .models
        .iter()
        .filter(|model| model.verdict == Verdict::Better);
    match better.count() {
        0 => "No model is worse, and none is better beyond chance.\n".to_owned(),
        count => format!(
            "No model is worse; {} better.\n",
            format::plural(count as u64, "is", "are")
        ),
    }
}
