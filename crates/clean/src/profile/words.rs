//! Finds words that are typical of one class.
//!
//! The score is the log-odds ratio with an informative Dirichlet prior by Monroe, Colaresi and Quinn,
//! "Fightin' Words" (Political Analysis 16, 2008), equations 15, 20, 22 and 23: how much more often a word
//! occurs in one class than in the other, in units of its standard deviation. The prior uses the frequencies of
//! both classes together, so that rare words and generally frequent words get low scores.

use std::collections::HashMap;

use artifact::Sentiment;
use rayon::prelude::*;

use super::{ClassWords, TellingWord};

/// Number of words per class.
const WORDS: usize = 15;

/// Weight of the prior, in words.
const PRIOR: f64 = 1000.0;

/// Number of reviews that a thread counts at a time.
const CHUNK: usize = 2048;

/// The counts of a word.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    occurrences: [u64; 2],
    reviews: [u64; 2],
    /// Position of the last review with the word, plus one.
    last_review: usize,
}

type Counts = HashMap<Box<str>, Count>;

/// Maximum number of words before rare ones are dropped.
const MAX_WORDS: usize = 1 << 21;

/// Counts words in bounded memory. If there are too many words, the rarest are dropped, so that no count is too
/// low by more than `forgotten` (lossy counting, Manku and Motwani 2002). Distinctive words are not that
/// rare.
#[derive(Debug, Default)]
pub(crate) struct WordCounts {
    counts: Counts,
    forgotten: u64,
}

impl WordCounts {
    /// Counts the words of training reviews.
    pub(crate) fn add(&mut self, reviews: &[(&str, Sentiment)]) {
        let counts = reviews.par_chunks(CHUNK).map(count);
        let counts = counts.reduce(Counts::new, merge);
        self.counts = merge(std::mem::take(&mut self.counts), counts);
        self.forget(MAX_WORDS);
    }

    /// Drops the rarest words if there are too many.
    fn forget(&mut self, max_words: usize) {
        if self.counts.len() <= max_words {
            return;
        }
        while self.counts.len() > max_words / 2 {
            self.forgotten += 1;
            let all = |count: &Count| count.occurrences.iter().sum::<u64>();
            self.counts.retain(|_, count| all(count) > self.forgotten);
        }
        self.counts.shrink_to(max_words);
    }

    /// The most distinctive words of each class.
    pub(crate) fn telling_words(self) -> Vec<ClassWords> {
        let counts = self.counts;
        let occurrences = |class| counts.values().map(move |count| count.occurrences[class]);
        let totals = [0, 1].map(|class| occurrences(class).sum::<u64>());
        let counts = counts.into_iter();
        let words = counts.map(|(word, count)| score(word, &count, totals));
        let mut words: Vec<TellingWord> = words.collect();
        // Positive scores mean class 1. Ties are sorted by word to make the order deterministic.
        words.sort_by(|one, two| {
            let by_score = two.score.total_cmp(&one.score);
            by_score.then_with(|| one.word.cmp(&two.word))
        });
        let positive = words.iter().take(WORDS).cloned().collect();
        let negative = words.into_iter().rev().take(WORDS);
        let negative = negative.map(|word| TellingWord {
            score: -word.score,
            ..word
        });
        let of_class = |class, mut words: Vec<TellingWord>| {
            words.retain(|word| word.score > 0.0);
            ClassWords { class, words }
        };
        let negative = of_class(Sentiment::Negative, negative.collect());
        vec![negative, of_class(Sentiment::Positive, positive)]
    }
}

fn count(reviews: &[(&str, Sentiment)]) -> Counts {
    let mut counts = Counts::new();
    for (position, (text, class)) in reviews.iter().enumerate() {
        let class = usize::from(class.id());
        for word in words(&text.to_lowercase()) {
            let count = match counts.get_mut(word) {
                Some(count) => count,
                None => counts.entry(word.into()).or_default(),
            };
            count.occurrences[class] += 1;
            if count.last_review != position + 1 {
                count.last_review = position + 1;
                count.reviews[class] += 1;
            }
        }
    }
    counts
}

/// The words of a text: runs of letters, digits and inner apostrophes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
}

fn merge(one: Counts, two: Counts) -> Counts {
    let (mut larger, smaller) = match one.len() >= two.len() {
        true => (one, two),
        false => (two, one),
    };
    for (word, count) in smaller {
        let sum = larger.entry(word).or_default();
        for class in [0, 1] {
            sum.occurrences[class] += count.occurrences[class];
            sum.reviews[class] += count.reviews[class];
        }
    }
    larger
}

