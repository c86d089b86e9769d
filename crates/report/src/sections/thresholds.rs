//! Precision and recall at other decision thresholds.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, collapsed_section, remark};

use super::classes::percentage;
use crate::data::ReportData;
use crate::formatting;

/// The section: a table of the best model, with two columns per class. `None` without labelled test reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let (best, _) = data.best()?;
    let thresholds = best.classes.first()?.thresholds.iter().enumerate();
    let caption = format!(
        "{}: precision and recall on {} test reviews with {}, by threshold.",
        best.name,
        format::count(data.rows),
        formatting::ci(data.confidence)
    );
    let mut table = Table::new(caption, thresholds).names("Threshold", |(_, it)| it.threshold);
    for class in &best.classes {
        let name = formatting::capitalized(&class.class);
        let figures = |index: usize| class.thresholds.get(index);
        table = table
            .numbers(&format!("{name}: precision"), |(index, _)| {
                percentage(figures(index).and_then(|it| it.precision))
            })
            .numbers(&format!("{name}: recall"), |(index, _)| {
                percentage(figures(index).and_then(|it| it.recall))
            });
    }
    let content = html! {
        (table)
        (remark(
            "Each class separately: a review counts as the class if its probability is at least the threshold. ressenti \
             predict uses 0.5; apply another one to the probabilities of its output. Choose it on validation reviews, not here.",
        ))
    };
    let answer = "Precision and recall at thresholds other than 0.5.";
    Some(collapsed_section(
        "thresholds",
        "Thresholds",
        answer,
        content,
    ))
}
