//! Confusion matrices and ROC curves.

use maud::{Markup, html};
use pages::{figure, grid, paragraph};

use super::Collapsed;
use crate::csv_downloads;
use crate::data::ReportData;
use crate::pictures::{confusion, roc};

/// The confusion matrix of every model; `None` without models.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let models = data.by_accuracy().into_iter();
    let matrices = models.map(|(index, it)| figure(confusion::draw(it, index), &it.name));
    let reviews = data.test_reviews();
    let percentages = "Percentages are shares of the reviews with the label of the row.";
    let content = html! {
        (paragraph(format!("Predictions on {reviews}. {percentages}")))
        (grid("three", matrices))
        (csv_downloads::confusions(&data.models))
    };
    let answer = "Reviews by true and predicted class.";
    (!data.models.is_empty()).then(|| (answer.into(), content))
}

/// The ROC curve of every model; `None` where no model has one.
pub(crate) fn draw_roc(data: &ReportData) -> Option<Collapsed> {
    let models = data.by_accuracy().into_iter();
    let curves = models.filter_map(|(index, it)| Some((roc::draw(&data.models, index)?, &it.name)));
    let curves: Vec<Markup> = curves.map(|(curve, name)| figure(curve, name)).collect();
    let has_curves = !curves.is_empty();
    let content = html! { (grid("three", curves)) (csv_downloads::roc(&data.models)) };
    let answer = "How many positive reviews are found at each rate of false positives; the other models are grey.";
    has_curves.then(|| (answer.into(), content))
}
