//! How the nets learned.

use artifact::format;

use crate::data::{ModelData, ReportData};
use crate::numbers;
use crate::pictures::curves::{self, Measure};
use pages::{Element, element};
use pages::{grid, paragraph, section};

/// The section; nothing where no model has recorded an epoch.
pub(crate) fn draw(data: &ReportData) -> Option<Element> {
    let losses = curves::draw(&data.models, Measure::Loss);
    let accuracies = curves::draw(&data.models, Measure::Accuracy);
    if losses.is_empty() && accuracies.is_empty() {
        return None;
    }
    let rows = |split: artifact::Split| {
        let found = data
            .reviews
            .splits
            .iter()
            .find(|count| count.split == split);
        found.map_or_else(
            || "the".to_owned(),
            |count| format::count(count.negative + count.positive),
        )
    };
    let text = format!(
        "Each net by epoch on {} training and {} validation reviews, all on the same axes. The weights of the \
         marked epoch were kept: the one with the lowest loss on validation.",
        rows(artifact::Split::Train),
        rows(artifact::Split::Validation)
    );
    Some(
        section("training", "Training")
            .child(paragraph(text))
            .child(legend())
            .children(rows_of(losses, accuracies))
            .child(numbers::epochs(&data.models).link()),
    )
}

fn legend() -> Element {
    let key = |class: &'static str, text: &str| {
        element("span")
            .child(element("i").class(class).with("aria-hidden", "true"))
            .text(text)
    };
    element("p")
        .class("legend")
        .child(key(
            "key train",
            "train, measured while learning, dropout and all",
        ))
        .child(key("key validation", "validation, after the epoch"))
}

/// A model's loss and accuracy side by side.
fn rows_of(
    losses: Vec<(&ModelData, Element)>,
    mut accuracies: Vec<(&ModelData, Element)>,
) -> Vec<Element> {
    let mut rows = Vec::new();
    for (model, loss) in losses {
        let accuracy = accuracies
            .iter()
            .position(|(other, _)| other.name == model.name);
        let accuracy = accuracy.map(|place| accuracies.remove(place).1);
        rows.push(pair(model, [loss].into_iter().chain(accuracy)));
    }
    rows.extend(
        accuracies
            .into_iter()
            .map(|(model, accuracy)| pair(model, [accuracy])),
    );
    rows
}

fn pair(model: &ModelData, pictures: impl IntoIterator<Item = Element>) -> Element {
    let caption = element("figcaption").class("name").text(&model.name);
    element("figure")
        .child(caption)
        .child(grid("two", pictures))
}
