//! Precision, recall and F1 of every class, and at other decision thresholds.

use maud::{Markup, html};
use metrics::Estimate;
use pages::{Table, remark, with_detail};

use super::Collapsed;
use crate::data::{ClassData, ReportData};
use crate::format;

/// The figures of every class; `None` without labelled test reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let models = data.by_accuracy().into_iter().map(|(_, model)| model);
    let classes = models.flat_map(|model| model.classes.iter().map(move |it| (&model.name, it)));
    let classes: Vec<(&String, &ClassData)> = classes.collect();
    if data.rows == 0 || classes.is_empty() {
        return None;
    }
    let (reviews, ci) = (data.test_reviews(), data.ci());
    let caption = format!("Precision, recall and F1 of each class on {reviews} with {ci}.");
    let table = Table::new(caption, classes)
        .names("Model and class", |it| with_detail((it.0, &it.1.class)))
        .numbers("Test reviews", |(_, it)| format::count(it.figures.rows))
        .numbers("Precision", |(_, it)| percentage(it.figures.precision))
        .numbers("Recall", |(_, it)| percentage(it.figures.recall))
        .numbers("F1", |(_, it)| percentage(it.figures.f1));
    let content = html! {
        (table)
        (remark(
            "Precision: the share of the reviews predicted as the class that have this label. Recall: the share of the reviews \
             with this label that are predicted as the class. F1: their harmonic mean.",
        ))
    };
    let answer = "Precision, recall and F1 for each class.";
    Some((answer.into(), content))
}

/// Precision and recall of the best model at other decision thresholds, with two columns per class. `None` without labelled
/// test reviews.
pub(crate) fn draw_thresholds(data: &ReportData) -> Option<Collapsed> {
    let (best, _) = data.best()?;
    let thresholds = best.classes.first()?.thresholds.iter().enumerate();
    let (name, reviews, ci) = (&best.name, data.test_reviews(), data.ci());
    let caption = format!("`{name}`: precision and recall on {reviews} with {ci}, by threshold.");
    let mut table = Table::new(caption, thresholds).names("Threshold", |(_, it)| it.threshold);
    for class in &best.classes {
        let name = format::capitalized(&class.class);
        let figures = |index: usize| class.thresholds.get(index);
        let precision = |index: usize| percentage(figures(index).and_then(|it| it.precision));
        let recall = |index: usize| percentage(figures(index).and_then(|it| it.recall));
        table = table
            .numbers(&format!("{name}: precision"), |(index, _)| precision(index))
            .numbers(&format!("{name}: recall"), |(index, _)| recall(index));
    }
    let content = html! {
        (table)
        (remark(
            "Each class separately: a review counts as the class if its probability is at least the threshold. `ressenti \
             predict` uses 0.5; apply another one to the probabilities of its output. Choose it on validation reviews, not here.",
        ))
    };
    let answer = "Precision and recall at thresholds other than 0.5.";
    Some((answer.into(), content))
}

/// A share with its interval, or a dash where it is not defined.
pub(super) fn percentage(estimate: Option<Estimate>) -> Markup {
    match estimate {
        Some(estimate) => with_detail(format::share(estimate)),
        None => html! { "–" },
    }
}
