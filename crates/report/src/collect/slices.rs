//! Kinds of test reviews and who judged them rightly: by length, wording, rating, topic, by words that
//! no training review has, and by whether a tokenizer has cut them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, UInt32Type, UInt64Type};
use artifact::{Artifact, Contract, Failure, map_arrays, schema};
use metrics::is_correct;

use crate::data::SliceData;
use crate::merge::Judged;

/// A kind with fewer reviews says nothing.
const FEWEST: usize = 30;

/// Ratings and topics that become slices of their own, at most.
const VALUES: usize = 12;

/// Words that make a negation or a contrast.
const NEGATIONS: &str = "not no never none nobody nothing neither nor without hardly barely cannot";
const CONTRASTS: &str = "but although though however despite yet nevertheless still except";

/// What a slice is about, in the order of the page where all are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Negation(bool),
    Contrast(bool),
    Question,
    /// In thousandths.
    Rating(i64),
    Topic(String),
    Cut(String, bool),
}

impl Kind {
    fn in_words(&self) -> String {
        match self {
            Self::Negation(true) => "with a negation (not, never, nothing ...)".to_owned(),
            Self::Negation(false) => "without a negation".to_owned(),
            Self::Contrast(true) => "with a contrast (but, although, however ...)".to_owned(),
            Self::Contrast(false) => "without a contrast".to_owned(),
            Self::Question => "with a question".to_owned(),
            Self::Rating(rating) => format!("rated {}", *rating as f64 / 1000.0),
            Self::Topic(topic) => format!("about {topic}"),
            Self::Cut(tokenizer, true) => format!("cut by the tokenizer {tokenizer}"),
            Self::Cut(tokenizer, false) => format!("whole for the tokenizer {tokenizer}"),
        }
    }
}

/// Sorts test reviews into kinds, one after the other.
#[derive(Default)]
pub(super) struct Sorter {
    /// Hashes of the words of the training reviews. Two words of one hash would make a new word look
    /// known, once in 2^64 pairs.
    known: HashSet<u64>,
    kinds: BTreeMap<Kind, Vec<usize>>,
    /// Words, and those among them that no training review has, by place.
    words: Vec<(usize, usize, usize)>,
}

impl Sorter {
    /// Learns the words of a training review.
    pub(super) fn learn(&mut self, text: &str) {
        self.known.extend(words_of(&text.to_lowercase()).map(hash));
    }

    /// Sorts the test review of a row of `clean.parquet`.
    pub(super) fn add(&mut self, batch: &RecordBatch, row: usize, place: usize) {
        let lower = batch.column(1).as_string::<i32>().value(row).to_lowercase();
        for kind in kinds_of(&lower, batch, row) {
            self.kinds.entry(kind).or_default().push(place);
        }
        let new = words_of(&lower).filter(|word| !self.known.contains(&hash(word)));
        self.words
            .push((lower.split_whitespace().count(), new.count(), place));
    }

    /// Sorts all test reviews by whether a tokenizer has cut them.
    ///
    /// # Errors
    /// The tokens are damaged.
    pub(super) fn add_cuts(
        &mut self,
        tokenizer: &str,
        tokens: &Artifact,
        place_of: &HashMap<u64, usize>,
    ) -> Result<(), Failure> {
        let Contract::Tokens {
            vocabulary_size, ..
        } = tokens.manifest().contract
        else {
            return Ok(());
        };
        let wide = vocabulary_size > u32::from(u16::MAX) + 1;
        for batch in map_arrays(&tokens.file("test.arrow")?, &schema::tokens(wide))? {
            let ids = batch.column(0).as_primitive::<UInt64Type>();
            let lengths = batch.column(2).as_primitive::<UInt32Type>();
            let kept = batch.column(3).as_list::<i32>();
            for row in 0..batch.num_rows() {
                let is_cut = lengths.value(row) as usize > kept.value_length(row) as usize;
                if let Some(place) = place_of.get(&ids.value(row)) {
                    let kind = Kind::Cut(tokenizer.to_owned(), is_cut);
                    self.kinds.entry(kind).or_default().push(*place);
                }
            }
        }
        Ok(())
    }

    /// The kinds with the reviews of each that every model is right about.
    pub(super) fn slices(mut self, judged: &Judged) -> Vec<SliceData> {
        self.words.sort_unstable();
        let groups = self.by_length().chain(self.by_new_words());
        let slice = |(name, places): (String, Vec<usize>)| {
            let right = judged.probabilities.values().map(|values| {
                let right = |place: &&usize| is_correct(judged.labels[**place], values[**place]);
                places.iter().filter(right).count() as u64
            });
            SliceData {
                name,
                rows: places.len() as u64,
                right: right.collect(),
            }
        };
        groups.chain(self.by_kind()).map(slice).collect()
    }

