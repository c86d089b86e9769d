//! What the run found, in sentences: first whether the figures can be trusted, then the figures.

use artifact::format;
use metrics::{Estimate, FEW_ROWS, Metric};

use super::repeats;
use crate::data::{ModelData, ReportData};
use crate::words;
use pages::Element;
use pages::section;

/// The section at the top of the page.
pub(crate) fn draw(data: &ReportData) -> Element {
    // The audit comes first, and then who is best.
    section("findings", "Findings").child(pages::findings(&sentences(data), 1))
}

/// The sentences, in the order of the page.
pub fn sentences(data: &ReportData) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.extend(audit(data));
    let Some((best, accuracy)) = data.best() else {
        sentences.push("No model has an accuracy: there were no test reviews".to_owned());
        return sentences.into_iter().map(ended).collect();
    };
    sentences.extend(few(data.rows));
    sentences.push(best_in_words(data, best, accuracy));
    sentences.extend(against_best(data, &best.name));
    sentences.extend(others(data, &best.name));
    sentences.extend(repeats::in_words(data));
    sentences.extend(baseline(best));
    sentences.extend(calibration(data, best));
    sentences.extend(tricks(data));
    sentences.push(time(data));
    sentences.into_iter().map(ended).collect()
}

/// How easily the models are tricked.
fn tricks(data: &ReportData) -> Option<String> {
    let (model, share) = super::tricks::least_tricked(data)?;
    let cases = data.challenge.capabilities.first()?.1;
    let most = data
        .challenge
        .models
        .iter()
        .max_by_key(|model| model.failed.first().copied())?;
    let failed = most.failed.first().copied().unwrap_or(0) as f64 / cases.max(1) as f64;
    let sentence = format!(
        "Of {} texts written to trick a model, {} fails {}",
        format::count(cases),
        model.name,
        format::percent(share)
    );
    Some(if most.name == model.name {
        sentence
    } else {
        format!(
            "{sentence}, the fewest, and {} {}, the most",
            most.name,
            format::percent(failed)
        )
    })
}

/// The audit comes before any accuracy.
fn audit(data: &ReportData) -> Option<String> {
    let lines = &data.reviews.audit;
    if lines.is_empty() {
        return None;
    }
    let found: Vec<String> = lines
        .iter()
        .filter(|line| line.count > 0)
        .map(|line| format!("{}: {}", line.what, format::count(line.count)))
        .collect();
    Some(if found.is_empty() {
        "The audit found no copies of reviews and no leaks between the splits".to_owned()
    } else {
        format!(
            "Before any figure, the audit of the data, explained below. {}",
            found.join("; ")
        )
    })
}

/// That so few test reviews say little, before what they say.
pub(crate) fn few(rows: u64) -> Option<String> {
    (rows < FEW_ROWS).then(|| {
        format!(
            "Figures of {} say little: have {FEW_ROWS} or more before anything is decided by them",
            format::plural(rows, "test review", "test reviews")
        )
    })
}

fn best_in_words(data: &ReportData, best: &ModelData, accuracy: Estimate) -> String {
    let (share, range) = words::share(accuracy);
    let rows = format::plural(data.rows, "test review", "test reviews");
    let confidence = words::confidence(data.confidence);
    let who = if data.models.len() > 1 {
        "The best model is"
    } else {
        "The model is"
    };
    format!(
        "{who} {}: {share} of {rows} right ({confidence} interval {range})",
        best.name
    )
}

/// The best model against each other one.
fn against_best(data: &ReportData, best: &str) -> Option<String> {
    let alpha = words::alpha(data.confidence);
    let pairs = data
        .comparisons
        .iter()
        .filter(|pair| pair.first == best || pair.second == best);
    let (mut leads, mut equals) = (Vec::new(), Vec::new());
    for pair in pairs {
        match pair.verdict(alpha) {
            Some((_, worse, lead)) => leads.push((worse, lead)),
            None => equals.push(if pair.first == best {
                pair.second.as_str()
            } else {
                pair.first.as_str()
            }),
        }
    }
    leads.sort_by(|one, two| one.1.value.total_cmp(&two.1.value));
    let mut parts = Vec::new();
    if !leads.is_empty() {
        let leads: Vec<String> = leads
            .into_iter()
            .enumerate()
            .map(|(place, (worse, lead))| {
                let [value, low, high] =
                    [lead.value, lead.low, lead.high].map(|share| 100.0 * share);
                let unit = if place == 0 { " points" } else { "" };
                format!("{worse} by {value:.1}{unit} ({low:.1} to {high:.1})")
            })
            .collect();
        parts.push(format!("{best} beats {}", words::list(&leads)));
    }
    if !equals.is_empty() {
        parts.push(format!(
            "{best} cannot be told apart from {}",
            words::list(&equals)
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Pairs without the best model that cannot be told apart.
fn others(data: &ReportData, best: &str) -> Option<String> {
    let alpha = words::alpha(data.confidence);
    let equal: Vec<String> = data
        .comparisons
        .iter()
        .filter(|pair| pair.first != best && pair.second != best && !pair.is_difference(alpha))
        .map(|pair| format!("{} and {}", pair.first, pair.second))
        .collect();
    (!equal.is_empty()).then(|| format!("Pairs that cannot be told apart: {}", equal.join("; ")))
}

/// What answering without reading would reach.
fn baseline(best: &ModelData) -> Option<String> {
    let negative = best.confusion.true_negative + best.confusion.false_positive;
    let rows = best.confusion.rows();
    let larger = negative.max(rows - negative);
    (rows > 0).then(|| {
        let class = if negative > rows - negative {
            "negative"
        } else {
            "positive"
        };
        format!(
            "Always answering “{class}” would be right on {}",
            format::percent(larger as f64 / rows as f64)
        )
    })
}

fn calibration(data: &ReportData, best: &ModelData) -> Option<String> {
    let error = best.figures.get(Metric::CalibrationError.name())?;
    let interval = match error.estimate() {
        Some(Estimate { low, high, .. }) => format!(
            "{} interval {:.1} to {:.1}",
            words::confidence(data.confidence),
            100.0 * low,
            100.0 * high
        ),
        None => "no interval: too few reviews or mistakes".to_owned(),
    };
    Some(format!(
        "Probabilities given by {} are off by {:.1} points on average ({interval})",
        best.name,
        100.0 * error.value()
    ))
}

fn time(data: &ReportData) -> String {
    let seconds: f64 = data.models.iter().map(|model| model.seconds).sum();
    let memory = data
        .models
        .iter()
        .map(|model| model.peak_memory)
        .max()
        .unwrap_or(0);
    let models = format::plural(data.models.len() as u64, "model", "models");
    format!(
        "Training of {models} took {} with at most {} of memory",
        format::seconds(seconds),
        format::bytes(memory)
    )
}

fn ended(sentence: String) -> String {
    format!("{sentence}.")
}
