//! ConfusionMatrix matrices and ROC curves.

use artifact::format;
use maud::{Markup, html};
use pages::{collapsed_section, figure, grid, paragraph};

use crate::csv_downloads;
use crate::data::ReportData;
use crate::pictures::{confusion, roc};

/// The confusion matrix of every model; `None` without models.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let models = data.by_accuracy().into_iter();
    let matrices = models.map(|(index, model)| {
        figure(
            confusion::draw(&model.name, &model.confusion, index),
            &model.name,
        )
    });
    let content = html! {
        (paragraph(format!(
            "Predictions on {} test reviews. Percentages are shares of the reviews with the label of the row.",
            format::count(data.rows)
        )))
        (grid("three", matrices))
        (csv_downloads::confusions(&data.models))
    };
    let answer = "Reviews by true and predicted class.";
    let section = || collapsed_section("confusion-matrix", "Confusion matrix", answer, content);
    (!data.models.is_empty()).then(section)
}

/// The ROC curve of every model; `None` where no model has one.
pub(crate) fn draw_roc(data: &ReportData) -> Option<Markup> {
    let models = data.by_accuracy().into_iter();
    let curves = models
        .filter_map(|(index, model)| Some(figure(roc::draw(&data.models, index)?, &model.name)));
    let curves: Vec<Markup> = curves.collect();
    let content = html! {
        (grid("three", curves.clone()))
        (csv_downloads::roc(&data.models))
    };
    let answer = "How many positive reviews are found at each rate of false positives; the other models are grey.";
    (!curves.is_empty()).then(|| collapsed_section("roc-curves", "ROC curves", answer, content))
}
