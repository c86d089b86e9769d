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
    let (accuracy, rows) = (data.accuracy(accuracy), data.test_reviews());
    let best = match data.models.len() {
        1 => format!("`{}`", best.name),
        _ => format!("Best model: `{}`", best.name),
    };
    format!("{best}, {accuracy} on {rows}.")
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
    let (name, share) = (&best.name, format::percent(validation.accuracy));
    let reviews = format::plural(validation.rows, "validation review", "validation reviews");
    let mut text = format!(
        "`{name}` was chosen by its accuracy on validation ({share} of {reviews}), not on the test reviews; `ressenti predict`, \
         `trend` and `serve` use it unless `--model` names another one."
    );
    let higher = data.models.iter().filter_map(|it| {
        let share = it.accuracy()?.value;
        (share > accuracy.value).then(|| format!("`{}` ({})", it.name, format::percent(share)))
    });
    let higher: Vec<String> = higher.collect();
    if !higher.is_empty() {
        let have = if higher.len() == 1 { "has" } else { "have" };
        let what = "a higher test accuracy, but test reviews must not choose a model";
        text += &format!(" {} {have} {what}.", format::list(&higher));
    }
    Some(text)
}

/// A sentence for each tokenizer that truncates many test reviews: how many, the accuracy on them, and a better setting.
fn truncation(data: &ReportData) -> Vec<String> {
    let sentence = |tokenizer: &TokenizerData| {
        let lengths = data.by_accuracy().into_iter().filter_map(|(_, model)| {
            let mut lengths = data.input_lengths.iter();
            lengths.find(|it| it.model == model.name && it.tokenizer == tokenizer.name)
        });
        let lengths: Vec<&InputLengthData> = lengths.collect();
        let first = lengths.first()?;
        let share = first.truncated.filter(|share| *share > TRUNCATED)?;
        let accuracy = |subset: SubsetAccuracy| {
            let ((share, range), rows) = (format::share(subset.accuracy?), subset.rows);
            let (rows, ci) = (format::count(rows), data.ci());
            Some(format!("{share} ({ci} {range}) on the {rows}"))
        };
        let model = &first.model;
        let accuracies = accuracy(first.on_truncated).zip(accuracy(first.on_whole));
        let accuracies = accuracies.map_or(String::new(), |(truncated, whole)| {
            format!(" The accuracy of `{model}` is {truncated} truncated and {whole} whole ones.")
        });
        let (name, max_length) = (&tokenizer.name, format::count(tokenizer.max_length));
        let (share, advice) = (format::percent(share), longer(tokenizer, &lengths));
        Some(format!(
            "{share} of the test reviews are truncated, because the tokenizer `{name}` keeps at most {max_length} \
             tokens.{accuracies}{}",
            advice.unwrap_or_default()
        ))
    };
    data.tokenizers.iter().filter_map(sentence).collect()
}

/// The setting with which most reviews are whole, as far as the encoders of the models allow.
fn longer(tokenizer: &TokenizerData, models: &[&InputLengthData]) -> Option<String> {
    let (name, splits) = (&tokenizer.name, tokenizer.splits.iter());
    let labelled = splits.filter(|it| it.split != "unlabelled");
    let needed = labelled.filter_map(|split| split.q95).max()?;
    // Rounded, so that the value does not change with every few reviews.
    let needed = needed.next_multiple_of(8);
    if needed <= tokenizer.max_length {
        return None;
    }
    let limit = models.iter().filter_map(|it| it.longest_input).min();
    let set = |length| format!("set `max_length = {length}` in `[tokenizer.{name}]`");
    let all = format!("to keep {WHOLE}% of the reviews whole, {}", set(needed));
    let Some(limit) = limit.filter(|limit| *limit < needed) else {
        return Some(format!(" {}.", format::capitalized(&all)));
    };
    let windows = "read them in `windows` of the model or its features";
    let most = match limit > tokenizer.max_length {
        true => format!("{}; ", set(limit)),
        false => String::new(),
    };
    let text = format!(" The encoder reads at most {limit} tokens: {most}{all} and {windows}.");
    Some(text)
}

/// A warning where the test split is small.
pub(crate) fn few_rows(rows: u64) -> Option<String> {
    let are = if rows == 1 { "is" } else { "are" };
    let reviews = format::plural(rows, "test review", "test reviews");
    let text = format!(
        "The figures are uncertain, because there {are} only {reviews}: at least {FEW_ROWS} are needed to choose a model."
    );
    (rows < FEW_ROWS).then_some(text)
}

/// The results of the paired tests of the best model.
fn compared_with_others(data: &ReportData, best: &str) -> Option<String> {
    let level = data.significance_level();
    let (mut beaten, mut better, mut equal) = (Vec::new(), Vec::new(), Vec::new());
    for (name, lead, pair) in data.comparisons_with(best) {
        let (points, ci) = format::gap(lead, data.confidence);
        let (group, side) = match lead.value < 0.0 {
            true => (&mut better, "below"),
            false => (&mut beaten, "above"),
        };
        if !pair.is_significant(level) {
            let p = format::p_value(pair.adjusted_p_value);
            equal.push(format!(
                "{points} points {side} `{name}` ({ci} of this pair alone; not significant after correction for all pairs, adjusted p {p})"
            ));
        } else if group.is_empty() {
            group.push(format!("`{name}` (by {points} points, {ci})"));
        } else {
            group.push(format!("`{name}`"));
        }
    }
    let groups = [
        (beaten, "significantly more accurate than "),
        (better, "significantly less accurate than "),
        (equal, ""),
    ];
    let groups = groups.iter().filter(|(models, _)| !models.is_empty());
    let groups = groups.map(|(models, what)| format!("{what}{}", format::list(models)));
    let text = format::join(groups, "; it is ");
    let tests = "These are paired tests on the same reviews.";
    (!text.is_empty()).then(|| format!("`{best}` is {text}. {tests}"))
}
