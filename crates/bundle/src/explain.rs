//! Attributions of words, from the attributions of tokens.

use std::ops::Range;

use serde::Serialize;

/// A word of a text and its attribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// Range of bytes in the text.
    pub range: Range<usize>,
    /// Attribution to the log-odds of the positive class before calibration, in nats. 0 for words after the truncation.
    pub weight: f64,
}

/// A text with the attributions of its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The cleaned text.
    pub text: String,
    /// All words in order.
    pub words: Vec<Word>,
}

/// A word and its attribution, for output files.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct WordWeight {
    /// The word.
    pub word: String,
    /// See [`Word::weight`].
    pub weight: f64,
}

/// A word with its position and its attribution, for JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WordSpan {
    /// The word.
    pub word: String,
    /// Start in [`Explanation::text`], in UTF-8 bytes.
    pub start: usize,
    /// End in [`Explanation::text`], in UTF-8 bytes.
    pub end: usize,
    /// See [`Word::weight`].
    pub weight: f64,
}

impl Explanation {
    /// All words in order, with their positions.
    pub fn word_spans(&self) -> Vec<WordSpan> {
        let span = |word: &Word| WordSpan {
            word: self.text[word.range.clone()].to_owned(),
            start: word.range.start,
            end: word.range.end,
            weight: round_weight(word.weight),
        };
        self.words.iter().map(span).collect()
    }

    /// At most `count` words with the largest absolute attributions, the largest first.
    pub fn strongest(&self, count: usize) -> Vec<WordWeight> {
        let words = self.words.iter().filter(|word| word.weight != 0.0);
        let mut words: Vec<&Word> = words.collect();
        words.sort_by(|one, two| two.weight.abs().total_cmp(&one.weight.abs()));
        let strongest = words.into_iter().take(count).map(|word| WordWeight {
            word: self.text[word.range.clone()].to_owned(),
            weight: round_weight(word.weight),
        });
        strongest.collect()
    }
}

/// Rounds to four decimals.
fn round_weight(weight: f64) -> f64 {
    (weight * 1e4).round() / 1e4
}

/// The words of a text, separated by white space, with the sums of the attributions of their tokens. A token belongs to
/// the word in which it ends, because some tokenizers include the space before a word.
pub(crate) fn sum_by_word(
    text: &str,
    tokens: impl Iterator<Item = (Option<Range<usize>>, f64)>,
) -> Vec<Word> {
    let start = text.as_ptr() as usize;
    let words = text.split_whitespace().map(|word| {
        let offset = word.as_ptr() as usize - start;
        let range = offset..offset + word.len();
        Word { range, weight: 0.0 }
    });
    let mut words: Vec<Word> = words.collect();
    for (range, weight) in tokens {
        let Some(range) = range.filter(|range| !range.is_empty()) else {
            continue;
        };
        let index = words.partition_point(|word| word.range.end < range.end);
        if let Some(word) = words.get_mut(index) {
            word.weight += weight;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_words_come_first() {
        let word = |range, weight| Word { range, weight };
        let explanation = Explanation {
            text: "not a good-ish film".to_owned(),
            words: vec![
                word(0..3, -1.0),
                word(4..5, 0.25),
                word(6..14, 1.25),
                word(15..19, 0.0),
            ],
        };
        let strongest = explanation.strongest(2);
        let found: Vec<(&str, f64)> = strongest
            .iter()
            .map(|word| (word.word.as_str(), word.weight))
            .collect();
        assert_eq!(found, [("good-ish", 1.25), ("not", -1.0)]);
        assert_eq!(explanation.strongest(9).len(), 3);
    }

    #[test]
    fn attributions_of_tokens_are_summed_by_word() {
        let text = "not a good-ish film";
        let tokens = [
            (None, 5.0),
            (Some(0..3), -1.0),
            (Some(3..5), 0.25),
            (Some(5..10), 1.0),
            (Some(10..11), 0.5),
            (Some(11..14), -0.25),
        ];
        let words = sum_by_word(text, tokens.into_iter());
        let found: Vec<(&str, f64)> = words
            .iter()
            .map(|word| (&text[word.range.clone()], word.weight))
            .collect();
        assert_eq!(
            found,
            [
                ("not", -1.0),
                ("a", 0.25),
                ("good-ish", 1.25),
                ("film", 0.0)
            ]
        );
    }
}
