//! Sentences about a trend, for the terminal and for the page.

use artifact::format;
use metrics::Estimate;
use quantification::Method;

use crate::backtest::{METHODS, STATE_SPACE, score};
use crate::data::{ChangePoint, Trend};

/// From this number of reviews on, another domain is recognised in nearly all cases
/// (experiments/2026-11-29-trend-trust.md).
const CHECKED_ROWS: usize = 100;

/// Maximum number of words listed for a change, in either direction.
const MAX_WORDS: usize = 8;

/// Warnings and the result.
pub(crate) fn result(trend: &Trend) -> Vec<String> {
    let languages = trend.language_warning.as_ref();
    let languages = languages.map(|warning| format!("Warning: {warning}."));
    let warnings = trend.warning.clone().into_iter().chain(languages);
    let sentences = warnings.chain(answer(trend)).chain(author_share(trend));
    sentences.collect()
}

/// The share of positive reviews by the authors' labels.
fn author_share(trend: &Trend) -> Option<String> {
    let (share, rows) = trend.overall_author_labels?;
    let rows = format::plural(rows as u64, "review", "reviews");
    let all = trend.file_author_labels.map(|(share, rows)| {
        let (share, rows) = (percent(share), format::count(rows as u64));
        format!(", and {share} of all {rows} reviews of the file")
    });
    Some(format!(
        "According to the authors' own labels, {} of these {rows}{} are positive.",
        percent(share),
        all.unwrap_or_default()
    ))
}

/// The result: the share of positive reviews, and whether it rose or fell. Empty if it cannot be estimated.
fn answer(trend: &Trend) -> Vec<String> {
    let Some(overall) = trend.overall else {
        return Vec::new();
    };
    let level = confidence_level(trend);
    let (share, interval) = (percent(overall.value), range(overall));
    let rows = format::count(trend.rows as u64);
    let mut sentences = vec![format!(
        "{share} of {rows} reviews are positive ({level} {interval})."
    )];
    if let ([first, .., last], Some(model)) = (trend.periods.as_slice(), &trend.model) {
        let span = format!(" from {} to {}", first.label, last.label);
        let change = describe_change(model.rise, &span, &level);
        let mix = change_at_constant_mix(trend, model.rise);
        let mix = mix.map_or_else(String::new, |mix| format!(" {mix}"));
        sentences.push(format!("The smoothed trend {change}.{mix}"));
    }
    sentences
}

/// `rose by 1.2 points from 2014 to 2018 (95% CI 0.2–2.2)`; `span` is ` from 2014 to 2018`, or empty.
fn describe_change(change: Estimate, span: &str, level: &str) -> String {
    let Estimate { value, low, high } = change;
    let by = |value: f64, low: f64, high: f64| {
        let range = range(Estimate { value, low, high });
        format!("by {:.1} points{span} ({level} {range})", 100.0 * value)
    };
    match (low > 0.0, high < 0.0) {
        (true, _) => format!("rose {}", by(value, low, high)),
        (_, true) => format!("fell {}", by(-value, -high, -low)),
        _ => {
            let [points, low, high] = [value, low, high].map(signed);
            format!("did not change significantly{span} ({points} points, {level} {low} to {high})")
        }
    }
}

/// Whether the topics or the opinions on them changed, if there are several topics.
fn change_at_constant_mix(trend: &Trend, change: Estimate) -> Option<String> {
    let mix = trend.topic_mix.as_ref()?;
    let is_significant = |it: Estimate| it.low > 0.0 || it.high < 0.0;
    let Some(constant) = &mix.constant_mix else {
        return is_significant(change).then(|| {
            "This may come from other topics and not from other opinions: the topics are too small, or overlap too little in time, to tell.".to_owned()
        });
    };
    let is_mostly_mix = constant.rise.value / change.value < 0.5;
    let at = match is_significant(change) && !is_significant(constant.rise) {
        true if is_mostly_mix => "This does not show a change of opinion: at",
        true => "It is not certain that opinions changed: at",
        false => "At",
    };
    Some(format!(
        "{at} a constant mix of topics, it {}; the mix of topics accounts for {} points.",
        describe_change(constant.rise, "", &confidence_level(trend)),
        signed(change.value - constant.rise.value)
    ))
}

/// The largest change, and the parts of it that come from opinions and from the mix of topics.
pub(crate) fn largest_change(change: &ChangePoint) -> String {
    let [before, after] = [change.before, change.after].map(|it| percent(it.value));
    let parts = [change.within_topics, change.mix_of_topics].map(|it| it.map(signed));
    let parts = match parts {
        [Some(within), Some(mix)] => format!(
            "; {within} points of it come from other opinions on the same topics, and {mix} points from another mix of topics"
        ),
        _ => String::new(),
    };
    format!(
        "The largest change came with {}: from {before} to {after}{parts} (probability of a change {:.2}).",
        change.label, change.probability
    )
}

/// The words that became more or less frequent with a change.
pub(crate) fn change_by_words(change: &ChangePoint) -> Vec<String> {
    let directions = [("More frequent", 1.0), ("Less frequent", -1.0)].into_iter();
    let sentences = directions.filter_map(|(direction, factor)| {
        let words = change.words.iter().filter(|it| factor * it.z > 4.0);
        let words: Vec<&str> = words.take(MAX_WORDS).map(|it| it.word.as_str()).collect();
        (!words.is_empty()).then(|| format!("{direction} since then: {}.", words.join(", ")))
    });
    sentences.collect()
}

