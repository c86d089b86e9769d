//! Recognises label values and suggests settings for unknown ones.

use super::is_number;
use crate::rows::column_sample::ColumnSample;

/// Maximum number of different values in a label column.
pub(super) const MAX_LABEL_VALUES: usize = 20;

/// Answers to any yes-or-no question, such as a verified purchase.
const YES_NO_VALUES: [&str; 12] = [
    "true", "false", "yes", "no", "t", "f", "y", "n", "1", "0", "1.0", "0.0",
];

/// Whether the values of a column express sentiment, so that the column needs no known name to be a label.
pub(super) fn express_sentiment(sample: &ColumnSample, knows: impl Fn(&str) -> bool) -> bool {
    let answers = |value: &str| YES_NO_VALUES.contains(&value.to_lowercase().as_str());
    let says = |value: &str| knows(value) && !answers(value) && !is_number(value);
    sample.values.len() > 1 && sample.share(says) > 0.9
}

/// Suggests lines for `[ingest.labels]` with unknown values. Values of unclear meaning are left to the user.
pub(super) fn suggest_settings(values: &[&str]) -> String {
    let with_meaning = |meaning: Option<bool>| -> String {
        let values = values.iter().filter(|it| guess_positive(it) == meaning);
        let values = values.map(|it| toml::Value::from(*it).to_string());
        values.collect::<Vec<_>>().join(", ")
    };
    let (positive, negative) = (with_meaning(Some(true)), with_meaning(Some(false)));
    let mut lines = format!("[ingest.labels]\npositive = [{positive}]\nnegative = [{negative}]\n");
    let unknown = with_meaning(None);
    if !unknown.is_empty() {
        lines.push_str(&format!("# add these to one of the lists: {unknown}\n"));
    }
    lines
}

/// Guesses whether a value means positive; `None` if its meaning is unclear.
fn guess_positive(value: &str) -> Option<bool> {
    let lower = value.to_lowercase();
    let (word, number) = (lower.as_str(), lower.parse::<f64>().ok());
    // Word beginnings in several languages, and common abbreviations.
    let good = word.starts_with("pos") || matches!(word, "y" | "t" | "+") || number == Some(1.0);
    let bad = word.starts_with("neg") || word.starts_with("n\u{e9}g");
    let bad = bad || matches!(word, "n" | "f" | "-") || number == Some(0.0);
    (good != bad).then_some(good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::LabelValues;

    #[test]
    fn only_sentiment_words_are_labels_without_a_known_name() {
        let check = |values: &[&str], expected: bool| {
            let sample = ColumnSample::new(values.iter().copied());
            let labels = LabelValues::default();
            let found = express_sentiment(&sample, |value| labels.contains(value));
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
    fn likely_meanings_are_suggested() {
        assert_eq!(
            suggest_settings(&["positif", "n\u{e9}gatif", "neutre"]),
            "[ingest.labels]\npositive = [\"positif\"]\nnegative = [\"n\u{e9}gatif\"]\n\
             # add these to one of the lists: \"neutre\"\n"
        );
        assert_eq!(
            suggest_settings(&["1.00", "0.00"]),
            "[ingest.labels]\npositive = [\"1.00\"]\nnegative = [\"0.00\"]\n"
        );
    }
}
