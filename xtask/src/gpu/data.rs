//! The reviews of a `core` pack, made from the movie-review sentences of the default pipeline.

use std::fmt::Write;

/// Sentences in the short data; enough for about 20 training steps of 32 reviews.
pub(crate) const SENTENCES: usize = 1100;
/// Reviews in the long data.
pub(crate) const REVIEWS: usize = 2400;
/// Only sentences whose rating differs from 0 by more than this are used for long reviews.
const CLEAR: f64 = 0.5;
/// Fewest and most sentences of a long review. About half of the reviews are longer than 512 tokens.
const FEWEST: u64 = 4;
const MOST: u64 = 44;

/// `count` lines of a table of sentences, evenly spaced, because the table is sorted by rating.
pub(crate) fn short(table: &str, count: usize) -> String {
    let lines: Vec<&str> = table.lines().collect();
    let count = count.min(lines.len());
    let line = |index| [lines[index * lines.len() / count], "\n"];
    (0..count).flat_map(line).collect()
}

/// `count` reviews, each of several sentences with the same sentiment. Columns: id, rating, text. The result is
/// always the same.
pub(crate) fn long(table: &str, count: usize) -> String {
    let mut by_sentiment = [Vec::new(), Vec::new()];
    for line in table.lines() {
        let mut columns = line.splitn(3, '\t');
        let rating = columns.nth(1).and_then(|text| text.parse::<f64>().ok());
        if let (Some(rating), Some(text)) = (rating, columns.next())
            && rating.abs() > CLEAR
        {
            by_sentiment[usize::from(rating > 0.0)].push(text);
        }
    }
    let mut random = Random(1);
    let mut reviews = String::new();
    if by_sentiment.iter().any(Vec::is_empty) {
        return reviews;
    }
    for id in 1..=count {
        let sentences = &by_sentiment[id % 2];
        let rating = if id % 2 == 1 { 2.0 } else { -2.0 };
        let text: Vec<&str> = (0..FEWEST + random.below(MOST - FEWEST + 1))
            .map(|_| sentences[random.below(sentences.len() as u64) as usize])
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(reviews, "{id}\t{rating}\t{}", text.join(" "));
    }
    reviews
}

/// A linear congruential generator (Knuth's MMIX constants). Its high bits are good enough here.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
        const INCREMENT: u64 = 1_442_695_040_888_963_407;
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        (self.0 >> 33) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "1\t2.5\tA joy.\n2\t-3\tA bore.\n3\t0.1\tA film.\n4\t1\tLovely\tindeed.\n";

    #[test]
    fn short_data_are_sentences_from_all_of_the_table() {
        assert_eq!(short(TABLE, 2), "1\t2.5\tA joy.\n3\t0.1\tA film.\n");
        assert_eq!(short("", 2), "");
        assert_eq!(short(TABLE, 9), TABLE);
    }

    #[test]
    fn long_reviews_have_sentences_of_one_sentiment_and_many_lengths() {
        let reviews = long(TABLE, 200);
        assert_eq!(reviews, long(TABLE, 200));
        let mut lengths = std::collections::BTreeSet::new();
        for (index, line) in reviews.lines().enumerate() {
            let columns: Vec<&str> = line.splitn(3, '\t').collect();
            assert_eq!(columns[0], (index + 1).to_string());
            let (positive, text) = (columns[1] == "2", columns[2]);
            assert_eq!(text.contains("joy") || text.contains("Lovely"), positive);
            assert_eq!(text.contains("bore"), !positive);
            assert!(!text.contains("film"), "it is rated near 0");
            lengths.insert(text.matches('.').count() as u64);
        }
        assert_eq!(reviews.lines().count(), 200);
        assert!(lengths.first() >= Some(&FEWEST) && lengths.last() <= Some(&MOST));
        assert!(lengths.len() > 20);
        assert_eq!(long("1\t2.5\tOnly joy.\n", 5), "");
    }
}