/// How certain the result is, and why.
pub(crate) fn certainty(trend: &Trend, model: &str) -> Vec<String> {
    let groups = match trend.labelled_groups {
        Some(count) => format!(" in {} groups", format::count(count as u64)),
        None => String::new(),
    };
    let cross_fitted = match trend.labelled_cross_fitted {
        0 => String::new(),
        rows => format!(
            "; {} of them are training reviews, each predicted by a model that was not trained on it (cross-fitting)",
            format::count(rows as u64)
        ),
    };
    let correction = match trend.method {
        Method::ClassifyAndCount => "are not corrected for its error rates",
        _ => "are corrected for its error rates; the intervals include their uncertainty",
    };
    let labelled = format::count(trend.labelled as u64);
    let mut sentences = Vec::new();
    if trend.overall.is_some() {
        sentences.push(format!(
            "The model {model} predicts positive for {} of the reviews. The results {correction}.",
            percent(trend.overall_counted)
        ));
        sentences.push(format!(
            "The error rates come from {labelled} labelled reviews{groups}{cross_fitted}."
        ));
    }
    let period = trend.period.name();
    if let Some(authors) = &trend.author_comparison {
        let (periods, share) = (authors.periods as u64, percent(authors.coverage));
        let all = format::plural(periods, "interval", "intervals");
        let covered = match (authors.coverage * periods as f64).round() as u64 {
            0 => format!("0 of {all}"),
            covered if covered == periods && periods > 1 => format!("all {all}"),
            covered => format!("{} of {all} ({share})", format::count(covered)),
        };
        sentences.push(format!(
            "Check against the authors' own labels of {}, which the estimate does not use: {covered} covered the \
             authors' share. The mean error per {period} is {:.1} points ({:.1} for the smoothed trend, {:.1} for counting predicted labels).",
            format::plural(authors.rows as u64, "review", "reviews"),
            100.0 * authors.mean_absolute_error,
            100.0 * authors.mean_absolute_error_of_level,
            100.0 * authors.mean_absolute_error_counted,
        ));
    }
    if trend.rows < CHECKED_ROWS && trend.warning.is_none() {
        sentences.push(format!(
            "Fewer than {CHECKED_ROWS} reviews cannot always be recognised as another kind of text, to which the error rates do not apply."
        ));
    }
    if trend.training_rows > 0 {
        let reviews = format::plural(trend.training_rows as u64, "review was", "reviews were");
        sentences.push(format!(
            "{reviews} skipped, because the model was trained on their texts and its predictions of them are overconfident."
        ));
    }
    sentences.extend(forecast(trend));
    sentences.extend(trend.skipped.iter().map(|sentence| format!("{sentence}.")));
    sentences
}

/// How the forecast was chosen, or why there is none.
fn forecast(trend: &Trend) -> Option<String> {
    let period = trend.period.name();
    if let Some(needed) = trend.forecast_needs {
        let known = trend.periods.iter().filter(|it| it.rows > 0).count();
        let (one, many) = (format!("{period} has"), format!("{period}s have"));
        let known = format::plural(known as u64, &one, &many);
        return Some(format!(
            "There is no forecast: testing one on the past takes at least {needed} {period}s with reviews, without gaps, and {known} reviews."
        ));
    }
    let method = trend.forecast_method?;
    let next = trend.backtest.iter().find(|it| it.name == method)?;
    let scores = METHODS.map(|name| format!("{name} {:.1}", 100.0 * score(&trend.backtest, name)));
    let reason = match method {
        STATE_SPACE => "it beat repeating the last value and the overall mean",
        _ => "the state-space model behind the smoothed trend did not beat it",
    };
    Some(format!(
        "The forecast comes from the {method}, because {reason} in {} on the past (interval score in points, lower is better: {}). \
         {} of its intervals for the next {period} covered the outcome.",
        format::plural(next.forecasts as u64, "test", "tests"),
        scores.join(", "),
        percent(next.coverage)
    ))
}

/// The files in a title: `a.csv`, `a.csv and b.csv`, `a.csv and 4 other files`; `None` for uploaded reviews.
pub(crate) fn format_files(files: &[String]) -> Option<String> {
    match files {
        [] => None,
        [one] => Some(one.clone()),
        [one, two] => Some(format!("{one} and {two}")),
        [first, more @ ..] => Some(format!("{first} and {} other files", more.len())),
    }
}

/// `95% CI`.
pub(crate) fn confidence_level(trend: &Trend) -> String {
    format!("{}% CI", (10_000.0 * trend.confidence).round() / 100.0)
}

/// A share in percent: `45.9%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// A difference of shares in points, with its sign unless it is 0.
fn signed(difference: f64) -> String {
    match format!("{:+.1}", 100.0 * difference).as_str() {
        "+0.0" | "-0.0" => "0.0".to_owned(),
        signed => signed.to_owned(),
    }
}

/// An interval in percent: `37.4–54.6`.
pub(crate) fn range(estimate: Estimate) -> String {
    format!("{:.1}–{:.1}", 100.0 * estimate.low, 100.0 * estimate.high)
}

/// A share with its interval: `45.9% (37.4–54.6)`.
pub(crate) fn with_range(estimate: Estimate) -> String {
    format!("{} ({})", percent(estimate.value), range(estimate))
}
