//! Every step with its settings, so that the run can be reproduced.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, collapsed_section, paragraph, remark};

use crate::data::{ReportData, Step};
use crate::formatting;

/// The section.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    if data.steps.is_empty() {
        return None;
    }
    let seconds: f64 = data.steps.iter().map(|step| step.seconds).sum();
    let text = format!(
        "{} took {} in total. The key of a step is a digest of everything that determines its output: stage, settings, inputs and \
         sources.",
        format::plural(data.steps.len() as u64, "step", "steps"),
        format::seconds(seconds)
    );
    let times = Table::new("Every step from ingest to evaluate.", &data.steps)
        .names("Step", name)
        .numbers("Time", |step| format::seconds(step.seconds))
        .numbers("Peak memory", |step| format::bytes(step.peak_memory))
        .numbers("Started", |step| formatting::date(step.started))
        .words("Key", |step| html! { code { (step.key) } });
    let content = html! {
        (paragraph(text))
        (times)
        (remark("Settings that a kind of model does not use are listed below as well."))
        @for one in &data.steps { (step(one)) }
    };
    let answer = "Which steps were run, with which settings, versions and sources.";
    Some(collapsed_section(
        "what-was-run",
        "What was run",
        answer,
        content,
    ))
}

fn step(step: &Step) -> Markup {
    let mut facts = vec![format::plural(step.cores as u64, "core", "cores")];
    facts.extend(step.device.iter().map(|device| format!("device {device}")));
    let versions = step.versions.iter();
    facts.extend(versions.map(|(name, version)| format!("{name} {version}")));
    let sources = step.sources.iter();
    facts.extend(sources.map(|(name, digest)| format!("source {name} ({digest})")));
    html! {
        article.step {
            h3 { (name(step)) }
            (paragraph(&step.summary))
            (remark(facts.join(" · ")))
            p.settings {
                @for (name, value) in &step.settings {
                    span { span.muted { (name) " = " } span { (value) } }
                }
            }
        }
    }
}

fn name(step: &Step) -> String {
    format!("{} {}", step.stage, step.variant)
}
