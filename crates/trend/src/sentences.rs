//! Sentences about a trend, for the terminal and for the page.

use artifact::format;
use metrics::Estimate;
use quantification::Method;

use crate::data::{ChangePoint, Trend};

/// Maximum number of words listed for a change, in either direction.
const MAX_WORDS: usize = 8;

/// A warning, if the model's error rates do not apply to these reviews.
pub(crate) fn warning(trend: &Trend, model: &str) -> Option<String> {
    let distance = trend.misfit?;
    Some(format!(
        "Warning: the scores of the model {model} on these reviews are distributed differently from those on the {} labelled \
         reviews behind its error rates (Kolmogorov-Smirnov distance {distance:.2}). Do not rely on the results below. Calibrate the model on a few \
         hundred labelled reviews of this kind: `--calibrate-on 300` or `--labelled FILE`.",
        format::count(trend.labelled as u64)
    ))
}

/// The result in one sentence: the share of positive reviews, and whether it rose or fell.
pub(crate) fn answer(trend: &Trend) -> String {
    let (level, overall) = (confidence_level(trend), trend.overall);
    let (share, interval) = (percent(overall.value), range(overall));
    let rows = format::count(trend.rows as u64);
    let mut answer = format!("{share} of {rows} reviews are positive ({level} {interval})");
    if let [first, .., last] = trend.periods.as_slice() {
        let Estimate { value, low, high } = trend.model.rise;
        let span = format!("from {} to {}", first.label, last.label);
        let by = |value: f64, low: f64, high: f64| {
            let range = range(Estimate { value, low, high });
            format!("by {:.1} points {span} ({level} {range})", 100.0 * value)
        };
        answer += ". The smoothed trend ";
        answer += &match (low > 0.0, high < 0.0) {
            (true, _) => format!("rose {}", by(value, low, high)),
            (_, true) => format!("fell {}", by(-value, -high, -low)),
            _ => {
                let [points, low, high] = [value, low, high].map(signed);
                format!(
                    "did not change significantly {span} ({points} points, {level} {low} to {high})"
                )
            }
        };
    }
    answer + "."
}

/// The largest change.
pub(crate) fn largest_change(change: &ChangePoint) -> String {
    let [before, after] = [change.before, change.after].map(|it| percent(it.value));
    format!(
        "The largest change came with {}: from {before} to {after} (probability of a change {:.2}).",
        change.label, change.probability
    )
}

/// The parts of a change that come from opinions and from the mix of topics, if there are several topics.
pub(crate) fn change_by_topics(change: &ChangePoint) -> Option<String> {
    let [within, mix] = [change.within_topics?, change.mix_of_topics?].map(signed);
    Some(format!(
        "Of this change, {within} points come from other opinions on the same topics, and {mix} points from another mix of topics."
    ))
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
    let groups = trend
        .labelled_groups
        .map(|count| format::count(count as u64));
    let groups = groups.map_or_else(String::new, |count| format!(" in {count} groups"));
    let cross_fitted = match trend.labelled_cross_fitted {
        0 => String::new(),
        rows => format!(
            "; {} of them are training reviews, each predicted by a model that was not trained on it (cross-fitting)",
            format::count(rows as u64)
        ),
    };
    let correction = match (trend.method, trend.misfit) {
        (Method::ClassifyAndCount, _) => "are not corrected for its error rates",
        (_, None) => "are corrected for its error rates; the intervals include their uncertainty",
        (_, Some(_)) => {
            "are corrected for its error rates on the labelled reviews. These may not apply here, so the intervals can be too narrow"
        }
    };
    let labelled = format::count(trend.labelled as u64);
    let mut sentences = vec![
        format!(
            "The model {model} predicts positive for {} of the reviews. The results {correction}.",
            percent(trend.overall_counted)
        ),
        format!("The error rates come from {labelled} labelled reviews{groups}{cross_fitted}."),
    ];
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
    sentences.extend(backtest(trend));
    let language_warning = trend.language_warning.iter();
    sentences.extend(language_warning.map(|warning| format!("Warning: {warning}.")));
    sentences.extend(trend.skipped.iter().map(|sentence| format!("{sentence}.")));
    sentences
}

fn backtest(trend: &Trend) -> Option<String> {
    let next: Vec<_> = trend.backtest.iter().filter(|it| it.horizon == 1).collect();
    let [model, last, mean] = next.try_into().ok()?;
    let (period, forecasts) = (trend.period.name(), model.forecasts);
    let covered = percent(model.coverage);
    let [score, last, mean] = [model, last, mean].map(|it| 100.0 * it.interval_score);
    Some(format!(
        "Forecasts of the next {period}, tested on the past {forecasts} times: {covered} of the intervals covered the outcome, \
         with an interval score of {score:.1} points (lower is better; repeating the last value: {last:.1}, the overall mean: {mean:.1})."
    ))
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
pub(crate) fn signed(difference: f64) -> String {
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
