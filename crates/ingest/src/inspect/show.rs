//! What was found out, for people and for programs.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use artifact::{Sentiment, format};
use serde_json::json;

use super::facts::{Facts, ShownRow};
use crate::row::cut;
use crate::row_counts::ReasonCount;
use crate::rows::{Decision, Layout};

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Characters of a text shown in a row.
const TEXT: usize = 70;

/// Prints everything for people.
pub(super) fn text(out: &mut impl Write, facts: &Facts<'_>) -> io::Result<()> {
    let files = match facts.files {
        0..=1 => String::new(),
        files => format!("{files} files, "),
    };
    let (source, bytes) = (facts.source.display(), format::bytes(facts.bytes));
    writeln!(out, "{BOLD}{source}{BOLD:#}  {files}{bytes}")?;
    let layout = &facts.layout;
    let header = if layout.header { ", with a header" } else { "" };
    writeln!(out, "  {}{header}", layout.form)?;
    columns(out, layout)?;
    notes(out, layout)?;
    rows(out, &facts.seen.shown)?;
    counts(out, facts)?;
    writeln!(out, "\n{BOLD}To paste into a pipeline file{BOLD:#}\n")?;
    write!(out, "{}", facts.table())
}

/// What was decided about a column.
fn decisions(layout: &Layout, column: usize) -> impl Iterator<Item = &Decision> {
    let all = layout.roles.reasons.iter();
    all.filter(move |decision| decision.column == column)
}

fn columns(out: &mut impl Write, layout: &Layout) -> io::Result<()> {
    let widths = layout.names.iter().map(|name| name.chars().count());
    let width = widths.max().unwrap_or(0).min(30);
    writeln!(out, "\n{BOLD}Columns{BOLD:#}")?;
    for (position, name) in layout.names.iter().enumerate() {
        let words = decisions(layout, position)
            .map(|it| format!("{GREEN}{}{GREEN:#} ({})", it.role.as_str(), it.reason));
        let mut words = words.collect::<Vec<_>>().join(", ");
        if words.is_empty() {
            words.push_str("not used");
        }
        writeln!(out, "  {:<width$}  {words}", cut(name, 30))?;
    }
    Ok(())
}

/// What was not decided, and what decides it.
fn notes(out: &mut impl Write, layout: &Layout) -> io::Result<()> {
    if layout.roles.notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}Not decided{BOLD:#}")?;
    for note in &layout.roles.notes {
        writeln!(out, "  {YELLOW}{}{YELLOW:#}", note.text)?;
        for line in note.lines.iter().flat_map(|lines| lines.lines()) {
            writeln!(out, "      {line}")?;
        }
    }
    Ok(())
}

fn rows(out: &mut impl Write, rows: &[ShownRow]) -> io::Result<()> {
    writeln!(out, "\n{BOLD}First rows{BOLD:#}")?;
    for row in rows {
        let label = row.label.unwrap_or("-");
        let rating = row.rating.map_or_else(String::new, |it| format!("{it} "));
        let text = cut(&row.text.replace(['\n', '\r', '\t'], " "), TEXT);
        writeln!(out, "  {label:<9} {rating}{text}")?;
    }
    Ok(())
}

fn counts(out: &mut impl Write, facts: &Facts<'_>) -> io::Result<()> {
    let (seen, tally) = (&facts.seen, &facts.seen.tally);
    let accepted = format::count(tally.accepted());
    let partial = if seen.is_partial() {
        ", as far as was read"
    } else {
        ""
    };
    writeln!(
        out,
        "\n{BOLD}Reviews{BOLD:#}\n  {accepted} would be accepted{partial}"
    )?;
    let classes = Sentiment::ALL.map(|class| (tally.of_class(class), class.as_str()));
    let unlabelled = (tally.unlabelled, "without a label");
    let times = (seen.with_time, "with a time");
    let times = Some(times).filter(|(rows, _)| *rows > 0);
    for (rows, what) in classes.into_iter().chain([unlabelled]).chain(times) {
        writeln!(out, "  {:>11} {what}", format::count(rows))?;
    }
    for group in &tally.reasons {
        let (reason, rows) = (&group.first.reason, format::count(group.rows));
        let (kind, what) = (reason.kind().replace('_', " "), reason.summary);
        writeln!(out, "  {YELLOW}{rows:>11}{YELLOW:#} {kind}: {what}")?;
        writeln!(out, "              first: {}", cut(&first_row(group), TEXT))?;
    }
    let limit = facts.settings.max_reject_rate;
    if tally.is_over(limit) {
        writeln!(
            out,
            "  More rows would be rejected than `ingest.max_reject_rate` = {limit} allows"
        )?;
    }
    Ok(())
}

/// The first row that was left out for a reason, with its place.
fn first_row(group: &ReasonCount) -> String {
    let row = &group.first;
    format!("{}:{}: {}", row.source, row.line, row.excerpt)
}

/// Prints everything as one JSON object.
pub(super) fn json(out: &mut impl Write, facts: &Facts<'_>) -> io::Result<()> {
    let (layout, seen, tally) = (&facts.layout, &facts.seen, &facts.seen.tally);
    let column = |(position, name): (usize, &String)| {
        let roles: Vec<_> = decisions(layout, position)
            .map(|it| json!({"role": it.role.as_str(), "reason": it.reason}))
            .collect();
        json!({"name": name, "roles": roles})
    };
    let columns: Vec<_> = layout.names.iter().enumerate().map(column).collect();
    let label = |class: Sentiment| (class.to_string(), json!(tally.of_class(class)));
    let labels: serde_json::Map<_, _> = Sentiment::ALL.into_iter().map(label).collect();
    let left_out = |group: &ReasonCount| {
        json!({
            "kind": group.first.reason.kind(),
            "reason": group.first.reason.summary,
            "rows": group.rows,
            "first": first_row(group),
        })
    };
    let left_out: Vec<_> = tally.reasons.iter().map(left_out).collect();
    let object = json!({
        "source": facts.source,
        "files": facts.files,
        "bytes": facts.bytes,
        "form": layout.form,
        "header": layout.header,
        "columns": columns,
        "rating": layout.roles.rating.map(|scale| scale.rule),
        "notes": layout.roles.notes,
        "accepted": tally.accepted(),
        "labels": labels,
        "partial": seen.is_partial(),
        "left_out": left_out,
        "rows": seen.shown,
        "ingest": facts.table(),
    });
    writeln!(out, "{object:#}")
}
