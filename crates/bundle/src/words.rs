//! From what tokens contribute to what words do.

use std::ops::Range;

/// A word, and what it contributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// Its bytes in the text.
    pub place: Range<usize>,
    /// In nats of log-odds before calibration: above 0 it speaks for the positive class. 0 for what the
    /// model did not read.
    pub weight: f64,
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
        let place = from..from + word.len();
        Word { place, weight: 0.0 }
    });
    let mut words: Vec<Word> = words.collect();
    for (place, weight) in tokens {
        let Some(place) = place.filter(|place| !place.is_empty()) else {
            continue;
        };
        let word = words.partition_point(|word| word.place.end < place.end);
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
            .map(|word| (&text[word.place.clone()], word.weight))
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
