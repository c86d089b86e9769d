//! How much of a figure is luck: models that were trained several times.

use artifact::format;

use crate::data::{RepeatsData, ReportData};
use crate::numbers;
use pages::{Element, element};
use pages::{heading, number, number_heading, paragraph, row_heading, table};

/// The part of the models' section; nothing where every model was trained once.
pub(super) fn draw(data: &ReportData) -> Option<Element> {
    if data.repeats.is_empty() {
        return None;
    }
    let lines = data.repeats.iter().map(line);
    let headings = [
        heading("Model"),
        number_heading("Trainings"),
        number_heading("Mean"),
        number_heading("Standard deviation"),
        number_heading("Lowest to highest"),
        number_heading("Training time"),
    ];
    let caption = format!(
        "Accuracy (%) on {} test reviews over trainings that differ in the seed alone",
        format::count(data.rows)
    );
    Some(
        element("div")
            .child(element("h3").text("How much of it is luck?"))
            .child(paragraph(
                "The intervals above say what other test reviews would have changed. Initial weights, order and dropout \
                 are drawn at random, too: a difference between two models that is smaller than the spread here says \
                 little about the kind of model, however sure it is about these two.",
            ))
            .child(table(&caption, headings, lines))
            .child(numbers::repeats(&data.repeats).link()),
    )
}

fn line(repeats: &RepeatsData) -> Vec<Element> {
    let share = |value: f64| format!("{:.2}", 100.0 * value);
    let (low, high) = repeats.range();
    vec![
        row_heading(&repeats.model),
        number(repeats.accuracies.len()),
        number(share(repeats.mean())),
        number(repeats.deviation().map_or_else(String::new, share)),
        number(format!("{} to {}", share(low), share(high))),
        number(format::seconds(repeats.seconds)),
    ]
}

/// In a sentence: `gru is at 90.1 % on average of 3 trainings (89.8 to 90.4)`.
pub(super) fn in_words(data: &ReportData) -> Option<String> {
    let told = data.repeats.iter().map(|repeats| {
        let (low, high) = repeats.range();
        format!(
            "{} reaches {} on average of {} trainings ({:.1} to {:.1})",
            repeats.model,
            format::percent(repeats.mean()),
            repeats.accuracies.len(),
            100.0 * low,
            100.0 * high
        )
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}
