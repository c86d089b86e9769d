//! Accuracy on slices of the test reviews.

use maud::html;
use pages::Table;

use super::Collapsed;
use super::classes::percentage;
use crate::data::{ReportData, SliceData};
use crate::{csv_downloads, format};

/// The section; `None` without slices.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let models = data.by_accuracy();
    let (best, model) = models.first()?;
    let slices = data.worst_slices(*best);
    if slices.is_empty() {
        return None;
    }
    let (ci, name) = (data.ci(), &model.name);
    let caption = format!(
        "Accuracy on slices of the test reviews with {ci}; the lowest accuracy of `{name}` comes first. Slices overlap."
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
    Some((answer.into(), content))
}
