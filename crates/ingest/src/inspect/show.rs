//! What was found out, for people and for programs.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use artifact::Sentiment;
use artifact::format;
use serde_json::json;
use settings::IngestSettings;

use super::facts::{Facts, ShownRow};
use crate::rows::Layout;

/// Characters of a text shown in a row.
const TEXT: usize = 70;

/// Prints everything for people.
pub(super) fn text(
    out: &mut impl Write,
    facts: &Facts,
    settings: &IngestSettings,
) -> io::Result<()> {
    let bold = Style::new().bold();
    let files = if facts.files > 1 {
        format!("{} files, ", facts.files)
    } else {
        String::new()
    };
    writeln!(
        out,
        "{bold}{}{bold:#}  {files}{}",
        facts.source.display(),
        format::bytes(facts.bytes)
    )?;
    if let Some(layout) = &facts.layout {
        writeln!(
            out,
            "  {}{}",
            layout.form,
            if layout.header { ", with a header" } else { "" }
        )?;
        columns(out, layout)?;
        notes(out, layout)?;
    }
    rows(out, &facts.seen.shown)?;
    counts(out, facts, settings)?;
    writeln!(out, "\n{bold}To paste into a pipeline file{bold:#}\n")?;
    write!(out, "{}", facts.table())
}

fn columns(out: &mut impl Write, layout: &Layout) -> io::Result<()> {
    let (bold, green) = (Style::new().bold(), AnsiColor::Green.on_default());
    let width = layout
        .names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .min(30);
    writeln!(out, "\n{bold}Columns{bold:#}")?;
    for (position, name) in layout.names.iter().enumerate() {
        let decisions = layout
            .roles
            .reasons
            .iter()
            .filter(|decision| decision.column == position);
        let words: Vec<String> = decisions
            .map(|decision| {
                format!(
                    "{green}{}{green:#} ({})",
                    decision.role.as_str(),
                    decision.reason
                )
            })
            .collect();
        let words = if words.is_empty() {
            "not used".to_owned()
        } else {
            words.join(", ")
        };
        writeln!(out, "  {:<width$}  {words}", cut(name, 30))?;
    }
    Ok(())
}

/// What was not decided, and what decides it.
fn notes(out: &mut impl Write, layout: &Layout) -> io::Result<()> {
    let (bold, yellow) = (Style::new().bold(), AnsiColor::Yellow.on_default());
    if layout.roles.notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{bold}Not decided{bold:#}")?;
    for note in &layout.roles.notes {
        writeln!(out, "  {yellow}{}{yellow:#}", note.text)?;
        for line in note.lines.iter().flat_map(|lines| lines.lines()) {
            writeln!(out, "      {line}")?;
        }
    }
    Ok(())
}

fn rows(out: &mut impl Write, rows: &[ShownRow]) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}First rows{bold:#}")?;
    for row in rows {
        let label = row.label.unwrap_or("-");
        let rating = row
            .rating
            .map_or_else(String::new, |rating| format!("{rating} "));
        writeln!(
            out,
            "  {label:<9} {rating}{}",
            cut(&row.text.replace(['\n', '\r', '\t'], " "), TEXT)
        )?;
    }
    Ok(())
}

fn counts(out: &mut impl Write, facts: &Facts, settings: &IngestSettings) -> io::Result<()> {
    let (bold, yellow) = (Style::new().bold(), AnsiColor::Yellow.on_default());
    let seen = &facts.seen;
    let part = if seen.is_partial() {
        ", as far as was read"
    } else {
        ""
    };
    writeln!(
        out,
        "\n{bold}Reviews{bold:#}\n  {} would be accepted{part}",
        format::count(seen.accepted)
    )?;
    let labelled: u64 = seen.labels.iter().sum();
    for class in Sentiment::ALL {
        writeln!(
            out,
            "  {:>11} {class}",
            format::count(seen.labels[usize::from(class.id())])
        )?;
    }
    writeln!(
        out,
        "  {:>11} without a label",
        format::count(seen.accepted - labelled)
    )?;
    if seen.with_time > 0 {
        writeln!(out, "  {:>11} with a time", format::count(seen.with_time))?;
    }
    for group in &seen.left_out {
        let kind = group.kind.replace('_', " ");
        writeln!(
            out,
            "  {yellow}{:>11}{yellow:#} {kind}: {}\n              first: {}",
            format::count(group.rows),
            group.reason,
            cut(&group.first, TEXT)
        )?;
    }
    let rejected: u64 = seen
        .left_out
        .iter()
        .filter(|group| group.kind == "rejected")
        .map(|group| group.rows)
        .sum();
    let total = seen.accepted + seen.left_out.iter().map(|group| group.rows).sum::<u64>();
    if rejected as f64 > settings.max_reject_rate * total as f64 {
        writeln!(
            out,
            "  More rows would be rejected than `ingest.max_reject_rate` = {} allows",
            settings.max_reject_rate
        )?;
    }
    Ok(())
}

/// Prints everything as one JSON object.
pub(super) fn json(out: &mut impl Write, facts: &Facts) -> io::Result<()> {
    let layout = facts.layout.as_ref();
    let columns: Vec<_> = layout
        .into_iter()
        .flat_map(|layout| {
            layout
                .names
                .iter()
                .enumerate()
                .map(move |(position, name)| (layout, position, name))
        })
        .map(|(layout, position, name)| {
            let roles: Vec<_> = layout
                .roles
                .reasons
                .iter()
                .filter(|decision| decision.column == position)
                .map(|decision| json!({"role": decision.role.as_str(), "reason": decision.reason}))
                .collect();
            json!({"name": name, "roles": roles})
        })
        .collect();
    let seen = &facts.seen;
    let labels: serde_json::Map<_, _> = Sentiment::ALL
        .into_iter()
        .map(|class| {
            (
                class.to_string(),
                json!(seen.labels[usize::from(class.id())]),
            )
        })
        .collect();
    let object = json!({
        "source": facts.source,
        "files": facts.files,
        "bytes": facts.bytes,
        "form": layout.map(|layout| &layout.form),
        "header": layout.map(|layout| layout.header),
        "columns": columns,
        "rating": layout.and_then(|layout| layout.roles.rating.map(|scale| scale.rule)),
        "notes": layout.map(|layout| &layout.roles.notes),
        "accepted": seen.accepted,
        "labels": labels,
        "partial": seen.is_partial(),
        "left_out": seen.left_out,
        "rows": seen.shown,
        "ingest": facts.table(),
    });
    writeln!(out, "{object:#}")
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
