//! Recognises label values and suggests settings for unknown ones.

use std::cmp::Ordering;

use settings::LabelValues;

use super::is_number;
use crate::rows::column_sample::{ColumnSample, MOST, RatingRange};
use crate::rows::values::{parse_number, parse_rating};

/// Maximum number of different values in a label column.
pub(super) const MAX_LABEL_VALUES: usize = 20;

/// Answers to any yes-or-no question, such as a verified purchase.
const YES_NO_VALUES: [&str; 12] = [
    "true", "false", "yes", "no", "t", "f", "y", "n", "1", "0", "1.0", "0.0",
];

/// What a label value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Positive,
    Negative,
    /// Neither positive nor negative.
    Neutral,
}

/// Words of label values in several languages. `_` is a space.
const WORDS: [(Meaning, &str); 3] = [
    (
        Meaning::Positive,
        "positive pos positif positiv positivo positiva positief pozytywny положительный 正面 积极 好评 \
         excellent outstanding good great perfect satisfied happy love loved like liked \
         recommended recommend thumbs_up up fresh yes y true t ja oui si sí sì sim tak da да 是 はい + 1 👍 \
         gut ausgezeichnet zufrieden empfohlen bien bon satisfait \
         bueno excelente bom ótimo buono ottimo eccellente goed uitstekend отлично хорошо promoter",
    ),
    (
        Meaning::Negative,
        "negative neg negatif négatif negativ negativo negativa negatief negatywny отрицательный 负面 消极 差评 \
         terrible horrible awful poor bad worst dissatisfied unsatisfied unhappy \
         hate hated dislike disliked not_recommended thumbs_down down rotten no n false f nein non não nie net нет 否 \
         いいえ - 0 👎 schlecht mangelhaft ungenügend unzufrieden nicht_empfohlen mauvais insatisfait \
         malo ruim péssimo cattivo pessimo slecht плохо ужасно detractor",
    ),
    (
        Meaning::Neutral,
        "neutral neu neutre neutro neutraal neutralny нейтральный 中性 中立 中评 mixed average ok okay so-so fair \
         mittel mittelmäßig moyen regular passive",
    ),
];

/// Words that strengthen or weaken a meaning.
const INTENSIFIERS: &str =
    "very extremely overwhelmingly mostly somewhat rather sehr eher très muy molto muito";

/// Whether a value answers a yes-or-no question.
pub(super) fn is_answer(value: &str) -> bool {
    YES_NO_VALUES.contains(&value.to_lowercase().as_str())
}

/// The meanings of numbers if lower ones are better.
pub(super) fn lower_is_better(
    sample: &ColumnSample,
    ratings: RatingRange,
) -> Vec<(&str, Option<Meaning>)> {
    let centre = (ratings.low + ratings.high) / 2.0;
    let meaning = |value: &str| match parse_rating(value)?.value.total_cmp(&centre) {
        Ordering::Less => Some(Meaning::Positive),
        Ordering::Equal => Some(Meaning::Neutral),
        Ordering::Greater => Some(Meaning::Negative),
    };
    let mut values = sample.most_common(MAX_LABEL_VALUES);
    values.sort_by(|one, two| one.0.cmp(two.0));
    values
        .into_iter()
        .map(|(value, _)| (value, meaning(value)))
        .collect()
}

/// Whether the values of a column express sentiment, so that the column needs no known name to be a label.
pub(super) fn express_sentiment(sample: &ColumnSample, knows: impl Fn(&str) -> bool) -> bool {
    let says = |value: &str| knows(value) && !is_answer(value) && !is_number(value);
    sample.len > 1 && sample.share(says) > MOST
}

/// Whether a column has numbers other than 0 and 1 that are not labels in the settings: then all its numbers are
/// ratings, because 1 would be a low rating and not a positive label. Beside 0, a few such values may be damaged.
pub(in crate::rows) fn has_rating_numbers(sample: &ColumnSample, labels: &LabelValues) -> bool {
    let is_rating = |value: &str| {
        let number = parse_number(value).filter(|number| *number != 0.0 && *number != 1.0);
        number.is_some() && !labels.contains(value)
    };
    let tolerated = if has_zero(sample) { 0.01 } else { 0.0 };
    sample.share(is_rating) > tolerated
}

fn has_zero(sample: &ColumnSample) -> bool {
    let mut counts = sample.counts();
    counts.any(|(value, _)| parse_number(value) == Some(0.0))
}

