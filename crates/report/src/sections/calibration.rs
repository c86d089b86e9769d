//! What kinds of mistakes each model makes, whether its probabilities can be believed, and what
//! another threshold would give.

use artifact::format;

use crate::data::ReportData;
use crate::numbers;
use crate::pictures::{confusion, reliability, roc};
use crate::words;
use pages::{Element, element};
use pages::{
    figure, grid, heading, number, number_heading, paragraph, row_heading, section, table,
};

/// The section.
pub(crate) fn draw(data: &ReportData) -> Element {
    let rows = format::count(data.rows);
    let confusions = data.models.iter().enumerate().map(|(place, model)| {
        figure(
            confusion::draw(&model.name, &model.confusion, place),
            &model.name,
        )
    });
    let diagrams = data
        .models
        .iter()
        .enumerate()
        .filter(|(_, model)| !model.reliability.is_empty());
    let diagrams = diagrams.map(|(place, model)| {
        let error = model.figures.get(metrics::Metric::CalibrationError.name());
        let error = error.map(|error| {
            format!(
                ", ECE {}",
                words::figure(metrics::Metric::CalibrationError, *error).0
            )
        });
        figure(
            reliability::draw(model, place),
            format!("{}{}", model.name, error.unwrap_or_default()),
        )
    });
    let curves: Vec<Element> = (0..data.models.len())
        .filter_map(|place| {
            Some(figure(
                roc::draw(&data.models, place)?,
                &data.models[place].name,
            ))
        })
        .collect();
    let mut part = section("mistakes", "Mistakes and probabilities")
        .child(element("h3").text("What was called what"))
        .child(paragraph(format!(
            "Decisions on {rows} test reviews; a review is called positive from a probability of one half on. \
             Percentages are of the reviews of the row's class."
        )))
        .child(grid("three", confusions))
        .child(numbers::confusions(&data.models).link())
        .child(element("h3").text("Can the probabilities be believed?"))
        .child(paragraph(format!(
            "Test reviews ({rows}) in bins of equal size by the probability they were given, after calibration on \
             validation, and in grey before. On the dashed line a probability means what it says; whiskers are 95 % \
             intervals of each bin."
        )))
        .child(grid("three", diagrams))
        .child(numbers::reliability(&data.models).link())
        .children(before_and_after(data));
    if !curves.is_empty() {
        part = part
            .child(element("h3").text("Other thresholds"))
            .child(paragraph(format!(
                "Positives found against negatives called positive, for every threshold on {rows} test reviews; \
                 the other models in grey."
            )))
            .child(grid("three", curves))
            .child(numbers::roc(&data.models).link());
    }
    part
}

/// What calibration changed, and what the Brier score is made of.
fn before_and_after(data: &ReportData) -> Option<Element> {
    let known = data
        .models
        .iter()
        .filter_map(|model| Some((model, model.calibration.as_ref()?)));
    let lines: Vec<Vec<Element>> = known
        .map(|(model, calibration)| {
            let (before, after) = (&calibration.before, &calibration.after);
            let parts = after.brier_parts;
            let change = |before: f64, after: f64| number(format!("{before:.4} to {after:.4}"));
            vec![
                row_heading(&model.name)
                    .child(element("span").class("range").text(&calibration.method)),
                change(before.ece, after.ece),
                change(before.log_loss, after.log_loss),
                change(before.brier, after.brier),
                number(format!("{:.4}", parts.reliability)),
                number(format!("{:.4}", parts.resolution)),
                number(format!("{:.4}", parts.uncertainty)),
            ]
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let caption = format!(
        "What calibration on validation changed on {} test reviews, and what the Brier score is made of afterwards: \
         unreliability (less is better) minus resolution (more is better) plus the uncertainty of the data",
        format::count(data.rows)
    );
    let headings = [
        heading("Model"),
        number_heading("ECE"),
        number_heading("Log loss"),
        number_heading("Brier"),
        number_heading("Unreliability"),
        number_heading("Resolution"),
        number_heading("Uncertainty"),
    ];
    Some(table(&caption, headings, lines))
}