    /// A third each of the reviews, which are sorted by their length.
    fn by_length(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let rows = self.words.len();
        let parts = ["shortest", "middle", "longest"].into_iter().enumerate();
        parts.filter_map(move |(part, name)| {
            let third = &self.words[part * rows / 3..(part + 1) * rows / 3];
            let ((low, ..), (high, ..)) = (third.first()?, third.last()?);
            let name = format!("the {name} third ({low} to {high} words)");
            Some((name, third.iter().map(|(.., place)| *place).collect()))
        })
    }

    /// Reviews with the largest share of new words, and those without any.
    fn by_new_words(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let shares = self.words.iter();
        let mut shares: Vec<(f64, usize)> = shares
            .map(|(words, new, place)| (*new as f64 / (*words).max(1) as f64, *place))
            .collect();
        shares.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.1.cmp(&two.1)));
        let tenth = &shares[..shares.len() / 10];
        let least = tenth.last().map_or(0.0, |(share, _)| *share);
        let percent = 100.0 * least;
        let most = format!(
            "the tenth with most words that no training review has ({percent:.1} % or more)"
        );
        let none = "of words that all stand in training reviews".to_owned();
        let known = shares.iter().filter(|(share, _)| *share == 0.0);
        let groups = [
            (most, tenth.iter().map(|(_, place)| *place).collect()),
            (none, known.map(|(_, place)| *place).collect()),
        ];
        let is_enough =
            move |(_, places): &(String, Vec<usize>)| least > 0.0 && places.len() >= FEWEST;
        groups.into_iter().filter(is_enough)
    }

    /// Reviews by what they have or are about. A rating of many values, or a topic of many names, has too
    /// few reviews of each.
    fn by_kind(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let count = |wanted: fn(&&Kind) -> bool| self.kinds.keys().filter(wanted).count();
        let many_ratings = count(|kind| matches!(kind, Kind::Rating(_))) > VALUES;
        let many_topics = count(|kind| matches!(kind, Kind::Topic(_))) > VALUES;
        let shown = self.kinds.iter().filter(move |(kind, places)| match kind {
            Kind::Rating(_) if many_ratings => false,
            Kind::Topic(_) if many_topics => false,
            _ => places.len() >= FEWEST,
        });
        shown.map(|(kind, places)| (kind.in_words(), places.clone()))
    }
}

fn words_of(lower: &str) -> impl Iterator<Item = &str> {
    let words = lower.split(|sign: char| !sign.is_alphanumeric() && sign != '\'');
    words.filter(|word| !word.is_empty())
}

fn hash(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

fn kinds_of(lower: &str, batch: &RecordBatch, row: usize) -> Vec<Kind> {
    let has = |list: &str| {
        let mut words = lower.split(|sign: char| !sign.is_alphanumeric());
        words.any(|word| list.split(' ').any(|listed| listed == word))
    };
    let negated = has(NEGATIONS) || lower.contains("n't") || lower.contains("n\u{2019}t");
    let mut kinds = vec![Kind::Negation(negated), Kind::Contrast(has(CONTRASTS))];
    if lower.contains('?') {
        kinds.push(Kind::Question);
    }
    let rating = batch.column(4).as_primitive::<Float32Type>();
    if rating.is_valid(row) {
        kinds.push(Kind::Rating((rating.value(row) * 1000.0).round() as i64));
    }
    let topic = batch.column(6).as_string::<i32>();
    if topic.is_valid(row) {
        kinds.push(Kind::Topic(topic.value(row).to_owned()));
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_words_are_those_of_no_training_review() {
        let mut sorter = Sorter::default();
        sorter.learn("A fine film, isn't it? Don't miss it.");
        let new = |text: &str| {
            let words = words_of(text).filter(|word| !sorter.known.contains(&hash(word)));
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(new("a fine, fine plot isn't it"), ["plot"]);
    }

    #[test]
    fn reviews_are_sorted_by_their_share_of_new_words() {
        // Of 400 reviews of ten words every tenth has two new ones.
        let words = (0..400).map(|place| (10, if place % 10 == 0 { 2 } else { 0 }, place));
        let mut sorter = Sorter {
            words: words.collect(),
            ..Sorter::default()
        };
        let found: Vec<(String, Vec<usize>)> = sorter.by_new_words().collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].0.contains("(20.0 % or more)"), "{}", found[0].0);
        assert_eq!((found[0].1.len(), found[0].1[1]), (40, 10));
        assert_eq!(found[1].1.len(), 360);
        // Where nothing is new there is nothing to tell.
        sorter.words.iter_mut().for_each(|(_, new, _)| *new = 0);
        assert_eq!(sorter.by_new_words().count(), 0);
    }
}
