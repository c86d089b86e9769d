//! Every step with its settings, so that the run can be reproduced.

use maud::{Markup, html};
use pages::{Table, paragraph, remark};

use super::Collapsed;
use crate::data::{ReportData, Step};
use crate::format;

/// The section.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    if data.steps.is_empty() {
        return None;
    }
    let steps = format::plural(data.steps.len() as u64, "step", "steps");
    let time = format::seconds(data.steps.iter().map(|step| step.seconds).sum());
    let text = format!(
        "{steps} took {time} in total. The key of a step is a digest of everything that determines its output: stage, settings, \
         inputs and sources."
    );
    let times = Table::new("Every step from ingest to evaluate.", &data.steps)
        .names("Step", name)
        .numbers("Time", |step| format::seconds(step.seconds))
        .numbers("Peak memory", |step| format::bytes(step.peak_memory))
        .numbers("Started", |step| format::date(step.started))
        .words("Key", |step| html! { code { (step.key) } });
    let content = html! {
        (paragraph(text))
        (times)
        (remark("Settings that a kind of model does not use are listed below as well."))
        @for one in &data.steps { (step(one)) }
    };
    let answer = "Which steps were run, with which settings, versions and sources.";
    Some((answer.into(), content))
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
                @for (name, value) in &step.settings { span { span.muted { (name) " = " } span { (value) } } }
            }
        }
    }
}

fn name(step: &Step) -> String {
    format!("{} {}", step.stage, step.variant)
}
