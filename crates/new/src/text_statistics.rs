//! Lengths, vocabulary and languages of the texts of a file.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use whatlang::Lang;

/// Maximum number of texts in the sample.
const SAMPLE: usize = 2000;

/// Number of letters from which the language of a text is reliable, and characters that are examined.
const LANGUAGE_LETTERS: usize = 40;
const LANGUAGE_CHARACTERS: usize = 1000;

/// Counts over all texts, and a sample across them.
#[derive(Debug, Default)]
pub(crate) struct TextStatistics {
    /// Tokens of each text for the tokenizer `word`.
    words: Vec<u32>,
    /// Characters of each text.
    characters: Vec<u32>,
    /// How often each word occurs, by hash.
    counts: HashMap<u64, u32>,
    /// Letters, and those of scripts without spaces between words.
    letters: u64,
    unspaced: u64,
    /// Every n-th text.
    pub(crate) sample: Vec<String>,
    /// The n of "every n-th text" as a power of two.
    stride: u32,
}

impl TextStatistics {
    /// Counts a text. Empty texts are removed by `clean` and not counted.
    pub(crate) fn add(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        if self.words.len().is_multiple_of(1 << self.stride) {
            self.sample.push(text.to_owned());
        }
        if self.sample.len() > SAMPLE {
            self.stride += 1;
            let mut index = 0;
            self.sample.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
        let mut words = 0;
        for_each_word(text, |word| {
            words += 1;
            let mut hasher = DefaultHasher::new();
            word.to_lowercase().hash(&mut hasher);
            *self.counts.entry(hasher.finish()).or_default() += 1;
        });
        self.words.push(words);
        let mut characters = 0;
        for character in text.chars() {
            characters += 1;
            self.letters += u64::from(character.is_alphabetic());
            self.unspaced += u64::from(text::is_unspaced(character));
        }
        self.characters.push(characters);
    }

    /// Whether most letters belong to scripts without spaces between words.
    pub(crate) fn is_unspaced(&self) -> bool {
        2 * self.unspaced > self.letters
    }

    /// Tokens per text: for scripts without spaces about two tokens for three characters (`bpe` on Chinese reviews).
    pub(crate) fn lengths(&self) -> Lengths {
        match self.is_unspaced() {
            true => Lengths::new(self.characters.iter().map(|it| it * 2 / 3).collect()),
            false => Lengths::new(self.words.clone()),
        }
    }

    /// Number of different words that occur at least twice; rarer ones are not learned.
    pub(crate) fn vocabulary(&self) -> u64 {
        self.counts.values().filter(|count| **count > 1).count() as u64
    }

    /// Languages of the sample with their shares of the texts whose language is clear, the largest first; and how many
    /// texts that are.
    pub(crate) fn languages(&self) -> (Vec<(Lang, f64)>, usize) {
        let mut counts: HashMap<Lang, usize> = HashMap::new();
        let mut clear = 0;
        for text in &self.sample {
            let start: String = text.chars().take(LANGUAGE_CHARACTERS).collect();
            let letters = start.chars().filter(|it| it.is_alphabetic()).count();
            let is_long = letters >= LANGUAGE_LETTERS || self.is_unspaced();
            let found = whatlang::detect(&start).filter(|it| is_long && it.is_reliable());
            if let Some(found) = found {
                *counts.entry(found.lang()).or_default() += 1;
                clear += 1;
            }
        }
        let shares = counts.into_iter();
        let shares = shares.map(|(lang, count)| (lang, count as f64 / clear as f64));
        let mut shares: Vec<(Lang, f64)> = shares.collect();
        shares.sort_by(|one, two| two.1.total_cmp(&one.1).then(one.0.code().cmp(two.0.code())));
        (shares, clear)
    }
}

/// Sorted lengths of texts in tokens.
#[derive(Debug)]
pub(crate) struct Lengths(Vec<u32>);

impl Lengths {
    pub(crate) fn new(mut lengths: Vec<u32>) -> Self {
        lengths.sort_unstable();
        Self(lengths)
    }

