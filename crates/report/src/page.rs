//! The HTML page of the report.

use artifact::format;
use maud::{Markup, html};
use pages::Page;

use crate::data::ReportData;
use crate::formatting;
use crate::sections::{
    abstention, calibration, challenge, classes, confident_errors, confusion, data_checks,
    input_lengths, label_errors, learning_curves, models, reviews, run, slices, summary, sweeps,
    thresholds, tokens,
};

/// A section: its heading, which is also the name of its link, and how it is drawn.
type Section = (&'static str, fn(&ReportData) -> Option<Markup>);

/// The sections in the order of the page. The first three are open, the others collapsed.
const SECTIONS: [Section; 19] = [
    ("Summary", |data| Some(summary::draw(data))),
    ("Data checks", |data| Some(data_checks::draw(data))),
    ("Models", |data| Some(models::draw(data))),
    ("Likely label errors", label_errors::draw),
    ("Most confident errors", confident_errors::draw),
    ("Per-class results", classes::draw),
    ("Confusion matrix", confusion::draw),
    ("Thresholds", thresholds::draw),
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
    let sections = SECTIONS.into_iter();
    let sections = sections.filter_map(|(name, draw)| Some((name, draw(data)?)));
    let (links, sections): (Vec<&str>, Vec<Markup>) = sections.unzip();
    let steps = data.steps.iter();
    let ends = steps.map(|step| step.started + step.seconds.max(0.0) as u64);
    let finished = ends
        .max()
        .map(|time| format!(" · {}", formatting::date(time)));
    let models = format::plural(data.models.len() as u64, "model", "models");
    let rows = format::plural(data.rows, "test review", "test reviews");
    let subtitle = format!("{models} on {rows}{}", finished.unwrap_or_default());
    let page = Page {
        title: &data.title,
        heading: &data.title,
        subtitle: &subtitle,
        links: &links,
        main: html! { @for section in &sections { (section) } },
    };
    page.render()
}
