//! Every step with its settings, so that the run can be reproduced.

use maud::{Markup, html};
use pages::{Table, paragraph, remark};
use serde_json::json;
use settings::ModelKind;

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
                @for (name, value) in used_settings(step) { span { span.muted { (name) " = " } span { (value) } } }
            }
        }
    }
}

/// The settings of a step; of a training only those that its kind of model uses.
fn used_settings(step: &Step) -> impl Iterator<Item = &(String, String)> {
    let mut settings = step.settings.iter();
    let kind = settings.find(|(name, _)| step.stage == "train" && name == "kind");
    let kind = kind.and_then(|(_, kind)| serde_json::from_value::<ModelKind>(json!(kind)).ok());
    let settings = step.settings.iter();
    settings.filter(move |(name, _)| kind.is_none_or(|kind| kind.uses(name)))
}

fn name(step: &Step) -> String {
    format!("{} {}", step.stage, step.variant)
}
