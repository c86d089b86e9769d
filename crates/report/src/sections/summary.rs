//! The summary at the top: the best model, its comparison with the others, and the next steps.

use maud::{Markup, html};
use metrics::{Estimate, FEW_ROWS};
use pages::{paragraph, sentence};

use super::{data_checks, next_steps, repeats};
use crate::data::{InputLengthData, ModelData, ReportData, SubsetAccuracy, TokenizerData};
use crate::format;

/// The share of truncated test reviews from which on the summary mentions them.
const TRUNCATED: f64 = 0.05;

/// The share of reviews that a recommended `max_length` keeps whole, in percent; the quantile in `TokenizedSplit`.
const WHOLE: u64 = 95;

/// The section.
pub(crate) fn draw(data: &ReportData) -> Markup {
    let steps = next_steps::next_steps(data);
    html! {
        p.headline { (sentence(headline(data))) }
        @for text in evidence(data) { (paragraph(text)) }
        @if !steps.is_empty() {
            h3 { "What to do next" }
            ol.steps {
                @for (text, command) in &steps {
                    li { (sentence(text)) @if let Some(command) = command { pre { code { (command) } } } }
                }
            }
        }
    }
}

/// The summary and the data checks as sentences, for `report.json` and `report.md`.
pub fn sentences(data: &ReportData) -> Vec<String> {
    let mut sentences = vec![headline(data)];
    sentences.extend(evidence(data));
    let checks = data_checks::results(data).into_iter();
    let checks: Vec<String> = checks.map(|(result, _)| result).collect();
    if !checks.is_empty() {
        sentences.push(format!("Data checks: {}", checks.join(" ")));
    }
    let steps = next_steps::next_steps(data).into_iter();
    sentences.extend(steps.map(|(text, command)| match command {
        Some(command) => format!("Next step: {text} Command: `{command}`"),
        None => format!("Next step: {text}"),
    }));
    sentences
}

fn headline(data: &ReportData) -> String {
    let Some((best, accuracy)) = data.best() else {
        return "No model has an accuracy, because there are no labelled test reviews.".to_owned();
    };
    let (share, range) = format::share(accuracy);
    let rows = data.test_reviews();
    let ci = data.ci();
    let best = match data.models.len() {
        1 => format!("`{}`", best.name),
        _ => format!("Best model: `{}`", best.name),
    };
    format!("{best}, {share} accuracy ({ci} {range}) on {rows}.")
}

/// The sentences below the headline.
fn evidence(data: &ReportData) -> Vec<String> {
    let Some((best, accuracy)) = data.best() else {
        return Vec::new();
    };
    let mut sentences: Vec<String> = data.warnings.iter().map(|it| format!("{it}.")).collect();
    sentences.extend(few_rows(data.rows));
    sentences.extend(truncation(data));
    let others = [
        selection(data, best, accuracy),
        compared_with_others(data, &best.name),
        best.majority_class().map(|(class, share)| {
            let share = format::percent(share);
            format!("Always predicting “{class}” would reach {share}.")
        }),
        repeats::sentence(data),
    ];
    sentences.extend(others.into_iter().flatten());
    sentences
}

/// How the best model was chosen, and which models have a higher accuracy on the test reviews.
fn selection(data: &ReportData, best: &ModelData, accuracy: Estimate) -> Option<String> {
    let validation = best.validation.filter(|_| data.models.len() > 1)?;
    let (share, reviews) = (validation.accuracy, validation.rows);
    let reviews = format::plural(reviews, "validation review", "validation reviews");
    let mut text = format!(
        "`{}` was chosen by its accuracy on validation ({} of {reviews}), not on the test reviews; `ressenti predict`, `trend` \
         and `serve` use it unless `--model` names another one.",
        best.name,
        format::percent(share)
    );
    let others = data
        .models
        .iter()
        .filter_map(|it| Some((it, it.accuracy()?)));
    let higher = others.filter(|(_, other)| other.value > accuracy.value);
    let higher =
        higher.map(|(it, other)| format!("`{}` ({})", it.name, format::percent(other.value)));
    let higher: Vec<String> = higher.collect();
    if !higher.is_empty() {
        let have = if higher.len() == 1 { "has" } else { "have" };
        let list = format::list(&higher);
        text += &format!(
            " {list} {have} a higher test accuracy, but test reviews must not choose a model."
        );
    }
    Some(text)
}

