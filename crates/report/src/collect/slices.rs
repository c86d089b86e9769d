//! Slices of the test reviews with the correct predictions of each model: by length, wording, rating, topic,
//! unknown words and truncation.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, UInt32Type, UInt64Type};
use artifact::{Artifact, Contract, map_arrays, schema};

use crate::Result;
use crate::data::SliceData;
use crate::predictions::TestPredictions;

/// Smallest number of reviews of a slice.
const FEWEST: usize = 30;

/// Largest number of ratings or topics that become slices.
const VALUES: usize = 12;

/// Words of a negation or a contrast.
const NEGATIONS: &str = "not no never none nobody nothing neither nor without hardly barely cannot";
const CONTRASTS: &str = "but although though however despite yet nevertheless still except";

/// A common property of the reviews of a slice. The order is that of `report.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Criterion {
    Negation(bool),
    Contrast(bool),
    Question,
    /// The rating in thousandths.
    Rating(i64),
    Topic(String),
    /// By the tokenizer with this name.
    Truncated(String, bool),
}

impl Criterion {
    fn describe(&self) -> String {
        match self {
            Self::Negation(true) => "with a negation (not, never, nothing ...)".to_owned(),
            Self::Negation(false) => "without a negation".to_owned(),
            Self::Contrast(true) => "with a contrast (but, although, however ...)".to_owned(),
            Self::Contrast(false) => "without a contrast".to_owned(),
            Self::Question => "with a question".to_owned(),
            Self::Rating(rating) => format!("rated {}", *rating as f64 / 1000.0),
            Self::Topic(topic) => format!("about {topic}"),
            Self::Truncated(tokenizer, true) => format!("truncated by tokenizer {tokenizer}"),
            Self::Truncated(tokenizer, false) => format!("not truncated by tokenizer {tokenizer}"),
        }
    }
}

/// Assigns test reviews to slices.
#[derive(Default)]
pub(super) struct SliceBuilder {
    /// Hashes of the words of the training reviews: smaller than the words, and collisions are rare enough.
    known_words: HashSet<u64>,
    by_criterion: BTreeMap<Criterion, Vec<usize>>,
    /// For each test review its number of words, of unknown words, and its index.
    words: Vec<(usize, usize, usize)>,
}

impl SliceBuilder {
    /// Adds the words of a training review to the known words.
    pub(super) fn add_training_text(&mut self, text: &str) {
        let lower = text.to_lowercase();
        self.known_words.extend(words(&lower).map(hash));
    }

    /// Adds the test review of a row of `clean.parquet`; `index` is its position among the test reviews.
    pub(super) fn add(&mut self, batch: &RecordBatch, row: usize, index: usize) {
        let lower = batch.column(1).as_string::<i32>().value(row).to_lowercase();
        for criterion in criteria(&lower, batch, row) {
            self.by_criterion.entry(criterion).or_default().push(index);
        }
        let unknown = words(&lower).filter(|word| !self.known_words.contains(&hash(word)));
        let words = lower.split_whitespace().count();
        self.words.push((words, unknown.count(), index));
    }

