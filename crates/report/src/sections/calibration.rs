//! What kinds of mistakes each model makes, whether its probabilities can be believed, and what
//! another threshold would give.

use artifact::format;
use maud::{Markup, html};
use metrics::{BrierParts, CalibrationFile, Metric, ProbabilityFigures};
use pages::{Table, figure, grid, paragraph, section, with_detail};

use crate::data::{ModelData, ReportData};
use crate::numbers;
use crate::pictures::{confusion, reliability, roc};
use crate::words;

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let rows = format::count(data.rows);
    let models = || data.models.iter().enumerate();
    let confusions = models().map(|(place, model)| {
        let picture = confusion::draw(&model.name, &model.confusion, place);
        figure(picture, &model.name)
    });
    let diagrams = models().filter(|(_, model)| !model.reliability.is_empty());
    let diagrams = diagrams.map(|(place, model)| {
        let error = model.figure(Metric::CalibrationError);
        let error = error.map(|it| words::figure(Metric::CalibrationError, it).0);
        let error = error.map_or_else(String::new, |error| format!(", ECE {error}"));
        let caption = format!("{}{error}", model.name);
        figure(reliability::draw(model, place), caption)
    });
    let curves: Vec<Markup> = models()
        .filter_map(|(place, model)| Some(figure(roc::draw(&data.models, place)?, &model.name)))
        .collect();
    let content = html! {
        h3 { "What was called what" }
        (paragraph(format!(
            "Decisions on {rows} test reviews; a review is called positive from a probability of one half on. \
             Percentages are of the reviews of the row's class."
        )))
        (grid("three", confusions))
        (numbers::confusions(&data.models))
        h3 { "Can the probabilities be believed?" }
        (paragraph(format!(
            "Test reviews ({rows}) in bins of equal size by the probability they were given, after calibration on \
             validation, and in grey before. On the dashed line a probability means what it says; whiskers are 95 % \
             intervals of each bin."
        )))
        (grid("three", diagrams))
        (numbers::reliability(&data.models))
        @if data.models.iter().any(|model| model.calibration.is_some()) { (before_and_after(data)) }
        @if !curves.is_empty() {
            h3 { "Other thresholds" }
            (paragraph(format!(
                "Positives found against negatives called positive, for every threshold on {rows} test reviews; \
                 the other models in grey."
            )))
            (grid("three", curves))
            (numbers::roc(&data.models))
        }
    };
    section("mistakes", "Mistakes and probabilities", content)
}

/// What calibration changed, and what the Brier score is made of.
fn before_and_after(data: &ReportData) -> Table<(&ModelData, &CalibrationFile)> {
    let models = data.models.iter();
    let known = models.filter_map(|model| Some((model, model.calibration.as_ref()?)));
    let caption = format!(
        "What calibration on validation changed on {} test reviews, and what the Brier score is made of afterwards: \
         unreliability (less is better) minus resolution (more is better) plus the uncertainty of the data",
        format::count(data.rows)
    );
    let change = |(_, it): (_, &CalibrationFile), read: fn(&ProbabilityFigures) -> f64| {
        format!("{:.4} to {:.4}", read(&it.before), read(&it.after))
    };
    let part = |(_, it): (_, &CalibrationFile), read: fn(&BrierParts) -> f64| {
        format!("{:.4}", read(&it.after.brier_parts))
    };
    Table::new(caption, known)
        .names("Model", |(model, it)| {
            with_detail((&model.name, &it.method))
        })
        .numbers("ECE", |row| change(row, |it| it.ece))
        .numbers("Log loss", |row| change(row, |it| it.log_loss))
        .numbers("Brier", |row| change(row, |it| it.brier))
        .numbers("Unreliability", |row| part(row, |it| it.reliability))
        .numbers("Resolution", |row| part(row, |it| it.resolution))
        .numbers("Uncertainty", |row| part(row, |it| it.uncertainty))
}
