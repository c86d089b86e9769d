//! The HTML page of the report.

use maud::{Markup, html};
use pages::{Page, collapsed_section, section, section_id};

use crate::data::ReportData;
use crate::format;
use crate::sections::{
    Collapsed, abstention, calibration, challenge, classes, confident_errors, confusion,
    data_checks, input_lengths, label_errors, learning_curves, models, reviews, run, slices,
    summary, sweeps, tokens,
};

/// Draws the content of a section.
type Section<T> = fn(&ReportData) -> T;

/// The open sections: the heading, which is also the name of the link, and the content.
const OPEN: [(&str, Section<Markup>); 3] = [
    ("Summary", summary::draw),
    ("Data checks", data_checks::draw),
    ("Models", models::draw),
];

/// The collapsed sections below them, without those that do not apply to a report.
const COLLAPSED: [(&str, Section<Option<Collapsed>>); 16] = [
    ("Likely label errors", label_errors::draw),
    ("Most confident errors", confident_errors::draw),
    ("Per-class results", classes::draw),
    ("Confusion matrix", confusion::draw),
    ("Thresholds", classes::draw_thresholds),
    ("Accuracy and coverage", abstention::draw),
    ("Calibration", calibration::draw),
    ("ROC curves", confusion::draw_roc),
    ("Slices", slices::draw),
    ("Challenge set", challenge::draw),
    ("Long reviews", input_lengths::draw),
    ("Hyperparameter sweeps", sweeps::draw),
    ("Learning curves", learning_curves::draw),
    ("Reviews", reviews::draw),
    ("Tokens and embeddings", tokens::draw),
    ("What was run", run::draw),
];

/// The text of `report.html`.
pub fn render(data: &ReportData) -> String {
    let open = OPEN.into_iter();
    let open = open.map(|(name, draw)| (name, section(&section_id(name), name, draw(data))));
    let collapsed = COLLAPSED.into_iter().filter_map(|(name, draw)| {
        let (id, (answer, content)) = (section_id(name), draw(data)?);
        Some((name, collapsed_section(&id, name, answer, content)))
    });
    let (links, sections): (Vec<&str>, Vec<Markup>) = open.chain(collapsed).unzip();
    let steps = data.steps.iter();
    let ends = steps.map(|step| step.started + step.seconds.max(0.0) as u64);
    let finished = ends.max().map(|time| format!(" · {}", format::date(time)));
    let subtitle = data.size() + &finished.unwrap_or_default();
    let page = Page {
        title: &data.title,
        heading: &data.title,
        subtitle: &subtitle,
        links: &links,
        main: html! { @for section in &sections { (section) } },
    };
    page.render()
}
