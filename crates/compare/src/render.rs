//! The comparison as text and as Markdown.

use std::fmt::Write as _;
use std::iter;

use artifact::format;
use metrics::Estimate;

use crate::changes::{Change, PRESENT};
use crate::{ModelComparison, Run, RunComparison, Verdict};

/// Maximum number of changes of a kind that the text lists.
const MAX_LISTED: usize = 12;

/// The cells of a line of the table: model, accuracies, difference, reviews that only one run classified correctly,
/// verdict.
type Row = [String; 7];

/// For the terminal.
pub(crate) fn text(before: &Run, after: &Run, comparison: &RunComparison) -> String {
    let mut out = format!("A: {}\nB: {}\n\n", about(before), about(after));
    match &comparison.changes {
        None => out += "Changes are unknown: one of the runs has no `report.json`.\n",
        Some(changes) if changes.is_empty() => {
            out += "Nothing changed in data, settings, code or machine.\n";
        }
        Some(changes) => {
            out.push_str("Changes from A to B\n");
            for (name, list) in changes.kinds() {
                let _ = match list.is_empty() {
                    true => writeln!(out, "{name:<9} unchanged"),
                    false => writeln!(out, "{name}"),
                };
                for change in list.iter().take(MAX_LISTED) {
                    let _ = writeln!(out, "  {}", describe(change));
                }
                if let Some(more) = list.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
                    let _ = writeln!(out, "  and {more} more: `--format json` lists all");
                }
            }
        }
    }
    out.push_str("\nAccuracy on the test reviews; differences in percentage points\n");
    let rows = rows(before, comparison);
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    });
    for [model, cells @ .., verdict] in &rows {
        let _ = write!(out, "{model:<0$}", widths[0]);
        for (cell, width) in cells.iter().zip(&widths[1..]) {
            let _ = write!(out, "  {cell:>width$}");
        }
        let _ = writeln!(out, "  {verdict}");
    }
    out.push('\n');
    for warning in &comparison.warnings {
        let _ = writeln!(out, "{warning}");
    }
    out + &conclusion(comparison)
}

/// For a pull request.
pub(crate) fn markdown(before: &Run, after: &Run, comparison: &RunComparison) -> String {
    let mut out = format!("**{}**\n\n", conclusion(comparison).trim_end());
    out.push_str("Accuracy on the test reviews; differences in percentage points.\n\n");
    for (number, row) in rows(before, comparison).iter().enumerate() {
        let _ = writeln!(out, "| {} |", row.join(" | "));
        if number == 0 {
            out.push_str("| --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
        }
    }
    let _ = writeln!(out, "\nA: {}  \nB: {}\n", about(before), about(after));
    for warning in &comparison.warnings {
        let _ = writeln!(out, "- {warning}");
    }
    if let Some(changes) = &comparison.changes {
        for (name, list) in changes.kinds() {
            for change in list {
                let _ = writeln!(out, "- {name}: {}", describe(change));
            }
        }
    }
    out
}

fn about(run: &Run) -> String {
    let rows = format::plural(run.results.metrics.rows, "test review", "test reviews");
    let models = format::plural(run.results.metrics.models.len() as u64, "model", "models");
    let best = run.results.metrics.best.as_ref();
    let best = best.map_or_else(String::new, |best| format!("; best on validation: {best}"));
    format!("{} ({models}, {rows}{best})", run.path.display())
}

fn describe(change: &Change) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{} {before} -> {after}", change.name),
        (Some(before), None) if before == PRESENT => format!("{} only in A", change.name),
        (None, Some(after)) if after == PRESENT => format!("{} only in B", change.name),
        (Some(before), None) => format!("{} {before} -> not set", change.name),
        (None, Some(after)) => format!("{} not set -> {after}", change.name),
        (None, None) => change.name.clone(),
    }
}

/// The table, headings first.
fn rows(before: &Run, comparison: &RunComparison) -> Vec<Row> {
    let confidence = 100.0 * before.results.metrics.confidence;
    let difference = format!("B - A ({confidence:.0}% CI)");
    let (only_a, only_b) = ("only A correct", "only B correct");
    let headings = ["model", "A", "B", &difference, only_a, only_b, "verdict"];
    let models = comparison.models.iter().map(cells);
    let headings = iter::once(headings.map(str::to_owned));
    headings.chain(models).collect()
}

fn cells(model: &ModelComparison) -> Row {
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    let points = |share: f64| format!("{:+.2}", 100.0 * share);
    let difference = match (model.difference, model.before.zip(model.after)) {
        (Some(Estimate { value, low, high }), _) => {
            let (value, low, high) = (points(value), points(low), points(high));
            Some(format!("{value} ({low} to {high})"))
        }
        (None, Some((before, after))) if model.verdict != Verdict::NotComparable => {
            Some(format!("{} (not paired)", points(after - before)))
        }
        (None, _) => None,
    };
    let (lost, gained) = model.only_one_correct.unzip();
    let cells = [
        Some(model.model.clone()),
        model.before.map(percent),
        model.after.map(percent),
        difference,
        lost.map(format::count),
        gained.map(format::count),
        Some(model.verdict.describe().to_owned()),
    ];
    cells.map(|cell| cell.unwrap_or_else(|| "-".to_owned()))
}

fn conclusion(comparison: &RunComparison) -> String {
    if let Some(why) = &comparison.not_comparable {
        return format!(
            "Not comparable: {why}. Compare runs with the same source and the same settings of `ingest` and `clean`.\n"
        );
    }
    let regressions = &comparison.regressions;
    if !regressions.is_empty() {
        let number = format::plural(regressions.len() as u64, "regression", "regressions");
        return format!("{number}: {}.\n", regressions.join("; "));
    }
    let is_better = |model: &&ModelComparison| model.verdict == Verdict::Better;
    let better = comparison.models.iter().filter(is_better).count() as u64;
    let are = format::plural(better, "is", "are");
    match better {
        0 => "No model is significantly worse or better.\n".to_owned(),
        _ => format!("No model is worse; {are} significantly better.\n"),
    }
}
