//! Prints an inspection as text or as JSON.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use artifact::{Sentiment, format};
use serde_json::json;

use super::inspection::{ExampleRow, Inspection};
use crate::row::truncate;
use crate::row_counts::ReasonCount;
use crate::rows::{Decision, Layout};
use crate::sink::RowSink;

const BOLD: Style = Style::new().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Maximum number of characters of a text in a row.
const MAX_TEXT: usize = 70;

/// Prints the inspection as text.
pub(super) fn print_text(out: &mut impl Write, result: &Inspection<'_>) -> io::Result<()> {
    let files = match result.files {
        0..=1 => String::new(),
        files => format!("{files} files, "),
    };
    let (source, bytes) = (result.source.display(), format::bytes(result.bytes));
    writeln!(out, "{BOLD}{source}{BOLD:#}  {files}{bytes}")?;
    let layout = &result.layout;
    let header = if layout.header { ", with a header" } else { "" };
    writeln!(out, "  {}{header}", layout.format_description)?;
    print_columns(out, layout)?;
    print_notes(out, layout)?;
    print_rows(out, &result.rows.examples)?;
    print_counts(out, result)?;
    writeln!(out, "\n{BOLD}Settings for a pipeline file{BOLD:#}\n")?;
    write!(out, "{}", result.settings_table())
}

/// The decisions about a column.
fn decisions(layout: &Layout, column: usize) -> impl Iterator<Item = &Decision> {
    let all = layout.roles.reasons.iter();
    all.filter(move |decision| decision.column == column)
}

fn print_columns(out: &mut impl Write, layout: &Layout) -> io::Result<()> {
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
        writeln!(out, "  {:<width$}  {words}", truncate(name, 30))?;
    }
    Ok(())
}

/// Prints what needs a decision by the user, with the settings for it.
fn print_notes(out: &mut impl Write, layout: &Layout) -> io::Result<()> {
    if layout.roles.notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}Please check{BOLD:#}")?;
    for note in &layout.roles.notes {
        writeln!(out, "  {YELLOW}{}{YELLOW:#}", note.text)?;
        for line in note.lines.iter().flat_map(|lines| lines.lines()) {
            writeln!(out, "      {line}")?;
        }
    }
    Ok(())
}

fn print_rows(out: &mut impl Write, rows: &[ExampleRow]) -> io::Result<()> {
    writeln!(out, "\n{BOLD}First rows{BOLD:#}")?;
    for row in rows {
        let label = row.label.unwrap_or("-");
        let rating = row.rating.map_or_else(String::new, |it| format!("{it} "));
        let text = truncate(&row.text.replace(['\n', '\r', '\t'], " "), MAX_TEXT);
        writeln!(out, "  {label:<9} {rating}{text}")?;
    }
    Ok(())
}

fn print_counts(out: &mut impl Write, result: &Inspection<'_>) -> io::Result<()> {
    let (rows, counts) = (&result.rows, &result.rows.counts);
    let accepted = format::count(counts.accepted());
    let partial = match rows.is_full() {
        true => " in the part that was read",
        false => "",
    };
    writeln!(out, "\n{BOLD}Reviews{BOLD:#}")?;
    writeln!(out, "  {accepted} would be accepted{partial}")?;
    let classes = Sentiment::ALL.map(|class| (counts.count_of(class), class.as_str()));
    let unlabelled = (counts.unlabelled, "without a label");
    let times = (rows.with_time, "with a time");
    let times = Some(times).filter(|(rows, _)| *rows > 0);
    for (rows, what) in classes.into_iter().chain([unlabelled]).chain(times) {
        writeln!(out, "  {:>11} {what}", format::count(rows))?;
    }
    for group in &counts.reasons {
        let (reason, rows) = (&group.first.reason, format::count(group.rows));
        let (kind, what) = (reason.outcome(), reason.summary);
        writeln!(out, "  {YELLOW}{rows:>11}{YELLOW:#} {kind}: {what}")?;
        let first = truncate(&first_row(group), MAX_TEXT);
        writeln!(out, "              first: {first}")?;
    }
    if !counts.repairs.is_empty() {
        writeln!(out, "  {YELLOW}{}{YELLOW:#}", counts.repairs)?;
    }
    let limit = result.settings.max_reject_rate;
    if counts.exceeds_reject_rate(limit) {
        let setting = format!("`ingest.max_reject_rate` = {limit}");
        writeln!(out, "  More rows are rejected than {setting} allows")?;
    }
    Ok(())
}

/// Location and beginning of the first row that was excluded for a reason.
fn first_row(group: &ReasonCount) -> String {
    let row = &group.first;
    format!("{}:{}: {}", row.source, row.line, row.excerpt)
}

/// Prints the inspection as one JSON object.
pub(super) fn print_json(out: &mut impl Write, result: &Inspection<'_>) -> io::Result<()> {
    let (layout, rows, counts) = (&result.layout, &result.rows, &result.rows.counts);
    let column = |(position, name): (usize, &String)| {
        let role = |it: &Decision| json!({"role": it.role.as_str(), "reason": it.reason});
        let roles: Vec<_> = decisions(layout, position).map(role).collect();
        json!({"name": name, "roles": roles})
    };
    let columns: Vec<_> = layout.names.iter().enumerate().map(column).collect();
    let label = |class: Sentiment| (class.to_string(), json!(counts.count_of(class)));
    let labels: serde_json::Map<_, _> = Sentiment::ALL.into_iter().map(label).collect();
    let excluded = |group: &ReasonCount| {
        json!({
            "kind": group.first.reason.kind(),
            "reason": group.first.reason.summary,
            "rows": group.rows,
            "first": first_row(group),
        })
    };
    let excluded: Vec<_> = counts.reasons.iter().map(excluded).collect();
    let object = json!({
        "source": result.source,
        "files": result.files,
        "bytes": result.bytes,
        "form": layout.format_description,
        "header": layout.header,
        "columns": columns,
        "rating": layout.roles.rating.map(|scale| scale.rule),
        "notes": layout.roles.notes,
        "accepted": counts.accepted(),
        "labels": labels,
        "partial": rows.is_full(),
        "left_out": excluded,
        "replaced": json!({
            "not_finite": counts.repairs.not_finite,
            "lone_surrogates": counts.repairs.lone_surrogates,
        }),
        "rows": rows.examples,
        "ingest": result.settings_table(),
    });
    writeln!(out, "{object:#}")
}
