//! The challenge set: behavioural tests (CheckList), by capability.

use maud::html;
use pages::{Table, paragraph, quote};

use super::Collapsed;
use crate::data::{ChallengeExample, ChallengeResult, ReportData};
use crate::{csv_downloads, format};

/// The section; `None` where no model was tested.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let set = &data.challenge;
    let (_, cases) = set.capabilities.first()?;
    let (best, rate) = fewest_failures(data)?;
    let content = html! {
        (paragraph(description(data, *cases)))
        (table(data))
        (csv_downloads::challenge(data))
        @if !best.examples.is_empty() { (examples(best)) }
    };
    let (name, rate) = (&best.name, format::percent(rate));
    let answer = format!(
        "Which abilities, such as understanding negation, the models lack. `{name}` fails the fewest of {cases} tests: {rate}."
    );
    Some((answer, content))
}

/// The model with the fewest failures, and its failure rate.
fn fewest_failures(data: &ReportData) -> Option<(&ChallengeResult, f64)> {
    let set = &data.challenge;
    let model = set.models.iter().min_by_key(|model| model.failed.first())?;
    Some((model, set.failure_rate(model, 0)))
}

fn description(data: &ReportData, cases: u64) -> String {
    let set = &data.challenge;
    let text = format!(
        "{} in the style of CheckList. A test fails if the predicted label is wrong. The second text of a pair also fails if its \
         probability does not differ from that of the first as expected.",
        format::plural(cases, "behavioural test", "behavioural tests")
    );
    let seen = set.models.iter().map(|model| model.seen).max().unwrap_or(0);
    if seen == 0 {
        return text + " None of the texts is a training review.";
    }
    let without = set.models.iter().map(|model| {
        let share = model.unseen.1 as f64 / model.unseen.0.max(1) as f64;
        format!("`{}` {}", model.name, format::percent(share))
    });
    let one = "text is also a training review";
    let texts = format::plural(seen, one, "texts are also training reviews");
    let without = format::join(without, ", ");
    format!("{text} {texts}; failure rates without them: {without}.")
}

/// Failure rates with the models in columns, those with the fewest failures first.
fn table(data: &ReportData) -> Table<(usize, &(String, u64))> {
    let set = &data.challenge;
    let mut models: Vec<&ChallengeResult> = set.models.iter().collect();
    models.sort_by_key(|model| model.failed.first());
    let caption = "Failure rate of each model by capability. Lower is better.";
    let mut table = Table::new(caption, set.capabilities.iter().enumerate())
        .names("Capability", |(_, (name, _))| name.replace('_', " "))
        .numbers("Tests", |(_, (_, cases))| *cases);
    for model in models {
        let rate = |(index, _)| format::percent(set.failure_rate(model, index));
        table = table.numbers(&model.name, rate);
    }
    table
}

fn examples(model: &ChallengeResult) -> Table<&ChallengeExample> {
    let name = &model.name;
    let caption = format!("`{name}`: the most confident failure in each capability.");
    let share = |probability: f32| format::percent(probability.into());
    Table::new(caption, &model.examples)
        .names("Capability", |it| it.capability.replace('_', " "))
        .texts("Text", |it| quote(&it.text))
        .words("Expected", |it| &it.label)
        .numbers("Probability of positive", |it| share(it.probability))
}
