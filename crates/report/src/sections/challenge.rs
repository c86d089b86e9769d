//! The challenge set: behavioural tests (CheckList), by capability.

use artifact::format;
use maud::{Markup, html};
use pages::{Table, collapsed_section, paragraph, quote};

use crate::csv_downloads;
use crate::data::{ChallengeExample, ChallengeResult, ReportData};
use crate::formatting;

/// The section; `None` where no model was tested.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let set = &data.challenge;
    let (_, cases) = set.capabilities.first()?;
    let (best, rate) = fewest_failures(data)?;
    let content = html! {
        (paragraph(description(data, *cases)))
        (table(data))
        (csv_downloads::challenge(data))
        @if !best.examples.is_empty() { (examples(best)) }
    };
    let answer = format!(
        "Which abilities, such as understanding negation, the models lack. {} fails the fewest of {cases} tests: {}.",
        best.name,
        formatting::percent(rate)
    );
    Some(collapsed_section(
        "challenge-set",
        "Challenge set",
        answer,
        content,
    ))
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
        format!("{} {}", model.name, formatting::percent(share))
    });
    let texts = format::plural(
        seen,
        "text is also a training review",
        "texts are also training reviews",
    );
    let without = formatting::join(without, ", ");
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
        let rate = |(index, _)| formatting::percent(set.failure_rate(model, index));
        table = table.numbers(&model.name, rate);
    }
    table
}

fn examples(model: &ChallengeResult) -> Table<&ChallengeExample> {
    let caption = format!(
        "{}: the most confident failure in each capability.",
        model.name
    );
    let share = |probability: f32| formatting::percent(probability.into());
    Table::new(caption, &model.examples)
        .names("Capability", |it| it.capability.replace('_', " "))
        .texts("Text", |it| quote(&it.text))
        .words("Expected", |it| &it.label)
        .numbers("Probability of positive", |it| share(it.probability))
}
