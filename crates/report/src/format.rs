//! Numbers, intervals and lists as the report prints them.

pub(crate) use artifact::format::{bytes, count, percent, plural, seconds};
use chrono::DateTime;
use metrics::{Comparison, Estimate, Figure, Metric};

/// The name of an interval: `95% CI`.
pub(crate) fn ci(confidence: f64) -> String {
    format!("{}% CI", (1000.0 * confidence).round() / 10.0)
}

/// A share and its interval in percent: `89.4%` and `89.0–89.8`.
pub(crate) fn share(estimate: Estimate) -> (String, String) {
    (percent(estimate.value), range(estimate))
}

/// The interval of a share in percent: `89.0–89.8`.
pub(crate) fn range(estimate: Estimate) -> String {
    let [low, high] = [estimate.low, estimate.high].map(|share| 100.0 * share);
    format!("{low:.1}–{high:.1}")
}

/// A figure and its interval: accuracy, precision and recall in percent, the others with three decimals.
pub(crate) fn figure(metric: Metric, figure: Figure) -> (String, String) {
    use Metric::{Accuracy, Precision, Recall};
    let is_share = matches!(metric, Accuracy | Precision | Recall);
    let value = match is_share {
        true => percent(figure.value()),
        false => format!("{:.3}", figure.value()),
    };
    let range = match (is_share, figure.estimate()) {
        (true, Some(estimate)) => range(estimate),
        (false, Some(Estimate { low, high, .. })) => format!("{low:.3}–{high:.3}"),
        (_, None) => "no interval".to_owned(),
    };
    (value, range)
}

/// A difference in percentage points with its sign: `+1.2`, `−0.4`.
fn signed(share: f64) -> String {
    format!("{:+.1}", 100.0 * share).replace('-', "−")
}

/// A difference and its interval in percentage points: `+1.2` and `+0.4 to +2.0`.
pub(crate) fn difference(estimate: Estimate) -> (String, String) {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(signed);
    (value, format!("{low} to {high}"))
}

/// The size of a difference in percentage points, and its interval: `1.2` and `95% CI 0.4–2.0`, or `95% CI −0.4 to 2.0`.
pub(crate) fn gap(estimate: Estimate, confidence: f64) -> (String, String) {
    let is_negative = estimate.value < 0.0;
    let size = if is_negative { -estimate } else { estimate };
    let [low, high] = [size.low, size.high].map(signed);
    let contains_zero = low.starts_with('−');
    let dash = if contains_zero { " to " } else { "–" };
    let range = format!("{} {low}{dash}{high}", ci(confidence)).replace('+', "");
    (format!("{:.1}", 100.0 * size.value.abs()), range)
}

/// The better one of two models: `lstm is better`.
pub(crate) fn verdict(pair: &Comparison, confidence: f64) -> String {
    match pair.better_model(1.0 - confidence) {
        Some((better, ..)) => format!("{better} is better"),
        None => "no significant difference".to_owned(),
    }
}

/// A p-value: `0.034`, or `below 0.001`.
pub(crate) fn p_value(value: f64) -> String {
    match value < 0.001 {
        true => "below 0.001".to_owned(),
        false => format!("{value:.3}"),
    }
}

/// The items with a separator between them.
pub(crate) fn join(items: impl IntoIterator<Item = String>, separator: &str) -> String {
    items.into_iter().collect::<Vec<_>>().join(separator)
}

/// `one`, `one and two`, `one, two and three`.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => items.concat(),
    }
}

/// The text with a capital first letter.
pub(crate) fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

/// A time from seconds since 1970: `2026-11-23 16:04 UTC`.
pub(crate) fn date(seconds: u64) -> String {
    let time = DateTime::from_timestamp(seconds.try_into().unwrap_or_default(), 0);
    let time = time.unwrap_or_default();
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_formatted() {
        let estimate = Estimate {
            value: 0.8941,
            low: 0.8903,
            high: 0.8978,
        };
        let pair = |(one, two): (String, String)| format!("{one} | {two}");
        let cases = [
            (ci(0.95), "95% CI"),
            (ci(0.995), "99.5% CI"),
            (pair(share(estimate)), "89.4% | 89.0–89.8"),
            (
                pair(figure(Metric::F1, Figure::Estimate(estimate))),
                "0.894 | 0.890–0.898",
            ),
            (
                pair(figure(Metric::Accuracy, Figure::Estimate(estimate))),
                "89.4% | 89.0–89.8",
            ),
            (
                pair(figure(Metric::Brier, Figure::ValueOnly { value: 0.1649 })),
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
            (capitalized("élan"), "Élan"),
            (date(0), "1970-01-01 00:00 UTC"),
            (date(951_827_696), "2000-02-29 12:34 UTC"),
            (date(1_795_449_885), "2026-11-23 16:04 UTC"),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
