//! Learning curves of the neural networks.

use artifact::Split;
use maud::html;
use pages::{grid, paragraph};

use super::Collapsed;
use crate::data::ReportData;
use crate::pictures::curves;
use crate::{csv_downloads, format};

/// The section; `None` where no model has epochs.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
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
    let [train, validation] = [Split::Train, Split::Validation].map(rows);
    let text = format!(
        "Loss and accuracy by epoch on {train} training and {validation} validation reviews. The marked epoch has the lowest \
         validation loss; its weights are used."
    );
    let content = html! {
        (paragraph(text))
        p.legend {
            span { i class="key train" aria-hidden="true" {} "training, measured during the epoch with dropout" }
            span { i class="key validation" aria-hidden="true" {} "validation, measured after the epoch" }
        }
        @for (model, pictures) in models {
            figure { figcaption.name { (model.name) } (grid("two", pictures)) }
        }
        (csv_downloads::epochs(&data.models))
    };
    let answer = "Whether the networks were trained long enough, and whether they overfit.";
    Some((answer.into(), content))
}
