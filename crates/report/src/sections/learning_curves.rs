//! Learning curves of the neural networks.

use artifact::{Split, format};
use maud::{Markup, html};
use pages::{collapsed_section, grid, paragraph};

use crate::csv_downloads;
use crate::data::ReportData;
use crate::pictures::curves;

/// The section; `None` where no model has epochs.
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
        "Loss and accuracy by epoch on {} training and {} validation reviews. The marked epoch has the lowest validation loss; \
         its weights are used.",
        rows(Split::Train),
        rows(Split::Validation)
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
    Some(collapsed_section(
        "learning-curves",
        "Learning curves",
        answer,
        content,
    ))
}
