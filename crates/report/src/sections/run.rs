//! What was run: every step with its settings, so that the page can be reproduced.

use artifact::format;

use crate::data::{ReportData, Step};
use crate::words;
use pages::{Element, element};
use pages::{heading, number, number_heading, paragraph, row_heading, section, table};

/// The section.
pub(crate) fn draw(data: &ReportData) -> Element {
    let seconds: f64 = data.steps.iter().map(|step| step.seconds).sum();
    let text = format!(
        "{} took {} of computing. A key names an output by all that determines it: stage, settings, inputs and sources.",
        format::plural(data.steps.len() as u64, "step", "steps"),
        format::seconds(seconds)
    );
    section("run", "What was run")
        .child(paragraph(text))
        .child(times(&data.steps))
        .children(data.steps.iter().map(step))
}

fn times(steps: &[Step]) -> Element {
    let lines = steps.iter().map(|step| {
        vec![
            row_heading(name(step)),
            number(format::seconds(step.seconds)),
            number(format::bytes(step.peak_memory)),
            number(words::date(step.started)),
            element("td").child(element("code").text(&step.key)),
        ]
    });
    table(
        "Every step in the order of the data",
        [
            heading("Step"),
            number_heading("Time"),
            number_heading("Peak memory"),
            number_heading("Started"),
            heading("Key"),
        ],
        lines,
    )
}

fn step(step: &Step) -> Element {
    let mut facts = vec![format::plural(step.cores as u64, "core", "cores")];
    facts.extend(step.device.clone().map(|device| format!("device {device}")));
    facts.extend(
        step.versions
            .iter()
            .map(|(name, version)| format!("{name} {version}")),
    );
    facts.extend(
        step.sources
            .iter()
            .map(|(name, digest)| format!("source {name} ({digest})")),
    );
    let settings = step.settings.iter().map(|(name, value)| {
        element("span")
            .child(element("span").class("muted").text(format!("{name} = ")))
            .child(element("span").text(value))
    });
    element("article")
        .class("step")
        .child(element("h3").text(name(step)))
        .child(paragraph(&step.summary))
        .child(paragraph(facts.join(" · ")).class("muted"))
        .child(element("p").class("settings").children(settings))
}

fn name(step: &Step) -> String {
    format!("{} {}", step.stage, step.variant)
}