    /// The length that a share of the texts does not exceed; 0 without texts.
    pub(crate) fn quantile(&self, share: f64) -> u32 {
        let index = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(index.saturating_sub(1)).copied().unwrap_or(0)
    }

    /// Mean number of tokens if texts are truncated.
    pub(crate) fn mean(&self, max_length: u32) -> f64 {
        let kept = |length: &u32| u64::from(*length.min(&max_length));
        let kept: u64 = self.0.iter().map(kept).sum();
        kept as f64 / self.0.len().max(1) as f64
    }

    /// Share of the texts that are longer than `max_length`.
    pub(crate) fn share_longer(&self, max_length: u32) -> f64 {
        let longer = self.0.iter().filter(|length| **length > max_length).count();
        longer as f64 / self.0.len().max(1) as f64
    }

    /// A setting `max_length` that keeps 95% of the texts whole, at most `limit`.
    pub(crate) fn max_length(&self, limit: u32) -> u32 {
        // A few tokens more cost nothing, and multiples of eight are fast.
        self.quantile(0.95).max(8).next_multiple_of(8).min(limit)
    }
}

/// Words and punctuation marks, close to those of the tokenizer `word`: the part of a word after an apostrophe is a
/// token.
fn for_each_word(text: &str, mut visit: impl FnMut(&str)) {
    let mut start = None;
    for (index, character) in text.char_indices() {
        if character.is_alphanumeric() || character == '_' {
            start.get_or_insert(index);
            continue;
        }
        if let Some(start) = start.take() {
            visit(&text[start..index]);
        }
        if matches!(character, '\'' | '\u{2019}') {
            start = Some(index);
        } else if !character.is_whitespace() {
            visit(&text[index..index + character.len_utf8()]);
        }
    }
    if let Some(start) = start {
        visit(&text[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(texts: impl IntoIterator<Item = String>) -> TextStatistics {
        let mut statistics = TextStatistics::default();
        texts.into_iter().for_each(|text| statistics.add(&text));
        statistics
    }

    #[test]
    fn words_are_counted_as_by_the_tokenizer() {
        let mut words = Vec::new();
        for_each_word("It's well-made, isn't it? 10/10", |word| {
            words.push(word.to_owned())
        });
        let expected = [
            "It", "'s", "well", "-", "made", ",", "isn", "'t", "it", "?", "10", "/", "10",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn ninety_five_percent_of_the_texts_stay_whole() {
        let texts = (0..=100).map(|length| "word ".repeat(length));
        let lengths = statistics(texts).lengths();
        assert_eq!((lengths.quantile(0.95), lengths.max_length(512)), (95, 96));
        assert_eq!(lengths.max_length(64), 64);
        assert_eq!(lengths.share_longer(96), 0.04);
        assert_eq!(lengths.mean(1), 1.0);
    }

    #[test]
    fn the_sample_spreads_over_all_texts() {
        let sample = statistics((0..9000).map(|number| number.to_string())).sample;
        assert!(
            sample.len() > SAMPLE / 2 && sample.len() <= SAMPLE,
            "{}",
            sample.len()
        );
        let last: usize = sample.last().expect("a text").parse().expect("a number");
        assert!(last > 8900, "{last}");
    }

    #[test]
    fn languages_are_counted() {
        let german =
            "Das Paket kam leider viel zu sp\u{e4}t an, und die Verpackung war besch\u{e4}digt.";
        let english =
            "The parcel arrived much too late, and unfortunately the box was damaged as well.";
        let texts = [german, english, english, english, "ok"].map(str::to_owned);
        let (languages, clear) = statistics(texts).languages();
        assert_eq!(
            (languages, clear),
            (vec![(Lang::Eng, 0.75), (Lang::Deu, 0.25)], 4)
        );
        let thai = statistics([
            "\u{e2a}\u{e34}\u{e19}\u{e04}\u{e49}\u{e32}\u{e14}\u{e35}\u{e21}\u{e32}\u{e01}"
                .to_owned(),
        ]);
        assert!(thai.is_unspaced());
    }
}
