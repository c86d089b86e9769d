//! Likely label errors: reviews whose label the best model contradicts with high confidence.

use maud::html;
use pages::{Table, csv_record, paragraph, quote};

use super::Collapsed;
use crate::data::{Disagreement, ReportData};
use crate::{LABEL_ERRORS, format};

/// The section; `None` where there are none.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let (count, shown) = &data.likely_label_errors;
    let (best, _) = data.best()?;
    if shown.is_empty() {
        return None;
    }
    let (rows, name) = (format::count(data.rows), &best.name);
    let count = format::plural(*count, "likely label error", "likely label errors");
    let listed = format::plural(shown.len() as u64, "review", "reviews");
    let caption = format!("The {listed} about which `{name}` is most confident.");
    let table = Table::new(caption, shown)
        .texts("Text", |it| quote(&it.text))
        .words("Label", |it| &it.label)
        .words("Prediction", |it| &it.prediction)
        .numbers("Confidence", |it| format::percent(it.confidence))
        .numbers("Row id", |it| it.row_id);
    let content = html! {
        (paragraph(format!(
            "{count} among {rows} test reviews, by confident learning: `{name}` gives the other class at least the mean \
             probability that it gives to reviews with that label. All of them are in `{LABEL_ERRORS}` next to this page. No label \
             was changed."
        )))
        (table)
    };
    let answer = format!(
        "Test reviews whose label the best model contradicts most strongly: {count}. Many are errors of the model."
    );
    Some((answer, content))
}

/// The text of `likely_label_errors.csv`: all of them, the most confident first.
pub fn csv(data: &ReportData) -> String {
    let head = csv_record(["row_id", "text", "label", "prediction", "confidence"]);
    let record = |it: &Disagreement| {
        let (id, confidence) = (it.row_id.to_string(), format!("{:.4}", it.confidence));
        csv_record([&id, &it.text, &it.label, &it.prediction, &confidence])
    };
    head + &data.label_error_rows.iter().map(record).collect::<String>()
}
