//! Which words are more common on one side of a change than on the other: log-odds with a Dirichlet prior
//! from both sides together, divided by their standard error (Monroe, Colaresi and Quinn 2008).

use std::collections::{HashMap, HashSet};

use serde::Serialize;

/// Texts that must have a word.
const FEWEST: u32 = 10;

/// Words that the prior is worth.
const PRIOR: f64 = 1000.0;

/// Texts with a word, on each side of a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct WordCounts {
    texts: [u32; 2],
    /// Words of these texts, each once in a text: what shares of words are taken of, so that texts that
    /// become shorter do not make every word rarer.
    totals: [u32; 2],
    words: HashMap<String, [u32; 2]>,
}

/// A word and how it moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WordChange {
    /// The word.
    pub word: String,
    /// Share of the texts before that have it.
    pub before: f64,
    /// Share of the texts after that have it.
    pub after: f64,
    /// Its log-odds after minus before, in standard errors: beyond 2 either way chance is an unlikely
    /// cause for a word that was asked about, and for the strongest of thousands beyond 4.
    pub z: f64,
}

impl WordCounts {
    /// Counts the words of a text, each once; words are runs of letters and digits, in lower case.
    pub(crate) fn add(&mut self, text: &str, is_after: bool) {
        let side = usize::from(is_after);
        self.texts[side] += 1;
        let words = text.split(|sign: char| !sign.is_alphanumeric() && sign != '\'');
        let words = words.map(|word| word.trim_matches('\'').to_lowercase());
        let words: HashSet<String> = words.filter(|word| word.chars().count() > 1).collect();
        self.totals[side] += words.len() as u32;
        for word in words {
            self.words.entry(word).or_default()[side] += 1;
        }
    }

    /// The words that moved most, at most so many, the most moved first.
    pub(crate) fn moved(&self, most: usize) -> Vec<WordChange> {
        let [before, after] = self.texts.map(f64::from);
        let totals = self.totals.map(f64::from);
        if before == 0.0 || after == 0.0 {
            return Vec::new();
        }
        let words = self.words.iter();
        let counted = words.filter(|(_, counts)| counts[0] + counts[1] >= FEWEST);
        let mut moved: Vec<WordChange> = counted
            .map(|(word, counts)| {
                let counts = counts.map(f64::from);
                let prior = PRIOR * (counts[0] + counts[1]) / (totals[0] + totals[1]);
                let log_odds = |side: usize| {
                    ((counts[side] + prior) / (totals[side] - counts[side] + PRIOR - prior)).ln()
                };
                let error = (1.0 / (counts[0] + prior) + 1.0 / (counts[1] + prior)).sqrt();
                WordChange {
                    word: word.clone(),
                    before: counts[0] / before,
                    after: counts[1] / after,
                    z: (log_odds(1) - log_odds(0)) / error,
                }
            })
            .collect();
        moved.sort_by(|one, two| {
            let by_size = two.z.abs().total_cmp(&one.z.abs());
            by_size.then(one.word.cmp(&two.word))
        });
        moved.truncate(most);
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_moved_come_first_and_common_ones_do_not() {
        let mut counts = WordCounts::default();
        for row in 0..200 {
            counts.add(
                &format!(
                    "The game runs fine {}",
                    if row % 4 == 0 { "update" } else { "" }
                ),
                false,
            );
            counts.add(
                &format!(
                    "The game, it's the {} now",
                    if row % 4 < 3 { "update" } else { "game" }
                ),
                true,
            );
        }
        let moved = counts.moved(5);
        let words: Vec<&str> = moved.iter().map(|word| word.word.as_str()).collect();
        assert!(
            words.contains(&"update") && words.contains(&"fine") && words.contains(&"it's"),
            "{words:?}"
        );
        let update = moved
            .iter()
            .find(|word| word.word == "update")
            .expect("it moved");
        assert!(
            update.z > 4.0 && update.after == 0.75 && update.before == 0.25,
            "{update:?}"
        );
        assert!(
            !words.contains(&"the") && !words.contains(&"game"),
            "{words:?}"
        );
        assert!(WordCounts::default().moved(5).is_empty());
    }
}
