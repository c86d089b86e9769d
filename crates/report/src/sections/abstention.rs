//! Accuracy against coverage, for the choice of `predict --abstain`.

use artifact::format;
use maud::{Markup, html};
use metrics::AbstentionFigures;
use pages::{Table, collapsed_section, figure_with_csv, grid};

use super::classes::percentage;
use crate::csv_downloads;
use crate::data::{ModelData, ReportData};
use crate::formatting;
use crate::pictures::coverage;

/// The section, for the best model. `None` without labelled test reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let (best, _) = data.best()?;
    if best.abstention.is_empty() {
        return None;
    }
    let others = data.models.iter().filter(|model| model.name != best.name);
    let caption = format!(
        "{}: accuracy of the answered reviews by the share that is answered, with {}. The other models are grey.",
        best.name,
        formatting::ci(data.confidence)
    );
    let others: Vec<&ModelData> = others.collect();
    let picture = coverage::draw(best, &others)
        .map(|picture| figure_with_csv(picture, caption, csv_downloads::coverage(&data.models)));
    let content = html! { (grid("two", picture)) (table(data, best)) };
    let answer = "How accurate the model is if it answers only the reviews that it is confident about (predict --abstain).";
    Some(collapsed_section(
        "accuracy-and-coverage",
        "Accuracy and coverage",
        answer,
        content,
    ))
}

fn table<'a>(data: &ReportData, model: &'a ModelData) -> Table<&'a AbstentionFigures> {
    let caption = format!(
        "{} on {} test reviews: a review is answered if the probability of the predicted class is at least P; accuracy of the \
         answered reviews with {}.",
        model.name,
        format::count(data.rows),
        formatting::ci(data.confidence)
    );
    Table::new(caption, &model.abstention)
        .names("Abstain below P", |it| it.threshold)
        .numbers("Share answered", |it| formatting::percent(it.coverage))
        .numbers("Accuracy of these", |it| percentage(it.accuracy))
        .numbers("Answered", |it| format::count(it.answered))
}