/// The z-score of a word; positive values mean class 1.
fn score(word: Box<str>, count: &Count, totals: [u64; 2]) -> TellingWord {
    let all = (totals[0] + totals[1]) as f64;
    let prior = PRIOR * (count.occurrences[0] + count.occurrences[1]) as f64 / all;
    let log_odds = [0, 1].map(|class| {
        let occurrences = count.occurrences[class] as f64 + prior;
        let total = totals[class] as f64 + PRIOR;
        (occurrences / (total - occurrences)).ln()
    });
    let variance = count.occurrences.map(|it| 1.0 / (it as f64 + prior));
    let variance: f64 = variance.iter().sum();
    let score = (log_odds[1] - log_odds[0]) / variance.sqrt();
    // In a text of a single word the odds are infinite.
    let score = if score.is_finite() { score } else { 0.0 };
    TellingWord {
        word: word.into(),
        score,
        occurrences: count.occurrences,
        reviews: count.reviews,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Sentiment::{Negative, Positive};

    fn telling(reviews: &[(&str, Sentiment)]) -> Vec<ClassWords> {
        let mut counts = WordCounts::default();
        counts.add(reviews);
        counts.telling_words()
    }

    #[test]
    fn words_of_a_text() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}")
        };
        check(
            "don't stop - 'quoted' 10/10!",
            &["don't", "stop", "quoted", "10", "10"],
        );
        check("caf\u{e9}, na\u{ef}ve", &["caf\u{e9}", "na\u{ef}ve"]);
        check("''' ...", &[]);
    }

    #[test]
    fn the_most_distinctive_words_come_first() {
        let reviews = [
            ("A great, GREAT film", Positive),
            ("a bad film", Negative),
            ("bad, just bad", Negative),
        ];
        let found = telling(&reviews);
        let firsts: Vec<_> = found
            .iter()
            .map(|class| (class.class, class.words[0].word.as_str()))
            .collect();
        assert_eq!(firsts, [(Negative, "bad"), (Positive, "great")]);
        let bad = &found[0].words[0];
        assert_eq!((bad.occurrences, bad.reviews), ([3, 0], [2, 0]));
        assert!(bad.score > 0.0);
    }

    /// Computes one score by hand with the equations of the paper.
    #[test]
    fn a_score_agrees_with_the_paper() {
        let count = Count {
            occurrences: [10, 30],
            reviews: [0, 0],
            last_review: 0,
        };
        let found = score("w".into(), &count, [1000, 3000]).score;
        let prior = 1000.0 * 40.0 / 4000.0;
        let odds = |occurrences: f64, total: f64| {
            ((occurrences + prior) / (total + 1000.0 - occurrences - prior)).ln()
        };
        let deviation = (1.0_f64 / 20.0 + 1.0 / 40.0).sqrt();
        assert!((found - (odds(30.0, 3000.0) - odds(10.0, 1000.0)) / deviation).abs() < 1e-12);
        assert!(found.abs() < 1e-9, "equal frequencies have equal odds");
    }

    #[test]
    fn without_words_all_scores_are_finite() {
        for reviews in [vec![], vec![("", Positive)], vec![("x", Positive)]] {
            assert!(
                telling(&reviews)
                    .iter()
                    .flat_map(|class| &class.words)
                    .all(|word| word.score.is_finite())
            );
        }
    }

    #[test]
    fn rare_words_are_dropped_if_there_are_too_many() {
        let texts: Vec<String> = (0..100)
            .map(|id| format!("often word{id} word{}", id % 10))
            .collect();
        let reviews: Vec<_> = texts.iter().map(|text| (text.as_str(), Negative)).collect();
        let mut counts = WordCounts::default();
        counts.add(&reviews);
        let before = counts.counts.len();
        counts.forget(before);
        assert_eq!((counts.counts.len(), counts.forgotten), (before, 0));
        counts.forget(50);
        assert_eq!(counts.forgotten, 1);
        let mut left: Vec<&str> = counts.counts.keys().map(|word| &**word).collect();
        left.sort_unstable();
        assert_eq!(left.len(), 11);
        assert_eq!(left[0], "often");
    }

    /// Counts do not depend on how reviews are divided among threads.
    #[test]
    fn chunks_add_up() {
        let texts: Vec<String> = (0..3 * CHUNK)
            .map(|id| format!("word{} same", id % 7))
            .collect();
        let class = |id: usize| {
            if id.is_multiple_of(3) {
                Positive
            } else {
                Negative
            }
        };
        let reviews: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(id, text)| (text.as_str(), class(id)))
            .collect();
        let merged = reviews.chunks(CHUNK).map(count).fold(Counts::new(), merge);
        let whole = count(&reviews);
        assert_eq!(merged.len(), whole.len());
        for (word, count) in &whole {
            assert_eq!(
                (merged[word].occurrences, merged[word].reviews),
                (count.occurrences, count.reviews),
                "{word}"
            );
        }
    }
}
