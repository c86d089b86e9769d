//! Words whose frequency differs before and after a change: log-odds ratios with a Dirichlet prior from both
//! sides, divided by their standard error (Monroe, Colaresi and Quinn 2008).

use std::collections::{HashMap, HashSet};

use serde::Serialize;

/// Minimum number of texts with a word.
const MIN_TEXTS: u32 = 10;

/// Weight of the prior, in words.
const PRIOR_WEIGHT: f64 = 1000.0;

/// Numbers of texts with each word, before and after a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct WordCounts {
    texts: [u32; 2],
    /// Number of distinct words per text, summed over texts. Shares of this total do not change when all texts
    /// become shorter.
    totals: [u32; 2],
    words: HashMap<String, [u32; 2]>,
}

/// A word and the change of its frequency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WordChange {
    /// The word.
    pub word: String,
    /// Share of the texts before the change that contain it.
    pub before: f64,
    /// Share of the texts after the change that contain it.
    pub after: f64,
    /// Log-odds ratio of after and before, in standard errors. Above 2 or below -2 it is significant for one word
    /// chosen in advance; above 4 or below -4 for the strongest of thousands of words.
    pub z: f64,
}

impl WordCounts {
    /// Counts each distinct word of a text once.
    pub(crate) fn add(&mut self, text: &str, is_after: bool) {
        let side = usize::from(is_after);
        self.texts[side] += 1;
        let words = words(text).filter(|word| word.chars().count() > 1);
        let words: HashSet<String> = words.collect();
        self.totals[side] += words.len() as u32;
        for word in words {
            self.words.entry(word).or_default()[side] += 1;
        }
    }

    /// At most `count` words with the largest changes, in descending order.
    pub(crate) fn largest_changes(&self, count: usize) -> Vec<WordChange> {
        let [before, after] = self.texts.map(f64::from);
        let totals = self.totals.map(f64::from);
        if before == 0.0 || after == 0.0 {
            return Vec::new();
        }
        let words = self.words.iter();
        let frequent = words.filter(|(_, counts)| counts[0] + counts[1] >= MIN_TEXTS);
        let change = |(word, counts): (&String, &[u32; 2])| {
            let counts = counts.map(f64::from);
            let prior = PRIOR_WEIGHT * (counts[0] + counts[1]) / (totals[0] + totals[1]);
            let log_odds = |side: usize| {
                ((counts[side] + prior) / (totals[side] - counts[side] + PRIOR_WEIGHT - prior)).ln()
            };
            let error = (1.0 / (counts[0] + prior) + 1.0 / (counts[1] + prior)).sqrt();
            WordChange {
                word: word.clone(),
                before: counts[0] / before,
                after: counts[1] / after,
                z: (log_odds(1) - log_odds(0)) / error,
            }
        };
        let mut changes: Vec<WordChange> = frequent.map(change).collect();
        changes.sort_by(|one, two| {
            let by_size = two.z.abs().total_cmp(&one.z.abs());
            by_size.then(one.word.cmp(&two.word))
        });
        changes.truncate(count);
        changes
    }
}

/// The words of a text: runs of letters and digits, in lower case.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|character: char| !character.is_alphanumeric() && character != '\'');
    let words = words.map(|word| word.trim_matches('\'').to_lowercase());
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_the_largest_changes_come_first_and_common_words_are_missing() {
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
        let changes = counts.largest_changes(5);
        let words: Vec<&str> = changes.iter().map(|word| word.word.as_str()).collect();
        assert!(
            words.contains(&"update") && words.contains(&"fine") && words.contains(&"it's"),
            "{words:?}"
        );
        let update = changes
            .iter()
            .find(|word| word.word == "update")
            .expect("it changed");
        assert!(
            update.z > 4.0 && update.after == 0.75 && update.before == 0.25,
            "{update:?}"
        );
        assert!(
            !words.contains(&"the") && !words.contains(&"game"),
            "{words:?}"
        );
        assert!(WordCounts::default().largest_changes(5).is_empty());
    }
}