    /// Adds all test reviews by whether a tokenizer truncates them.
    ///
    /// # Errors
    /// The tokens are damaged.
    pub(super) fn add_truncation(
        &mut self,
        tokenizer: &str,
        tokens: &Artifact,
        index_by_id: &HashMap<u64, usize>,
    ) -> Result<()> {
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
            let tokens = batch.column(3).as_list::<i32>();
            for row in 0..batch.num_rows() {
                let is_truncated = lengths.value(row) as usize > tokens.value_length(row) as usize;
                if let Some(index) = index_by_id.get(&ids.value(row)) {
                    let criterion = Criterion::Truncated(tokenizer.to_owned(), is_truncated);
                    self.by_criterion.entry(criterion).or_default().push(*index);
                }
            }
        }
        Ok(())
    }

    /// The indices of the test reviews that a tokenizer truncates, or of the others.
    pub(super) fn by_truncation(&self, tokenizer: &str, is_truncated: bool) -> &[usize] {
        let criterion = Criterion::Truncated(tokenizer.to_owned(), is_truncated);
        self.by_criterion.get(&criterion).map_or(&[], Vec::as_slice)
    }

    /// The slices with the correct predictions of every model.
    pub(super) fn build(mut self, predictions: &TestPredictions) -> Vec<SliceData> {
        self.words.sort_unstable();
        let groups = self.by_length().chain(self.by_unknown_words());
        let slice = |(name, indices): (String, Vec<usize>)| {
            let models = predictions.probabilities.keys();
            SliceData {
                name,
                rows: indices.len() as u64,
                correct: models.map(|it| predictions.correct(it, &indices)).collect(),
            }
        };
        groups.chain(self.by_criterion()).map(slice).collect()
    }

    /// The shortest, the middle and the longest third. The reviews are sorted by length.
    fn by_length(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let rows = self.words.len();
        let parts = ["shortest", "middle", "longest"].into_iter().enumerate();
        parts.filter_map(move |(part, name)| {
            let third = &self.words[part * rows / 3..(part + 1) * rows / 3];
            let ((low, ..), (high, ..)) = (third.first()?, third.last()?);
            let name = format!("the {name} third (about {low} to {high} words)");
            Some((name, third.iter().map(|(.., index)| *index).collect()))
        })
    }

    /// The tenth with the largest share of unknown words, and the reviews without unknown words.
    fn by_unknown_words(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let shares = self.words.iter().copied();
        let shares = shares.map(|(all, unknown, at)| (unknown as f64 / all.max(1) as f64, at));
        let mut shares: Vec<(f64, usize)> = shares.collect();
        shares.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.1.cmp(&two.1)));
        let tenth = &shares[..shares.len() / 10];
        let least = tenth.last().map_or(0.0, |(share, _)| *share);
        let percent = 100.0 * least;
        let most = format!(
            "the 10% of reviews with most unknown words (at least {percent:.1}% of their words)"
        );
        let none = "without unknown words".to_owned();
        let without = shares.iter().filter(|(share, _)| *share == 0.0);
        let tenth = tenth.iter().map(|(_, index)| *index).collect();
        let without = without.map(|(_, index)| *index).collect();
        let groups: [(_, Vec<usize>); 2] = [(most, tenth), (none, without)];
        let groups = groups.into_iter().filter(move |_| least > 0.0);
        groups.filter(|(_, indices)| indices.len() >= FEWEST)
    }

    /// One slice per criterion, without ratings or topics that have too many values.
    fn by_criterion(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let many =
            |of: fn(&&Criterion) -> bool| self.by_criterion.keys().filter(of).count() > VALUES;
        let many_ratings = many(|criterion| matches!(criterion, Criterion::Rating(_)));
        let many_topics = many(|criterion| matches!(criterion, Criterion::Topic(_)));
        let all = self.by_criterion.iter();
        let large = all.filter(move |(criterion, indices)| match criterion {
            Criterion::Rating(_) if many_ratings => false,
            Criterion::Topic(_) if many_topics => false,
            _ => indices.len() >= FEWEST,
        });
        large.map(|(criterion, indices)| (criterion.describe(), indices.clone()))
    }
}

fn words(lower: &str) -> impl Iterator<Item = &str> {
    let words = lower.split(|character: char| !character.is_alphanumeric() && character != '\'');
    words.filter(|word| !word.is_empty())
}

fn hash(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

fn criteria(lower: &str, batch: &RecordBatch, row: usize) -> Vec<Criterion> {
    let has = |list: &str| {
        let mut words = lower.split(|character: char| !character.is_alphanumeric());
        words.any(|word| list.split(' ').any(|listed| listed == word))
    };
    let negated = has(NEGATIONS) || lower.contains("n't") || lower.contains("n\u{2019}t");
    let contrast = Criterion::Contrast(has(CONTRASTS));
    let mut criteria = vec![Criterion::Negation(negated), contrast];
    if lower.contains('?') {
        criteria.push(Criterion::Question);
    }
    let rating = batch.column(4).as_primitive::<Float32Type>();
    if rating.is_valid(row) {
        let thousandths = (rating.value(row) * 1000.0).round() as i64;
        criteria.push(Criterion::Rating(thousandths));
    }
    let topic = batch.column(6).as_string::<i32>();
    if topic.is_valid(row) {
        criteria.push(Criterion::Topic(topic.value(row).to_owned()));
    }
    criteria
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_in_no_training_review() {
        let mut slices = SliceBuilder::default();
        slices.add_training_text("A fine film, isn't it? Don't miss it.");
        let unknown = |text: &str| {
            let words = words(text).filter(|word| !slices.known_words.contains(&hash(word)));
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(unknown("a fine, fine plot isn't it"), ["plot"]);
    }

    #[test]
    fn slices_by_the_share_of_unknown_words() {
        // Every tenth of 400 reviews of ten words has two unknown words.
        let words = (0..400).map(|index| (10, if index % 10 == 0 { 2 } else { 0 }, index));
        let mut slices = SliceBuilder {
            words: words.collect(),
            ..SliceBuilder::default()
        };
        let found: Vec<(String, Vec<usize>)> = slices.by_unknown_words().collect();
        assert_eq!(found.len(), 2);
        assert!(
            found[0].0.contains("(at least 20.0% of their words)"),
            "{}",
            found[0].0
        );
        assert_eq!((found[0].1.len(), found[0].1[1]), (40, 10));
        assert_eq!(found[1].1.len(), 360);
        // Without unknown words there is no such slice.
        slices
            .words
            .iter_mut()
            .for_each(|(_, unknown, _)| *unknown = 0);
        assert_eq!(slices.by_unknown_words().count(), 0);
    }
}
