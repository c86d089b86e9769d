//! What the run found, in sentences: first whether the figures can be trusted, then the figures.

use artifact::format;
use maud::Markup;
use metrics::{Comparison, Estimate, FEW_ROWS, Metric};
use pages::section;

use super::repeats;
use crate::data::{ModelData, ReportData};
use crate::words;

/// The section at the top of the page.
pub(crate) fn draw(data: &ReportData) -> Markup {
    // The audit comes first, and then who is best.
    section("findings", "Findings", pages::findings(&sentences(data), 1))
}

/// The sentences, in the order of the page.
pub fn sentences(data: &ReportData) -> Vec<String> {
    let mut sentences: Vec<String> = audit(data).into_iter().collect();
    if let Some((best, accuracy)) = data.best() {
        sentences.extend(few(data.rows));
        sentences.push(best_in_words(data, best, accuracy));
        let others = [
            against_best(data, &best.name),
            equals_without(data, &best.name),
            repeats::in_words(data),
            baseline(best),
            calibration(data, best),
            tricks(data),
        ];
        sentences.extend(others.into_iter().flatten());
        sentences.push(time(data));
    } else {
        sentences.push("No model has an accuracy: there were no test reviews".to_owned());
    }
    let sentences = sentences.into_iter();
    sentences.map(|sentence| sentence + ".").collect()
}

/// How easily the models are tricked.
fn tricks(data: &ReportData) -> Option<String> {
    let set = &data.challenge;
    let (model, share) = super::tricks::least_tricked(data)?;
    let most = set.models.iter().max_by_key(|model| model.failed.first())?;
    let texts = format::count(set.capabilities.first()?.1);
    let (name, share) = (&model.name, format::percent(share));
    let sentence = format!("Of {texts} texts written to trick a model, {name} fails {share}");
    if most.name == model.name {
        return Some(sentence);
    }
    let (name, failed) = (&most.name, format::percent(set.share(most, 0)));
    Some(sentence + &format!(", the fewest, and {name} {failed}, the most"))
}

/// The audit comes before any accuracy.
fn audit(data: &ReportData) -> Option<String> {
    let lines = &data.reviews.audit;
    let found = lines.iter().filter(|line| line.count > 0);
    let found = found.map(|line| format!("{}: {}", line.what, format::count(line.count)));
    let found = words::join(found, "; ");
    if lines.is_empty() {
        None
    } else if found.is_empty() {
        Some("The audit found no copies of reviews and no leaks between the splits".to_owned())
    } else {
        Some(format!(
            "Before any figure, the audit of the data, explained below. {found}"
        ))
    }
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
    let (name, which) = (&best.name, if data.models.len() > 1 { "best " } else { "" });
    format!("The {which}model is {name}: {share} of {rows} right ({confidence} interval {range})")
}

/// The best model against each other one.
fn against_best(data: &ReportData, best: &str) -> Option<String> {
    let (mut leads, mut equals) = (Vec::new(), Vec::new());
    for pair in &data.comparisons {
        let other = match best {
            _ if pair.first == best => &pair.second,
            _ if pair.second == best => &pair.first,
            _ => continue,
        };
        match pair.better_model(words::alpha(data.confidence)) {
            Some((_, worse, lead)) => leads.push((worse, lead)),
            None => equals.push(other.as_str()),
        }
    }
    leads.sort_by(|one, two| one.1.value.total_cmp(&two.1.value));
    let leads = leads.into_iter().enumerate().map(|(place, (worse, lead))| {
        let unit = if place == 0 { " points" } else { "" };
        let (_, range) = words::share(lead);
        format!("{worse} by {:.1}{unit} ({range})", 100.0 * lead.value)
    });
    let leads = words::list(&leads.collect::<Vec<_>>());
    let equals = words::list(&equals);
    let parts = [
        (!leads.is_empty()).then(|| format!("{best} beats {leads}")),
        (!equals.is_empty()).then(|| format!("{best} cannot be told apart from {equals}")),
    ];
    let parts = parts.into_iter().flatten();
    parts.reduce(|one, two| format!("{one}; {two}"))
}

/// Pairs without the best model that cannot be told apart.
fn equals_without(data: &ReportData, best: &str) -> Option<String> {
    let alpha = words::alpha(data.confidence);
    let is_equal = |pair: &&Comparison| {
        pair.first != best && pair.second != best && !pair.is_significant(alpha)
    };
    let equal = data.comparisons.iter().filter(is_equal);
    let equal = equal.map(|it| format!("{} and {}", it.first, it.second));
    let equal = words::join(equal, "; ");
    (!equal.is_empty()).then(|| format!("Pairs that cannot be told apart: {equal}"))
}

/// What answering without reading would reach.
fn baseline(best: &ModelData) -> Option<String> {
    let rows = best.confusion.rows();
    let negative = best.confusion.true_negative + best.confusion.false_positive;
    let (class, most) = match rows - negative {
        positive if negative > positive => ("negative", negative),
        positive => ("positive", positive),
    };
    (rows > 0).then(|| {
        let share = format::percent(most as f64 / rows as f64);
        format!("Always answering “{class}” would be right on {share}")
    })
}

fn calibration(data: &ReportData, best: &ModelData) -> Option<String> {
    let error = best.figure(Metric::CalibrationError)?;
    let interval = match error.estimate() {
        Some(estimate) => {
            let (_, range) = words::share(estimate);
            format!("{} interval {range}", words::confidence(data.confidence))
        }
        None => "no interval: too few reviews or mistakes".to_owned(),
    };
    let (name, points) = (&best.name, 100.0 * error.value());
    Some(format!(
        "Probabilities given by {name} are off by {points:.1} points on average ({interval})"
    ))
}

fn time(data: &ReportData) -> String {
    let seconds: f64 = data.models.iter().map(|model| model.seconds).sum();
    let memory = data.models.iter().map(|model| model.peak_memory).max();
    let models = format::plural(data.models.len() as u64, "model", "models");
    let (time, memory) = (format::seconds(seconds), format::bytes(memory.unwrap_or(0)));
    format!("Training of {models} took {time} with at most {memory} of memory")
}
