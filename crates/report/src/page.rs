//! The page: one file that needs nothing else, from no network, for any screen and for paper.

use artifact::format;

use crate::data::ReportData;
use crate::sections::{
    calibration, findings, models, reading, reviews, run, sweeps, tokens, training, tricks,
};
use crate::words;
use pages::{Element, document, element, footer};

/// The text of `report.html`.
pub fn render(data: &ReportData) -> String {
    let parts: Vec<(&str, Element)> = [
        Some(("Findings", findings::draw(data))),
        Some(("Data", reviews::draw(data))),
        Some(("Models", models::draw(data))),
        reading::draw(data).map(|part| ("Reading", part)),
        training::draw(data).map(|part| ("Training", part)),
        sweeps::draw(data).map(|part| ("Settings", part)),
        Some(("Mistakes", calibration::draw(data))),
        tricks::draw(data).map(|part| ("Trust", part)),
        tokens::draw(data).map(|part| ("Tokens", part)),
        Some(("Run", run::draw(data))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let links = parts.iter().map(|(name, _)| {
        element("a")
            .with("href", format!("#{}", name.to_lowercase()))
            .text(name)
    });
    let body = element("body")
        .child(header(data))
        .child(
            element("nav")
                .with("aria-label", "Parts of this page")
                .children(links.collect::<Vec<_>>()),
        )
        .child(element("main").children(parts.into_iter().map(|(_, part)| part)))
        .child(footer());
    document(&data.title, body)
}

fn header(data: &ReportData) -> Element {
    let names: Vec<&str> = data
        .models
        .iter()
        .map(|model| model.name.as_str())
        .collect();
    let finished = data
        .steps
        .iter()
        .map(|step| step.started + step.seconds.max(0.0) as u64)
        .max();
    let finished = finished
        .map(|time| format!(" · {}", words::date(time)))
        .unwrap_or_default();
    let facts = format!(
        "{} on {} test reviews{finished}",
        words::list(&names),
        format::count(data.rows)
    );
    element("header")
        .child(element("h1").text(&data.title))
        .child(element("p").text(facts))
}
