//! Prints an inspection as text or as JSON.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use artifact::{Sentiment, format};
use serde_json::json;
use settings::RatingRule;

use super::inspection::{ExampleRow, Inspection};
use crate::row::truncate;
use crate::row_counts::ReasonCount;
use crate::rows::{Decision, Layout};
use crate::sink::RowSink;
use crate::text_lengths::LengthSummary;

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
    print_notes(out, result)?;
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
    let rows = format::plural(layout.sampled_rows as u64, "row", "rows");
    let basis = match layout.is_sample_whole {
        true => format!("from all {rows}"),
        false => format!("from a sample of {rows}"),
    };
    writeln!(out, "\n{BOLD}Columns{BOLD:#} ({basis})")?;
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
fn print_notes(out: &mut impl Write, result: &Inspection<'_>) -> io::Result<()> {
    let (notes, imbalance) = (&result.layout.roles.notes, result.rows.counts.imbalance());
    if notes.is_empty() && imbalance.is_none() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}Please check{BOLD:#}")?;
    if let Some(text) = imbalance {
        writeln!(out, "  {YELLOW}{text}{YELLOW:#}")?;
    }
    for note in notes {
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
    let accepted = format::plural(counts.accepted(), "review", "reviews");
    let partial = match rows.is_full() {
        true => "; all counts below are from the start of the file, the rest was not read",
        false => "",
    };
    writeln!(out, "\n{BOLD}Reviews{BOLD:#}")?;
    writeln!(out, "  {accepted} would be accepted{partial}")?;
    let classes = Sentiment::ALL.map(|class| (counts.count_of(class), class.as_str()));
    let unlabelled = (counts.unlabelled, "without a label");
    let range = rows.times.map_or_else(String::new, |(first, last)| {
        format!("with a time, from {} to {}", day(first), day(last))
    });
    let without_text = (counts.without_text, "without a text, removed by `clean`");
    let others = [(rows.with_time, range.as_str()), without_text];
    let others = others.into_iter().filter(|(rows, _)| *rows > 0);
    for (rows, what) in classes.into_iter().chain([unlabelled]).chain(others) {
        writeln!(out, "  {:>11} {what}", format::count(rows))?;
    }
    if let Some(LengthSummary { median, p95, max }) = rows.lengths.summary() {
        let [median, p95, max] = [median, p95, max].map(format::count);
        writeln!(
            out,
            "  words per text: median {median}, 95% of the texts up to {p95}, longest {max}; choose `max_length` of the tokenizers accordingly"
        )?;
    }
    for group in &counts.reasons {
        let (kind, rows) = (group.first.reason.outcome(), format::count(group.rows));
        let what = group.describe();
        writeln!(out, "  {YELLOW}{rows:>11}{YELLOW:#} {kind}: {what}")?;
        let first = truncate(&first_row(group), MAX_TEXT);
        writeln!(out, "              first: {first}")?;
    }
    if let Some(RatingRule { centre, dead_zone }) = result.rating() {
        let (above, below) = (centre + dead_zone, centre - dead_zone);
        writeln!(
            out,
            "  labels from ratings: above {above} is positive, below {below} is negative"
        )?;
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

/// The day of a time in milliseconds since 1970.
fn day(milliseconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    time.date_naive().to_string()
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
        "sampled_rows": layout.sampled_rows,
        "is_sample_whole": layout.is_sample_whole,
        "rating": result.rating(),
        "notes": layout.roles.notes,
        "accepted": counts.accepted(),
        "labels": labels,
        "with_time": rows.with_time,
        "first_time": rows.times.map(|it| it.0),
        "last_time": rows.times.map(|it| it.1),
        "without_text": counts.without_text,
        "imbalance": counts.imbalance(),
        "words_per_text": rows.lengths.summary(),
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
