//! Precision, recall and F1 of every class.

use artifact::format;
use maud::{Markup, html};
use metrics::Estimate;
use pages::{Table, collapsed_section, remark, with_detail};

use crate::data::{ClassData, ModelData, ReportData};
use crate::formatting;

/// The section; `None` without labelled test reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let models = data.by_accuracy().into_iter().map(|(_, model)| model);
    let rows = models.flat_map(|model| model.classes.iter().map(move |class| (model, class)));
    let rows: Vec<(&ModelData, &ClassData)> = rows.collect();
    if data.rows == 0 || rows.is_empty() {
        return None;
    }
    let caption = format!(
        "Precision, recall and F1 of each class on {} test reviews with {}.",
        format::count(data.rows),
        formatting::ci(data.confidence)
    );
    let table = Table::new(caption, rows)
        .names("Model and class", |(model, class)| {
            with_detail((&model.name, &class.class))
        })
        .numbers("Test reviews", |(_, class)| {
            format::count(class.figures.rows)
        })
        .numbers("Precision", |(_, class)| {
            percentage(class.figures.precision)
        })
        .numbers("Recall", |(_, class)| percentage(class.figures.recall))
        .numbers("F1", |(_, class)| percentage(class.figures.f1));
    let content = html! {
        (table)
        (remark(
            "Precision: the share of the reviews predicted as the class that have this label. Recall: the share of the reviews \
             with this label that are predicted as the class. F1: their harmonic mean.",
        ))
    };
    let answer = "Precision, recall and F1 for each class.";
    Some(collapsed_section(
        "per-class-results",
        "Per-class results",
        answer,
        content,
    ))
}

/// A share with its interval, or a dash where it is not defined.
pub(super) fn percentage(estimate: Option<Estimate>) -> Markup {
    match estimate {
        Some(estimate) => with_detail(formatting::share(estimate)),
        None => html! { "–" },
    }
}
