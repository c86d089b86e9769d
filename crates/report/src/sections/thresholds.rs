//! Precision and recall at other decision thresholds.

use maud::html;
use pages::{Table, remark};

use super::Collapsed;
use super::classes::percentage;
use crate::data::ReportData;
use crate::format;

/// The section: a table of the best model, with two columns per class. `None` without labelled test reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let (best, _) = data.best()?;
    let thresholds = best.classes.first()?.thresholds.iter().enumerate();
    let (name, rows, ci) = (&best.name, format::count(data.rows), data.ci());
    let caption =
        format!("{name}: precision and recall on {rows} test reviews with {ci}, by threshold.");
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
            "A class is predicted if its probability is at least the threshold. A higher threshold gives higher precision and \
             lower recall. ressenti predict uses 0.5; its output has the probabilities, so you can apply your own threshold.",
        ))
    };
    let answer = "What precision and recall another threshold than 0.5 gives.";
    Some((answer.into(), content))
}
