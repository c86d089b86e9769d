//! How much accuracy depends on the seed: models that were trained several times.

use maud::{Markup, html};
use pages::{Table, paragraph};

use crate::data::{RepeatsData, ReportData};
use crate::{csv_downloads, format};

/// A paragraph and a table.
pub(super) fn draw(data: &ReportData) -> Markup {
    let reviews = data.test_reviews();
    let caption =
        format!("Accuracy on {reviews} in percent, of trainings that differ only in the seed.");
    let share = |value: f64| format!("{:.2}", 100.0 * value);
    let ends = |repeats: &RepeatsData| {
        let (low, high) = repeats.range();
        format!("{}–{}", share(low), share(high))
    };
    let deviation = |it: &RepeatsData| it.deviation().map_or_else(String::new, share);
    let table = Table::new(caption, &data.repeats)
        .names("Model", |it| &it.model)
        .numbers("Trainings", |it| it.accuracies.len())
        .numbers("Mean", |it| share(it.mean()))
        .numbers("Standard deviation", deviation)
        .numbers("Lowest–highest", ends)
        .numbers("Time of all trainings", |it| format::seconds(it.seconds));
    html! {
        (paragraph(
            "How much does accuracy depend on the seed, which decides initial weights, order and dropout? Confidence intervals \
             do not include this. A difference between two kinds of model that is smaller than the spread here says little.",
        ))
        (table)
        (csv_downloads::repeats(&data.repeats))
    }
}

/// One sentence, for example “`gru` has a mean accuracy of 90.1% in 3 trainings with different seeds (89.8–90.4).”
pub(super) fn sentence(data: &ReportData) -> Option<String> {
    let repeats = data.repeats.iter().map(|repeats| {
        let (low, high) = repeats.range();
        let (low, high, model) = (100.0 * low, 100.0 * high, &repeats.model);
        let trainings = format::plural(repeats.accuracies.len() as u64, "training", "trainings");
        let mean = format::percent(repeats.mean());
        format!("`{model}` has a mean accuracy of {mean} in {trainings} with different seeds ({low:.1}–{high:.1})")
    });
    let text = format::join(repeats, "; ");
    (!text.is_empty()).then(|| text + ".")
}
