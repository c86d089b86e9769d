//! Accuracy against coverage, for the choice of `predict --abstain`.

use maud::html;
use metrics::AbstentionFigures;
use pages::{Table, figure_with_csv, grid};

use super::Collapsed;
use super::classes::percentage;
use crate::data::{ModelData, ReportData};
use crate::pictures::coverage;
use crate::{csv_downloads, format};

/// The section, for the best model. `None` without labelled test reviews.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let (best, _) = data.best()?;
    if best.abstention.is_empty() {
        return None;
    }
    let (name, ci) = (&best.name, data.ci());
    let caption = format!(
        "`{name}`: accuracy of the answered reviews by the share that is answered, with {ci}. The other models are grey."
    );
    let others: Vec<&ModelData> = data.models.iter().filter(|it| it.name != *name).collect();
    let numbers = csv_downloads::coverage(&data.models);
    let picture = coverage::draw(best, &others).map(|it| figure_with_csv(it, caption, numbers));
    let content = html! { (grid("two", picture)) (table(data, best)) };
    let answer = "How accurate the model is if it answers only the reviews that it is confident about (`predict --abstain`).";
    Some((answer.into(), content))
}

fn table<'a>(data: &ReportData, model: &'a ModelData) -> Table<&'a AbstentionFigures> {
    let (name, reviews, ci) = (&model.name, data.test_reviews(), data.ci());
    let caption = format!(
        "`{name}` on {reviews}: a review is answered if the probability of the predicted class is at least P; \
         accuracy of the answered reviews with {ci}. Choose P on validation reviews, not here."
    );
    Table::new(caption, &model.abstention)
        .names("Abstain below P", |it| it.threshold)
        .numbers("Share answered", |it| format::percent(it.coverage))
        .numbers("Accuracy of these", |it| percentage(it.accuracy))
        .numbers("Answered", |it| format::count(it.answered))
}
