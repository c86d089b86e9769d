//! How much of a figure is luck: models that were trained several times.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, paragraph};

use crate::data::{RepeatsData, ReportData};
use crate::numbers;
use crate::words;

/// The part of the models' section.
pub(super) fn draw(data: &ReportData) -> Markup {
    let caption = format!(
        "Accuracy (%) on {} test reviews over trainings that differ in the seed alone",
        format::count(data.rows)
    );
    let share = |value: f64| format!("{:.2}", 100.0 * value);
    let ends = |repeats: &RepeatsData| {
        let (low, high) = repeats.range();
        format!("{} to {}", share(low), share(high))
    };
    let deviation = |it: &RepeatsData| it.deviation().map_or_else(String::new, share);
    let table = Table::new(caption, &data.repeats)
        .names("Model", |it| &it.model)
        .numbers("Trainings", |it| it.accuracies.len())
        .numbers("Mean", |it| share(it.mean()))
        .numbers("Standard deviation", deviation)
        .numbers("Lowest to highest", ends)
        .numbers("Training time", |it| format::seconds(it.seconds));
    html! {
        h3 { "How much of it is luck?" }
        (paragraph(
            "The intervals above say what other test reviews would have changed. Initial weights, order and dropout \
             are drawn at random, too: a difference between two models that is smaller than the spread here says \
             little about the kind of model, however sure it is about these two.",
        ))
        (table)
        (numbers::repeats(&data.repeats))
    }
}

/// In a sentence: `gru is at 90.1 % on average of 3 trainings (89.8 to 90.4)`.
pub(super) fn in_words(data: &ReportData) -> Option<String> {
    let told = data.repeats.iter().map(|repeats| {
        let (low, high) = repeats.range();
        let (low, high) = (100.0 * low, 100.0 * high);
        let (model, count) = (&repeats.model, repeats.accuracies.len());
        let mean = format::percent(repeats.mean());
        format!("{model} reaches {mean} on average of {count} trainings ({low:.1} to {high:.1})")
    });
    let told = words::join(told, "; ");
    (!told.is_empty()).then_some(told)
}
