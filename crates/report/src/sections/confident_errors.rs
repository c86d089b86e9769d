//! The most confident errors of the best model, with the words that influenced the predictions.

use std::iter;

use maud::{Markup, html};
use pages::{Table, quote};

use super::Collapsed;
use crate::data::{Disagreement, ReportData, WordWeight};
use crate::format;
use crate::function_words::is_function_word;

/// The section; `None` where there are none.
pub(crate) fn draw(data: &ReportData) -> Option<Collapsed> {
    let (best, _) = data.best()?;
    let (errors, name) = (&data.confident_errors, &best.name);
    let explainer = data.explained_by.as_ref().unwrap_or(name);
    let caption = format!("Wrong predictions of `{name}` with the highest probability.");
    let all = data.models.len().saturating_sub(1);
    let others = |it: &Disagreement| format!("{} of {all}", it.others_correct);
    let table = Table::new(caption, errors)
        .texts("Text", marked)
        .words("Label", |it| &it.label)
        .words("Prediction", |it| &it.prediction)
        .numbers("Confidence", |it| format::percent(it.confidence))
        .numbers("Other models correct", others);
    let content = html! {
        @if errors.iter().any(|error| !error.words.is_empty()) {
            p {
                "Words that influenced the prediction of " code { (explainer) } ": " mark.for-2 { "towards positive" } ", "
                mark.against-2 { "towards negative" } ". A stronger colour is a larger influence; the tooltip of a word \
                shows what it adds to the log-odds. Function words are not marked."
                @if *explainer != best.name { " " code { (explainer) } " is the member with the largest weight; its prediction can differ." }
            }
        }
        (table)
    };
    let answer = "Which wrong predictions the best model is most confident about.";
    (!errors.is_empty()).then(|| (answer.into(), content))
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
            mark class=(format!("{side}-{level}")) title=(format!("{:+.2}", word.weight)) { (error.text[word.bytes.clone()]) }
        }
        (error.text[last..])
    })
}