/// The values with their meanings, the most common first; `None` for an unknown meaning. The settings take
/// precedence.
pub(super) fn meanings<'a>(
    sample: &'a ColumnSample,
    labels: &LabelValues,
) -> Vec<(&'a str, Option<Meaning>)> {
    // Without 0, 1 may be a rating among ratings in words.
    let is_open = |value: &str| !labels.contains(value) && guess_meaning(value).is_none();
    let are_ratings = has_rating_numbers(sample, labels)
        || (!has_zero(sample) && sample.counts().any(|(value, _)| is_open(value)));
    let lists = |list: &[String], value: &str| {
        let mut list = list.iter();
        list.any(|known| known.trim().to_lowercase() == value.to_lowercase())
    };
    let meaning = |value: &str| match value {
        _ if are_ratings && is_number(value) => None,
        _ if lists(&labels.positive, value) => Some(Meaning::Positive),
        _ if lists(&labels.negative, value) => Some(Meaning::Negative),
        _ if lists(&labels.unlabelled, value) => Some(Meaning::Neutral),
        _ => guess_meaning(value),
    };
    let values = sample.most_common(MAX_LABEL_VALUES).into_iter();
    values.map(|(value, _)| (value, meaning(value))).collect()
}

/// Lines for a pipeline file that define the values. Values of unknown meaning are left to the user.
pub(super) fn suggest_settings(values: &[(&str, Option<Meaning>)]) -> String {
    let list = |meaning: Option<Meaning>| {
        let values = values.iter().filter(|(_, found)| *found == meaning);
        let values = values.map(|(value, _)| toml::Value::from(*value).to_string());
        values.collect::<Vec<_>>().join(", ")
    };
    let mut lines = format!(
        "[ingest.labels]\npositive = [{}]\nnegative = [{}]\nunlabelled = [{}]\n",
        list(Some(Meaning::Positive)),
        list(Some(Meaning::Negative)),
        list(Some(Meaning::Neutral)),
    );
    let unknown = list(None);
    if !unknown.is_empty() {
        lines.push_str(&format!("# add these to one of the lists: {unknown}\n"));
    }
    lines
}

/// Guesses what a value means; `None` if that is unclear.
pub(super) fn guess_meaning(value: &str) -> Option<Meaning> {
    let lower = value.trim().to_lowercase();
    let phrase = match lower.split_once(' ') {
        Some((word, rest)) if INTENSIFIERS.split(' ').any(|known| known == word) => rest,
        _ => lower.as_str(),
    };
    let phrase = phrase.replace(' ', "_");
    let is_listed = |list: &str| list.split_whitespace().any(|word| word == phrase);
    if let Some((meaning, _)) = WORDS.iter().find(|(_, list)| is_listed(list)) {
        return Some(*meaning);
    }
    let rating = parse_rating(value)?;
    match (rating.value, rating.out_of) {
        (1.0, None) if is_number(value) => Some(Meaning::Positive),
        (0.0, None) if is_number(value) => Some(Meaning::Negative),
        (_, None) => None,
        (number, Some(most)) if number / most > 0.6 => Some(Meaning::Positive),
        (number, Some(most)) if number / most < 0.5 => Some(Meaning::Negative),
        _ => Some(Meaning::Neutral),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::IngestSettings;

    fn sample(values: &[&str]) -> ColumnSample {
        ColumnSample::new(values.iter().copied(), &IngestSettings::default())
    }

    #[test]
    fn only_sentiment_words_are_labels_without_a_known_name() {
        let check = |values: &[&str], expected: bool| {
            let labels = LabelValues::default();
            let found = express_sentiment(&sample(values), |value| labels.contains(value));
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
    fn known_meanings_are_filled_in_and_others_are_open() {
        let check = |values: &[&str], expected: [&str; 4]| {
            let sample = sample(values);
            let lines = suggest_settings(&meanings(&sample, &LabelValues::default()));
            let [positive, negative, unlabelled, open] = expected;
            let open = match open {
                "" => String::new(),
                open => format!("# add these to one of the lists: {open}\n"),
            };
            let expected = format!(
                "[ingest.labels]\npositive = [{positive}]\nnegative = [{negative}]\nunlabelled = [{unlabelled}]\n{open}"
            );
            assert_eq!(lines, expected, "{values:?}");
        };
        check(
            &["positif", "négatif", "neutre", "autre"],
            ["\"positif\"", "\"négatif\"", "\"neutre\"", "\"autre\""],
        );
        check(&["1.00", "0.00"], ["\"1.00\"", "\"0.00\"", "", ""]);
        check(&["ja", "Nein"], ["\"ja\"", "\"Nein\"", "", ""]);
        check(
            &["Excellent", "Very poor", "Average"],
            ["\"Excellent\"", "\"Very poor\"", "\"Average\"", ""],
        );
        check(
            &["Recommended", "Not Recommended"],
            ["\"Recommended\"", "\"Not Recommended\"", "", ""],
        );
        check(&["+", "-"], ["\"+\"", "\"-\"", "", ""]);
        check(&["pos", "bof"], ["\"pos\"", "", "", "\"bof\""]);
        // One star is never positive.
        check(&["1", "5", "five"], ["", "", "", "\"1\", \"5\", \"five\""]);
        check(&["1", "0"], ["\"1\"", "\"0\"", "", ""]);
        check(&["1", "0", "maybe"], ["\"1\"", "\"0\"", "", "\"maybe\""]);
        check(
            &["4 of 5", "1/5", "3/5", "6/10"],
            ["\"4 of 5\"", "\"1/5\"", "\"3/5\", \"6/10\"", ""],
        );
    }
}
