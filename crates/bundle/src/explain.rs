//! From what tokens contribute to what words do.

use std::ops::Range;

use serde::Serialize;

/// A word, and what it contributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// In nats of log-odds before calibration: above 0 it speaks for the positive class. 0 for what the
    /// model did not read.
    pub weight: f64,
}

/// A text and what drove the answer about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The text as the model was given it.
    pub text: String,
    /// Its words, in order.
    pub words: Vec<Word>,
}

/// A word as it goes into a file.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct WordWeight {
    /// The word.
    pub word: String,
    /// See [`Word::weight`].
    pub weight: f64,
}

/// A word, where it stands in the cleaned text, and what it contributes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WordSpan {
    /// The word.
    pub word: String,
    /// Where it begins in [`Explanation::text`], in bytes of UTF-8.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
    /// See [`Word::weight`].
    pub weight: f64,
}

impl Explanation {
    /// Its words in order, with their places.
    pub fn word_spans(&self) -> Vec<WordSpan> {
        let span = |word: &Word| WordSpan {
            word: self.text[word.range.clone()].to_owned(),
            start: word.range.start,
            end: word.range.end,
            weight: rounded(word.weight),
        };
        self.words.iter().map(span).collect()
    }

    /// The words that matter most, at most this many, the strongest first.
    pub fn strongest(&self, count: usize) -> Vec<WordWeight> {
        let words = self.words.iter().filter(|word| word.weight != 0.0);
        let mut words: Vec<&Word> = words.collect();
        words.sort_by(|one, two| two.weight.abs().total_cmp(&one.weight.abs()));
        let strongest = words.into_iter().take(count).map(|word| WordWeight {
            word: self.text[word.range.clone()].to_owned(),
            weight: rounded(word.weight),
        });
        strongest.collect()
    }
}

/// To four digits behind the point: more would be noise.
fn rounded(weight: f64) -> f64 {
    (weight * 1e4).round() / 1e4
}

/// The words of a text, which white space separates, with the sums of their tokens. A token belongs to
/// the word in which it ends: some tokenizers count the space before a word as part of it.
pub(crate) fn words_of(
    text: &str,
    tokens: impl Iterator<Item = (Option<Range<usize>>, f64)>,
) -> Vec<Word> {
    let start = text.as_ptr() as usize;
    let words = text.split_whitespace().map(|word| {
        let from = word.as_ptr() as usize - start;
        let range = from..from + word.len();
        Word { range, weight: 0.0 }
    });
    let mut words: Vec<Word> = words.collect();
    for (place, weight) in tokens {
        let Some(place) = place.filter(|place| !place.is_empty()) else {
            continue;
        };
        let word = words.partition_point(|word| word.range.end < place.end);
        if let Some(word) = words.get_mut(word) {
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
    fn tokens_are_put_together_by_word() {
        let text = "not a good-ish film";
        let tokens = [
            (None, 5.0),
            (Some(0..3), -1.0),
            (Some(3..5), 0.25),
            (Some(5..10), 1.0),
            (Some(10..11), 0.5),
            (Some(11..14), -0.25),
        ];
        let words = words_of(text, tokens.into_iter());
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
