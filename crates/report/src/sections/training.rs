//! How the nets learned.

use artifact::{Split, format};
use maud::{Markup, html};
use pages::{grid, paragraph, section};

use crate::data::ReportData;
use crate::numbers;
use crate::pictures::curves;

/// The section; nothing where no model has recorded an epoch.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let losses = curves::draw(&data.models, &curves::LOSS);
    let accuracies = curves::draw(&data.models, &curves::ACCURACY);
    let pairs = losses.into_iter().zip(accuracies);
    let pictures = pairs.map(|(loss, accuracy)| Vec::from_iter(loss.into_iter().chain(accuracy)));
    let models = data.models.iter().zip(pictures);
    let models = Vec::from_iter(models.filter(|(_, pictures)| !pictures.is_empty()));
    if models.is_empty() {
        return None;
    }
    let rows = |split: Split| {
        let count = data.reviews.split(split);
        let labelled = count.map(|it| it.negative + it.positive);
        labelled.map_or_else(|| "the".to_owned(), format::count)
    };
    let text = format!(
        "Each net by epoch on {} training and {} validation reviews, all on the same axes. The weights of the \
         marked epoch were kept: the one with the lowest loss on validation.",
        rows(Split::Train),
        rows(Split::Validation)
    );
    let content = html! {
        (paragraph(text))
        p.legend {
            span { i class="key train" aria-hidden="true" {} "train, measured while learning, dropout and all" }
            span { i class="key validation" aria-hidden="true" {} "validation, after the epoch" }
        }
        @for (model, pictures) in models {
            figure { figcaption.name { (model.name) } (grid("two", pictures)) }
        }
        (numbers::epochs(&data.models))
    };
    Some(section("training", "Training", content))
}
