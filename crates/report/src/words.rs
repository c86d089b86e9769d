//! CsvDownload and lists as the page prints them.

use artifact::format;
use chrono::DateTime;
use metrics::{Comparison, Estimate, Figure, Metric};

/// The probability below which two models count as told apart, for a confidence of the page.
pub(crate) fn alpha(confidence: f64) -> f64 {
    1.0 - confidence
}

/// The coverage of intervals: `95 %`.
pub(crate) fn confidence(confidence: f64) -> String {
    format!("{} %", (1000.0 * confidence).round() / 10.0)
}

/// A share and its interval in percent: `89.4 %` and `89.0 to 89.8`.
pub(crate) fn share(estimate: Estimate) -> (String, String) {
    let [low, high] = [estimate.low, estimate.high].map(|share| 100.0 * share);
    let range = format!("{low:.1} to {high:.1}");
    (format::percent(estimate.value), range)
}

/// A figure and its interval as the table prints them: accuracy in percent, the rest to three places.
pub(crate) fn figure(metric: Metric, figure: Figure) -> (String, String) {
    let (factor, places, value) = match metric {
        Metric::Accuracy => (100.0, 1, format::percent(figure.value())),
        _ => (1.0, 3, format!("{:.3}", figure.value())),
    };
    let range = match figure.estimate() {
        Some(Estimate { low, high, .. }) => {
            format!("{:.places$}–{:.places$}", factor * low, factor * high)
        }
        None => "no interval".to_owned(),
    };
    (value, range)
}

/// A difference in points with its sign: `+1.2`, `−0.4`.
fn signed(share: f64) -> String {
    format!("{:+.1}", 100.0 * share).replace('-', "−")
}

/// A difference and its interval in points: `+1.2` and `+0.4 to +2.0`.
pub(crate) fn difference(estimate: Estimate) -> (String, String) {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(signed);
    (value, format!("{low} to {high}"))
}

/// Which of two models is better: `lstm is better`.
pub(crate) fn verdict(pair: &Comparison, confidence: f64) -> String {
    match pair.verdict(alpha(confidence)) {
        Some((better, ..)) => format!("{better} is better"),
        None => "cannot be told apart".to_owned(),
    }
}

/// A p-value: `0.034`, or `below 0.001`.
pub(crate) fn p_value(value: f64) -> String {
    if value < 0.001 {
        "below 0.001".to_owned()
    } else {
        format!("{value:.3}")
    }
}

/// Items with something between them.
pub(crate) fn join(items: impl IntoIterator<Item = String>, between: &str) -> String {
    items.into_iter().collect::<Vec<_>>().join(between)
}

/// `one`, `one and two`, `one, two and three`.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => items.concat(),
    }
}

/// A time of the past: `2026-11-23 16:04 UTC`, from seconds since 1970.
pub(crate) fn date(seconds: u64) -> String {
    let time = DateTime::from_timestamp(seconds.try_into().unwrap_or_default(), 0);
    let time = time.unwrap_or_default();
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let estimate = Estimate {
            value: 0.8941,
            low: 0.8903,
            high: 0.8978,
        };
        let pair = |(one, two): (String, String)| format!("{one} | {two}");
        let cases = [
            (confidence(0.95), "95 %"),
            (confidence(0.995), "99.5 %"),
            (pair(share(estimate)), "89.4 % | 89.0 to 89.8"),
            (
                pair(figure(Metric::F1, Figure::Estimate(estimate))),
                "0.894 | 0.890–0.898",
            ),
            (
                pair(figure(Metric::Accuracy, Figure::Estimate(estimate))),
                "89.4 % | 89.0–89.8",
            ),
            (
                pair(figure(Metric::Brier, Figure::Alone { value: 0.1649 })),
                "0.165 | no interval",
            ),
            (signed(0.0123), "+1.2"),
            (signed(-0.0123), "−1.2"),
            (p_value(0.0341), "0.034"),
            (p_value(0.000_1), "below 0.001"),
            (list::<&str>(&[]), ""),
            (list(&["a"]), "a"),
            (list(&["a", "b"]), "a and b"),
            (list(&["a", "b", "c"]), "a, b and c"),
            (date(0), "1970-01-01 00:00 UTC"),
            (date(951_827_696), "2000-02-29 12:34 UTC"),
            (date(1_795_449_885), "2026-11-23 16:04 UTC"),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
