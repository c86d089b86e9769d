//! Accuracy on slices of the test reviews.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, collapsed_section};

use super::classes::percentage;
use crate::csv_downloads;
use crate::data::{ReportData, SliceData};
use crate::formatting;

/// The section; `None` without slices.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let models = data.by_accuracy();
    let (best, model) = models.first()?;
    let slices = data.worst_slices(*best);
    if slices.is_empty() {
        return None;
    }
    let caption = format!(
        "Accuracy on slices of the test reviews with {}; the lowest accuracy of {} comes first. Slices overlap.",
        formatting::ci(data.confidence),
        model.name
    );
    let mut table: Table<&SliceData> = Table::new(caption, slices)
        .names("Reviews", |slice| &slice.name)
        .numbers("Number", |slice| format::count(slice.rows));
    for (index, model) in &models {
        let accuracy = |slice: &SliceData| percentage(slice.accuracy(*index, data.confidence));
        table = table.numbers(&model.name, accuracy);
    }
    let content = html! { (table) (csv_downloads::slices(data)) };
    let answer = "On which subsets of the test reviews the models are less accurate.";
    Some(collapsed_section("slices", "Slices", answer, content))
}
