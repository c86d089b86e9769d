//! The page: one file that needs nothing else, from no network, for any screen and for paper.

use artifact::format;
use maud::html;
use pages::Page;

use crate::data::ReportData;
use crate::sections::{
    calibration, findings, models, reading, reviews, run, sweeps, tokens, training, tricks,
};
use crate::words;

/// The text of `report.html`.
pub fn render(data: &ReportData) -> String {
    let parts = [
        ("Findings", Some(findings::draw(data))),
        ("Data", Some(reviews::draw(data))),
        ("Models", Some(models::draw(data))),
        ("Reading", reading::draw(data)),
        ("Training", training::draw(data)),
        ("Settings", sweeps::draw(data)),
        ("Mistakes", Some(calibration::draw(data))),
        ("Trust", tricks::draw(data)),
        ("Tokens", tokens::draw(data)),
        ("Run", Some(run::draw(data))),
    ];
    let shown = parts.iter().filter(|(_, part)| part.is_some());
    let links: Vec<&str> = shown.map(|(name, _)| *name).collect();
    let names: Vec<&String> = data.models.iter().map(|model| &model.name).collect();
    let steps = data.steps.iter();
    let ends = steps.map(|step| step.started + step.seconds.max(0.0) as u64);
    let finished = ends.max().map(|time| format!(" · {}", words::date(time)));
    let (names, rows) = (words::list(&names), format::count(data.rows));
    let finished = finished.unwrap_or_default();
    let facts = format!("{names} on {rows} test reviews{finished}");
    let page = Page {
        title: &data.title,
        heading: &data.title,
        subtitle: &facts,
        links: &links,
        main: html! { @for part in parts.iter().filter_map(|(_, part)| part.as_ref()) { (part) } },
    };
    page.render()
}
