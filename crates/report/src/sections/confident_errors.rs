//! The most confident errors of the best model, with the words that influenced the predictions.

use std::iter;

use maud::{Markup, html};
use pages::{Table, collapsed_section, quote};

use crate::data::{Disagreement, ReportData, WordWeight};
use crate::formatting;
use crate::function_words::is_function_word;

/// The section; `None` where there are none.
pub(crate) fn draw(data: &ReportData) -> Option<Markup> {
    let (best, _) = data.best()?;
    let errors = &data.confident_errors;
    let explainer = data.explained_by.as_deref().unwrap_or(&best.name);
    let caption = format!(
        "Wrong predictions of {} with the highest probability.",
        best.name
    );
    let others = data.models.len().saturating_sub(1);
    let table = Table::new(caption, errors)
        .texts("Text", marked)
        .words("Label", |it| &it.label)
        .words("Prediction", |it| &it.prediction)
        .numbers("Confidence", |it| formatting::percent(it.confidence))
        .numbers("Other models correct", |it| {
            format!("{} of {others}", it.others_correct)
        });
    let content = html! {
        @if errors.iter().any(|error| !error.words.is_empty()) {
            p {
                "Words that influenced the prediction of " (explainer) ": " mark.for-2 { "towards positive" } ", "
                mark.against-2 { "towards negative" } ". A stronger colour is a larger influence; the tooltip of a word \
                shows what it adds to the log-odds. Function words are not marked."
                @if explainer != best.name { " " (explainer) " is the member with the largest weight; its prediction can differ." }
            }
        }
        (table)
    };
    let answer = "Which wrong predictions the best model is most confident about.";
    let section = || {
        collapsed_section(
            "most-confident-errors",
            "Most confident errors",
            answer,
            content,
        )
    };
    (!errors.is_empty()).then(section)
}

/// A review with marks on the words that influenced the prediction.
fn marked(error: &Disagreement) -> Markup {
    let is_marked = |word: &&WordWeight| !is_function_word(&error.text[word.bytes.clone()]);
    let words: Vec<&WordWeight> = error.words.iter().filter(is_marked).collect();
    let starts = iter::once(0).chain(words.iter().map(|word| word.bytes.end));
    let last = words.last().map_or(0, |word| word.bytes.end);
    quote(html! {
        @for (start, word) in starts.zip(&words) {
            @let side = if word.weight >= 0.0 { "for" } else { "against" };
            @let level = match word.strength.abs() {
                strength if strength >= 0.6 => 3,
                strength if strength >= 0.3 => 2,
                _ => 1,
            };
            (error.text[start..word.bytes.start])
            mark class=(format!("{side}-{level}")) title=(format!("{:+.2}", word.weight)) {
                (error.text[word.bytes.clone()])
            }
        }
        (error.text[last..])
    })
}
