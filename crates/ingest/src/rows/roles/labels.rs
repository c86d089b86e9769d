//! Values that are labels, and those that only could be.

use super::is_number;
use crate::rows::evidence::Evidence;

/// Different values that a column of labels has at most.
pub(super) const MOST: usize = 20;

/// Values that answer a question, whichever it is: a verified purchase, a spoiler, an edit.
const ANSWERS: [&str; 12] = [
    "true", "false", "yes", "no", "t", "f", "y", "n", "1", "0", "1.0", "0.0",
];

/// Whether the values of a column speak of sentiment, so that it needs no name to be a label.
pub(super) fn speak(evidence: &Evidence, knows: impl Fn(&str) -> bool) -> bool {
    let answers = |value: &str| ANSWERS.contains(&value.to_lowercase().as_str());
    let says = |value: &str| knows(value) && !answers(value) && !is_number(value);
    evidence.values.len() > 1 && evidence.share(says) > 0.9
}

/// Lines of `[ingest.labels]` for values that are not known. A value whose meaning is likely stands
/// where it belongs; the others are for the user to place.
pub(super) fn lines(values: &[&str]) -> String {
    let of = |meaning: Option<bool>| -> Vec<String> {
        let those = values.iter().filter(|value| likely(value) == meaning);
        those.map(|value| quoted(value)).collect()
    };
    let mut lines = format!(
        "[ingest.labels]\npositive = [{}]\nnegative = [{}]\n",
        of(Some(true)).join(", "),
        of(Some(false)).join(", ")
    );
    let open = of(None);
    if !open.is_empty() {
        lines.push_str(&format!("# to be placed: {}\n", open.join(", ")));
    }
    lines
}

/// Whether a value likely means positive.
fn likely(value: &str) -> Option<bool> {
    let lower = value.to_lowercase();
    let (word, number) = (lower.as_str(), lower.parse::<f64>().ok());
    // Beginnings that the words have in many languages, and what else stands for them.
    let good = word.starts_with("pos") || matches!(word, "y" | "t" | "+") || number == Some(1.0);
    let bad = word.starts_with("neg") || word.starts_with("n\u{e9}g");
    let bad = bad || matches!(word, "n" | "f" | "-") || number == Some(0.0);
    (good != bad).then_some(good)
}

/// A value as TOML has it.
fn quoted(value: &str) -> String {
    toml::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::LabelValues;

    #[test]
    fn only_values_that_speak_of_sentiment_are_labels_by_themselves() {
        let check = |values: &[&str], expected: bool| {
            let evidence = Evidence::of(values.iter().copied());
            let labels = LabelValues::default();
            let found = speak(&evidence, |value| labels.contains(value));
            assert_eq!(found, expected, "{values:?}");
        };
        check(&["positive", "negative"], true);
        check(&["Pos", "NEG", "pos"], true);
        check(&["fresh", "rotten"], true);
        check(&["good", "bad"], true);
        check(&["recommended", "not recommended"], true);
        check(&["true", "false"], false);
        check(&["True", "False"], false);
        check(&["yes", "no"], false);
        check(&["1", "0"], false);
        check(&["t", "f"], false);
        check(&["good"], false);
        check(&["none", "none", "none", "red"], false);
    }

    #[test]
    fn likely_meanings_are_proposed_and_others_left_open() {
        assert_eq!(
            lines(&["positif", "n\u{e9}gatif", "neutre"]),
            "[ingest.labels]\npositive = [\"positif\"]\nnegative = [\"n\u{e9}gatif\"]\n\
             # to be placed: \"neutre\"\n"
        );
        assert_eq!(
            lines(&["1.00", "0.00"]),
            "[ingest.labels]\npositive = [\"1.00\"]\nnegative = [\"0.00\"]\n"
        );
    }
}