/// A sentence for each tokenizer that truncates many test reviews: how many, the accuracy on them, and a better setting.
fn truncation(data: &ReportData) -> Vec<String> {
    let sentence = |tokenizer: &TokenizerData| {
        let models = data.by_accuracy().into_iter().map(|(_, model)| model);
        let lengths = models.filter_map(|model| {
            let mut lengths = data.input_lengths.iter();
            lengths.find(|it| it.model == model.name && it.tokenizer == tokenizer.name)
        });
        let lengths: Vec<&InputLengthData> = lengths.collect();
        let first = lengths.first()?;
        let share = first.truncated.filter(|share| *share > TRUNCATED)?;
        let accuracy = |subset: SubsetAccuracy| {
            let ((share, range), rows) = (format::share(subset.accuracy?), subset.rows);
            let rows = format::count(rows);
            Some(format!("{share} ({} {range}) on the {rows}", data.ci()))
        };
        let accuracies = accuracy(first.on_truncated).zip(accuracy(first.on_whole));
        let accuracies = accuracies.map_or(String::new(), |(truncated, whole)| {
            format!(
                " The accuracy of `{}` is {truncated} truncated and {whole} whole ones.",
                first.model
            )
        });
        let (name, max_length) = (&tokenizer.name, format::count(tokenizer.max_length));
        Some(format!(
            "{} of the test reviews are truncated, because the tokenizer `{name}` keeps at most {max_length} tokens.{accuracies}{}",
            format::percent(share),
            longer(tokenizer, &lengths).unwrap_or_default()
        ))
    };
    data.tokenizers.iter().filter_map(sentence).collect()
}

/// The setting with which most reviews are whole, as far as the encoders of the models allow.
fn longer(tokenizer: &TokenizerData, models: &[&InputLengthData]) -> Option<String> {
    let labelled = tokenizer
        .splits
        .iter()
        .filter(|it| it.split != "unlabelled");
    let needed = labelled.filter_map(|split| split.q95).max()?;
    // Rounded, so that the value does not change with every few reviews.
    let needed = needed.next_multiple_of(8);
    if needed <= tokenizer.max_length {
        return None;
    }
    let limit = models.iter().filter_map(|it| it.longest_input).min();
    let set = |max_length| {
        format!(
            "set `max_length = {max_length}` in `[tokenizer.{}]`",
            tokenizer.name
        )
    };
    let goal = format!("to keep {WHOLE}% of the reviews whole");
    Some(match limit.filter(|limit| *limit < needed) {
        None => format!(" {}, {}.", format::capitalized(&goal), set(needed)),
        Some(limit) => {
            let all = format!(
                "{goal}, {} and read them in `windows` of the model or its features",
                set(needed)
            );
            match limit > tokenizer.max_length {
                true => format!(
                    " The encoder reads at most {limit} tokens: {}; {all}.",
                    set(limit)
                ),
                false => format!(" The encoder reads at most {limit} tokens: {all}."),
            }
        }
    })
}

/// A warning where the test split is small.
pub(crate) fn few_rows(rows: u64) -> Option<String> {
    (rows < FEW_ROWS).then(|| {
        format!(
            "The figures are uncertain, because there {} only {}: at least {FEW_ROWS} are needed to choose a model.",
            if rows == 1 { "is" } else { "are" },
            format::plural(rows, "test review", "test reviews")
        )
    })
}

/// The results of the paired tests of the best model.
fn compared_with_others(data: &ReportData, best: &str) -> Option<String> {
    let level = data.significance_level();
    let (mut beaten, mut better, mut equal) = (Vec::new(), Vec::new(), Vec::new());
    for (name, lead, pair) in data.comparisons_with(best) {
        let side = if lead.value < 0.0 { "below" } else { "above" };
        let (points, ci) = format::gap(lead, data.confidence);
        if !pair.is_significant(level) {
            let p = format::p_value(pair.adjusted_p_value);
            equal.push(format!(
                "{points} points {side} `{name}` ({ci} of this pair alone; not significant after correction for all pairs, adjusted p {p})"
            ));
            continue;
        }
        let group = if lead.value < 0.0 {
            &mut better
        } else {
            &mut beaten
        };
        group.push(match group.is_empty() {
            true => format!("`{name}` (by {points} points, {ci})"),
            false => format!("`{name}`"),
        });
    }
    let groups = [
        (beaten, "significantly more accurate than "),
        (better, "significantly less accurate than "),
        (equal, ""),
    ];
    let groups = groups.iter().filter(|(models, _)| !models.is_empty());
    let text = format::join(
        groups.map(|(models, what)| format!("{what}{}", format::list(models))),
        "; it is ",
    );
    (!text.is_empty())
        .then(|| format!("`{best}` is {text}. These are paired tests on the same reviews."))
}
